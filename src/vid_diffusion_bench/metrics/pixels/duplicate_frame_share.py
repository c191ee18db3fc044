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
    needs = ("frame-changes",)
    formula = f"share of t >= 1 with max|I_t-1 - I_t| <= {FROZEN_LEVEL} on uint8 RGB"

    def measure(self, clip: Clip) -> Measurement:
        changes = clip.feature("frame-changes")
        if not len(changes.largest):
            raise MetricComputationError("one frame has no frame before it to repeat")
        return Measurement(float((changes.largest <= FROZEN_LEVEL).mean()))
