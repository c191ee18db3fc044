"""VBench's temporal flickering: how little adjacent frames of static clips differ."""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.pixels import FrameChanges
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class TemporalFlickering(PerClipMetric):
    """(255 - mean |I_t - I_t+1|) / 255 over clips that pass VBench's static filter; 1 is no flicker.

    Moving clips have no flicker by this definition and lower the coverage. The filter's thresholds are VBench's; its
    flow is that of the extractor ``motion``.

    Args:
        name: What it is registered as.
        extractor: The label's.
        motion: Extractor whose output knows ``is_static()``.
    """

    unit = "score 0..1"
    formula = "vbench: (255 - mean_t mean|I_t - I_t+1|) / 255 on uint8 RGB, of clips that pass the static filter"

    def __init__(self, name: str, extractor: str, motion: str) -> None:
        self.name, self.extractor = name, extractor
        self.motion = motion
        self.needs = (motion, "frame-changes")

    def measure(self, clip: Clip) -> Measurement:
        if not clip.feature(self.motion).is_static():
            raise MetricComputationError("the clip moves: the static filter leaves it out")
        return Measurement(flickering(clip.feature("frame-changes")))


def flickering(changes: FrameChanges) -> float:
    """The formula on two frames or more; 0..1, exact up to the last division."""
    return float((255.0 - np.mean(changes.total) / changes.values) / 255.0)


DIS = TemporalFlickering("temporal_flickering", "dis-filter", "motion")
VBENCH = TemporalFlickering("temporal_flickering:vbench-0.1.5", "vbench-0.1.5", "raft-motion")
