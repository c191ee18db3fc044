"""Motion smoothness: can the odd frames be made again from their neighbours?"""

from __future__ import annotations

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class MotionSmoothness(PerClipMetric):
    """VBench's formula (255 - mean |frame - interpolated|) / 255 over the odd frames, with flow instead of AMT-S.

    The interpolator is in the label: values are not VBench's, whose network interpolates better.
    """

    name = "motion_smoothness"
    extractor = "dis-interpolation"
    unit = "score 0..1"
    needs = ("interpolation", "motion")
    formula = "(255 - mean over odd frames of mean|I_t - I'_t|) / 255, I'_t from frames t-1 and t+1 by flow"

    def measure(self, clip: Clip) -> Measurement:
        errors = clip.feature("interpolation")
        return Measurement(
            float((255.0 - errors.mean()) / 255.0), {"static_share": float(clip.feature("motion").is_static())}
        )
