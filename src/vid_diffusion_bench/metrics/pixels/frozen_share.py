"""The share of clips that are one picture."""

from __future__ import annotations

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.pixels import FROZEN_LEVEL
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import ShareMetric


class FrozenShare(ShareMetric):
    """Share of clips none of whose values ever differs by more than 1 of 255 from the first frame's."""

    name = "frozen_share"
    unit = "share of clips"
    higher_is_better = None
    needs = ("frame-repeats",)
    formula = f"share of clips with max_t max|I_0 - I_t| <= {FROZEN_LEVEL} on uint8 RGB"

    def measure(self, clip: Clip) -> Measurement:
        repeats = clip.feature("frame-repeats")
        if not len(repeats.from_first):
            raise MetricComputationError("one frame can neither move nor freeze")
        return Measurement(float(repeats.is_frozen()))
