"""VBench's subject and background consistency, with the average mended and as upstream takes it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement, Row
from vid_diffusion_bench.metrics.learned.frames import Vectors, adjacent_cosines, cosines_to, static_share
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.statistics import cluster_bootstrap

COMPAT = "vbench-0.1.5"


def likeness(features: npt.NDArray[np.float32]) -> Vectors:
    """How like the frame before and the first frame each later frame is: (T-1,), 0..1, of ``features`` (T, D).

    Half of max(0, cos(f_t-1, f_t)) + max(0, cos(f_0, f_t)), as in VBench's ``subject_consistency.py`` and
    ``background_consistency.py``.

    Raises:
        MetricComputationError: Fewer than two frames.
    """
    before = adjacent_cosines(features)
    first = cosines_to(features[0], features[1:])
    return 0.5 * (np.maximum(before, 0.0) + np.maximum(first, 0.0))


class Consistency(PerClipMetric):
    """How like the frame before and the first frame each frame is, 0 to 1; mean over a clip's pairs, then over clips.

    VBench's formula. A frozen clip scores 1: read it beside ``static_share``.
    """

    unit = "score 0..1"
    formula = "mean over t >= 1 of (max(0, cos(f_t-1, f_t)) + max(0, cos(f_0, f_t))) / 2, f embeddings of all frames"

    def __init__(self, name: str, features: str) -> None:
        self.name, self.extractor, self.needs = name, features, (features, "motion")

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(float(likeness(clip.feature(self.needs[0])).mean()), static_share(clip))


class VbenchConsistency(Consistency):
    """As VBench 0.1.5 on one GPU: the mean over the frame pairs of all clips, so that long clips weigh more.

    On several GPUs upstream takes the mean over clips for subject consistency, and this one for background consistency.
    """

    aggregation = "mean over all frame pairs of the set; 95 % percentile bootstrap of prompts, 2000 resamples, seed 0"

    def __init__(self, name: str, features: str) -> None:
        super().__init__(f"{name}:{COMPAT}", features)
        self.extractor = COMPAT

    def average(self, rows: list[Row]) -> float:
        pairs = _pairs(rows)
        return math.fsum(row.value * weight for row, weight in zip(rows, pairs, strict=True)) / math.fsum(pairs)

    def bootstrap(self, rows: list[Row]) -> tuple[float, float]:
        return cluster_bootstrap([row.value for row in rows], [row.cluster for row in rows], weights=_pairs(rows))


def _pairs(rows: list[Row]) -> list[float]:
    """Frame pairs of each clip; a row that was measured knows its shape."""
    return [float(row.shape[0] - 1) for row in rows if row.shape]


SUBJECT = Consistency("subject_consistency", "dino-vit-b-16")
SUBJECT_VBENCH = VbenchConsistency("subject_consistency", "dino-vit-b-16")
BACKGROUND = Consistency("background_consistency", "clip-vit-b-32")
BACKGROUND_VBENCH = VbenchConsistency("background_consistency", "clip-vit-b-32-vbench")
