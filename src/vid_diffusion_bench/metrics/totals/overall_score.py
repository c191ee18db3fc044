"""One number for a clip, by a stated formula with a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.learned.clip_text import ClipSimilarity
from vid_diffusion_bench.metrics.per_clip import PerClipMetric
from vid_diffusion_bench.metrics.pixels.motion_smoothness import MotionSmoothness
from vid_diffusion_bench.metrics.pixels.temporal_consistency import TemporalConsistency

PARTS: dict[str, tuple[PerClipMetric, float]] = {
    "clip_similarity": (ClipSimilarity(), 0.5),
    "temporal_consistency": (TemporalConsistency(), 0.25),
    "motion_smoothness": (MotionSmoothness(), 0.25),
}
"""The parts and their exponents, which add up to 1."""


class OverallScore(PerClipMetric):
    """``overall-1``: 100 s^0.5 c^0.25 m^0.25 of each clip, then the mean; 0 to 100.

    s is clip_similarity, c temporal_consistency, m motion_smoothness, each cut to 0..1. A weighted geometric mean: a
    clip that does not show its prompt cannot make up for it by being smooth. A clip that lacks a part has no score.
    """

    name = "overall_score"
    extractor = "overall-1"
    unit = "score 0..100"
    needs = ("shapes-v1-text", "motion", "interpolation")
    formula = "overall-1: 100 prod max(part, 0)^weight, weights clip_similarity .5, temporal_consistency .25, "
    formula += "motion_smoothness .25"

    def measure(self, clip: Clip) -> Measurement:
        seen, missing = {}, []
        for name, (part, _) in PARTS.items():
            try:
                seen[name] = part.measure(clip)
            except MetricComputationError as error:
                missing.append(f"{name} ({error.message})")
        if missing:
            raise MetricComputationError(f"missing parts: {', '.join(missing)}")
        facts = {fact: value for part in seen.values() for fact, value in part.facts.items()}
        means = {f"mean_{name}": part.value for name, part in seen.items()}
        return Measurement(overall({name: part.value for name, part in seen.items()}), {**facts, **means})

    def protocol(self) -> dict[str, Any]:
        """As every metric, and the protocols of the parts."""
        return {**super().protocol(), "parts": {name: part.protocol() for name, (part, _) in PARTS.items()}}


def overall(parts: Mapping[str, float]) -> float:
    """The formula of one clip; every part by name, 0..100."""
    product = 100.0
    for name, (_, weight) in PARTS.items():
        product *= min(max(parts[name], 0.0), 1.0) ** weight
    return product
