"""The share of frames that are black."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.features.pixels import BLACK_LEVEL
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class BlackShare(PerClipMetric):
    """Share of a clip's frames none of whose values is above 4 of 255."""

    name = "black_share"
    unit = "share of frames"
    higher_is_better = None
    needs = ("frame-statistics",)
    formula = f"share of frames with max I_t <= {BLACK_LEVEL} on uint8 RGB"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(float((clip.feature("frame-statistics").peak <= BLACK_LEVEL).mean()))
