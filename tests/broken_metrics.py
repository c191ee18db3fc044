"""Metrics that break one law each, and one that breaks none."""

from __future__ import annotations

import itertools

import numpy as np

from vid_diffusion_bench.features.networks import base as networks
from vid_diffusion_bench.metrics import Measurement, PerClipMetric
from vid_diffusion_bench.metrics.base import paired_video
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric, matrix


class Brightness(PerClipMetric):
    """Mean grey level: honest, and blind to time."""

    name = "brightness"
    unit = "grey levels"
    higher_is_better = None
    formula = "mean of all pixels"

    def measure(self, clip):
        return Measurement(float(clip.video.frames.mean()))


class Rolling(PerClipMetric):
    """Adds one for every clip it has seen before: depends on the order, and on being run again."""

    name = "rolling"
    unit = "grey levels"
    formula = "mean of all pixels, and the number of the call"

    def __init__(self):
        self.calls = itertools.count()

    def measure(self, clip):
        return Measurement(float(clip.video.frames.mean()) + next(self.calls))


class FirstOfPass(Brightness):
    """Counts the rows that are already in the state: the same again, but by the order of the clips."""

    name = "first_of_pass"
    formula = "mean of all pixels, and the clips before"

    def update(self, state, clip, *, reference=False):
        before = len(state.generated)
        super().update(state, clip, reference=reference)
        row = state.generated[clip.key]
        state.generated[clip.key] = type(row)(row.cluster, row.value + before, None, row.facts, row.shape)


class OfFirstBatch(PerClipMetric):
    """Looks at the first batch of frames alone."""

    name = "of_first_batch"
    unit = "grey levels"
    formula = "mean of the first batch"

    def measure(self, clip):
        return Measurement(float(clip.video.frames[: networks.BATCH].mean()))


class Random(PerClipMetric):
    """Noise without a seed."""

    name = "random"
    unit = "score"
    formula = "a draw"

    def measure(self, clip):
        return Measurement(float(np.random.default_rng().normal()))


class Lopsided(SetMetric):
    """A distance in which the sides weigh differently."""

    name = "lopsided"
    unit = "distance"
    higher_is_better = False
    formula = "|2 mean(generated) - 2 mean(real)|, generated above real counting double"

    def measure(self, clip):
        return Measurement(np.array([float(clip.video.frames.std())]))

    def compare(self, generated, real):
        gap = float(matrix(generated).mean() - matrix(real).mean())
        return Estimate(2 * gap if gap > 0 else -gap)


class NeverZero(Lopsided):
    """A distance that is 1 from a set to itself."""

    name = "never_zero"
    formula = "1 + |mean - mean|"

    def compare(self, generated, real):
        return Estimate(1.0 + abs(float(matrix(generated).mean() - matrix(real).mean())))


class PairedLopsided(PerClipMetric):
    """A similarity in which the pair is not the equal of the clip."""

    name = "paired_lopsided"
    unit = "similarity"
    formula = "mean of the clip less that of the pair"

    def measure(self, clip):
        other = paired_video(clip)
        return Measurement(float(clip.video.frames.std() - 0.5 * other.frames.std()))
