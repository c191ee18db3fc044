"""Optical-flow warping error as a score: is the next frame this one, moved?"""

from __future__ import annotations

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class TemporalConsistency(PerClipMetric):
    """Mean over adjacent frames of SSIM(frame t, frame t+1 pulled back along the flow), over pixels visible in both.

    1 - score is the warping error of Lai et al. (2018, "Learning blind video temporal consistency") with structural
    dissimilarity in place of squared error, so that low contrast or blur does not pass for consistency.
    """

    name = "temporal_consistency"
    extractor = "dis-ssim"
    unit = "score -1..1"
    needs = ("motion",)
    formula = "mean over pairs of SSIM(I_t, warp(I_t+1, flow)) over visible pixels and RGB; pairs with none left out"

    def measure(self, clip: Clip) -> Measurement:
        motion = clip.feature("motion")
        seen = motion.similarity[~np.isnan(motion.similarity)]
        if not len(seen):
            raise MetricComputationError("no pixel of any frame is visible in the next one")
        facts = {"static_share": float(motion.is_static()), "visible_share": float(motion.visible.mean())}
        return Measurement(float(seen.mean()), facts)
