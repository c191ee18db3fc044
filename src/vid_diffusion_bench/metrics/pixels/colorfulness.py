"""Colourfulness of the frames."""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class Colorfulness(PerClipMetric):
    """M of Hasler and Suesstrunk (2003), mean over frames.

    Their viewers called 0 not colourful, 15 slightly, 33 moderately, 45 averagely, 59 quite, 82 highly and 109
    extremely colourful. What a prompt asks for decides which is right.
    """

    name = "colorfulness"
    unit = "M of Hasler and Suesstrunk"
    higher_is_better = None
    needs = ("frame-statistics",)
    formula = (
        "Hasler & Suesstrunk 2003: mean over frames of sqrt(var rg + var yb) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2); "
        "rg = R - G, yb = (R + G)/2 - B"
    )

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(float(clip.feature("frame-statistics").colorfulness.mean()))
