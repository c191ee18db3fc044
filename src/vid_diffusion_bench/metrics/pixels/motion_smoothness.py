"""Motion smoothness: can the odd frames be made again from their neighbours?"""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.metrics.pixels.skill import skill


class MotionSmoothness(PerClipMetric):
    """1 - E / (D + 1): the error E of interpolated odd frames against the change D to their neighbours.

    As VBench, the odd frames are dropped and made again; by optical flow instead of the AMT-S network, and the error
    (mean squared, in grey levels) is taken relative to what changes at all, so that a clip is not smooth for hardly
    moving. Not VBench's number, and not on its scale.
    """

    name = "motion_smoothness"
    extractor = "dis-interpolation"
    unit = "score 0..1"
    needs = ("interpolation", "motion")
    formula = (
        "max(0, 1 - E/(D+1)); odd frames; E: mean |I_t - I'_t|^2, I' by flow; D: mean |I_t - I_t-1|^2, |I_t - I_t+1|^2"
    )

    def measure(self, clip: Clip) -> Measurement:
        made = clip.feature("interpolation")
        value = skill(float(made.error.mean()), float(made.change.mean()))
        return Measurement(value, {"static_share": float(clip.feature("motion").is_static())})
