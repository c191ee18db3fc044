"""The share of frames that repeat the one before."""

from __future__ import annotations

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.pixels import FROZEN_LEVEL
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class DuplicateFrameShare(PerClipMetric):
    """Share of the frames after the first none of whose values differs by more than 1 of 255 from the one before."""

    name = "duplicate_frame_share"
    unit = "share of frames"
    higher_is_better = None
    needs = ("frame-repeats",)
    formula = f"share of t >= 1 with max|I_t-1 - I_t| <= {FROZEN_LEVEL} on uint8 RGB"

    def measure(self, clip: Clip) -> Measurement:
        repeats = clip.feature("frame-repeats")
        if not len(repeats.from_previous):
            raise MetricComputationError("one frame has no frame before it to repeat")
        return Measurement(float((repeats.from_previous <= FROZEN_LEVEL).mean()))
