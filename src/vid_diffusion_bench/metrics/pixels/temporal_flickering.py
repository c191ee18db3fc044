"""VBench's temporal flickering: how little adjacent frames of static clips differ."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.video import Frames


class TemporalFlickering(PerClipMetric):
    """(255 - mean |I_t - I_t+1|) / 255 over clips that pass VBench's static filter; 1 is no flicker.

    Moving clips have no flicker by this definition and lower the coverage. The filter's thresholds are VBench's, its
    flow is the one in the protocol instead of RAFT.
    """

    name = "temporal_flickering"
    extractor = "dis-filter"
    unit = "score 0..1"
    needs = ("motion",)
    formula = "vbench: (255 - mean_t mean|I_t - I_t+1|) / 255 on uint8 RGB, of clips that pass the static filter"

    def measure(self, clip: Clip) -> Measurement:
        if not clip.feature("motion").is_static():
            raise MetricComputationError("the clip moves: the static filter leaves it out")
        return Measurement(flickering(clip.video.frames))


def flickering(frames: Frames) -> float:
    """The formula on uint8 ``frames`` (T, H, W, 3), T >= 2; 0..1, exact up to the last division."""
    import cv2

    sums = [cv2.norm(first, second, cv2.NORM_L1) for first, second in pairwise(frames)]
    return float((255.0 - np.mean(sums) / frames[0].size) / 255.0)
