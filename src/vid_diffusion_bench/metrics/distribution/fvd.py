"""Fréchet video distance between generated and real clips, in named protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.distribution.base import Estimate, SetMetric, matrix
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance


class Fvd(SetMetric):
    """Fréchet distance between Gaussians of video features of N generated and N real clips; 0 is the best.

    Its bias grows as N shrinks: below ``recommended_clips`` a set, the bias is as large as the differences people look
    for.
    """

    name = "fvd"
    extractor = "shapes-v1"
    unit = "distance"
    higher_is_better = False
    needs = ("shapes-v1-video",)
    recommended_clips = 256
    formula = "|m1-m2|^2 + tr(S1+S2-2(S1 S2)^1/2), covariances over N-1, by nuclear norm of the cross product"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.feature("shapes-v1-video").features)

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        first, second = matrix(generated), matrix(real)
        few = len(first) <= first.shape[1]
        return Estimate(
            frechet_distance(first, second),
            warnings=[f"{len(first)} clips cannot fill a covariance of {first.shape[1]} features"] if few else [],
        )


SHAPES = Fvd()
"""On the built-in network: comparable with nothing but itself."""
