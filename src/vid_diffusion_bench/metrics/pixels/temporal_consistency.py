"""Optical-flow warping error as a score: how much of the change between frames is motion?"""

from __future__ import annotations

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.metrics.pixels.skill import skill


class TemporalConsistency(PerClipMetric):
    """1 - E / (D + 1): the warping error E against the change D without warping, over pixels visible in both frames.

    E is the warping error of Lai et al. (2018): the mean squared difference, in grey levels, of a frame and the next
    one pulled back along the flow. D is the same without the flow. 1 means that all change is motion, 0 that none is:
    flicker, boiling texture, things that come and go.
    """

    name = "temporal_consistency"
    extractor = "dis-warp"
    unit = "score 0..1"
    needs = ("motion",)
    formula = "max(0, 1 - E/(D+1)); E, D: mean over pairs and visible pixels of |I_t - warp(I_t+1)|^2, |I_t - I_t+1|^2"

    def measure(self, clip: Clip) -> Measurement:
        motion = clip.feature("motion")
        if not (seen := motion.visible.sum()):
            raise MetricComputationError("no pixel of any frame is visible in the next one")
        facts = {"static_share": float(motion.is_static()), "visible_share": float(motion.visible.mean())}
        return Measurement(skill(float(motion.error.sum() / seen), float(motion.change.sum() / seen)), facts)
