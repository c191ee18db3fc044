"""What a third party may register that cannot be used, and metrics whose code raises."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.metrics import Measurement, Metric, PerClipMetric
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric

NUMBER = 42


class NoMetric:
    """A class that is none."""


class Demanding(PerClipMetric):
    """Cannot be made without an argument."""

    name = "demanding"

    def __init__(self, threshold):
        self.threshold = threshold

    def measure(self, clip):
        return Measurement(self.threshold)


class Nameless(PerClipMetric):
    """Says no name."""

    def measure(self, clip):
        return Measurement(1.0)


class Choosy(PerClipMetric):
    """Divides by zero on clip-1."""

    name = "choosy"
    unit = "x"

    def measure(self, clip):
        return Measurement(1.0 / (clip.key != "clip-1"))


class BadUpdate(Choosy):
    """Raises in ``update`` after it has changed the state."""

    name = "bad_update"

    def update(self, state, clip, *, reference=False):
        super().update(state, clip, reference=reference)
        raise KeyError(clip.key)

    def measure(self, clip):
        return Measurement(1.0)


class BadCompute(SetMetric):
    """Raises when the sets are compared."""

    name = "bad_compute"
    unit = "x"
    higher_is_better = False

    def measure(self, clip):
        return Measurement(np.ones(2))

    def compare(self, generated, real):
        if len(generated) > 1:
            raise IndexError("no third column")
        return Estimate(0.0)


class ForgetsToReturn(Choosy):
    """Gives no result."""

    name = "forgets"

    def compute(self, state, context):
        return None


class BadCheck(Choosy):
    """Raises when asked whether it can run."""

    name = "bad_check"

    def check(self):
        raise RuntimeError("no licence server")


class Hungry(Choosy):
    """Runs out of memory."""

    name = "hungry"

    def measure(self, clip):
        raise MemoryError


RAISING: tuple[type[Metric], ...] = (Choosy, BadUpdate, BadCompute, ForgetsToReturn, BadCheck)
