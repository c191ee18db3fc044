"""Sharpness: how much fine detail the frames hold."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class Sharpness(PerClipMetric):
    """Variance of the Laplacian of luma (Pech-Pacheco et al. 2000), mean over frames.

    Blur lowers it; noise, ringing and contrast raise it too, so neither direction is better by itself.
    """

    name = "sharpness"
    unit = "grey levels squared"
    higher_is_better = None
    needs = ("frame-statistics",)
    formula = "mean over frames of the variance of the 4-neighbour Laplacian of luma (Pech-Pacheco 2000, no factor 1/6)"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(float(clip.feature("frame-statistics").sharpness.mean()))
