"""Exposure: how much of the picture is clipped to black or white."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class Exposure(PerClipMetric):
    """Share of pixels with luma in the outer hundredths of the range (<= 2 or >= 253), mean over frames.

    Which end, and the mean luma, stand beside it as facts. Night and snow are clipped rightly.
    """

    name = "exposure"
    unit = "share of pixels clipped"
    higher_is_better = None
    needs = ("frame-statistics",)
    formula = "mean over frames of the share of pixels with 8-bit luma <= 2 or >= 253"

    def measure(self, clip: Clip) -> Measurement:
        seen = clip.feature("frame-statistics")
        dark, bright = float(seen.dark.mean()), float(seen.bright.mean())
        facts = {"dark_share": dark, "bright_share": bright, "mean_luma": float(seen.brightness.mean())}
        return Measurement(dark + bright, facts)
