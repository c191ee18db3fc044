"""The Fréchet distance that endless sets would have: the bias of finite N taken off by extrapolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.metrics.distribution.base import Estimate, Features, matrix
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance
from vid_diffusion_bench.metrics.distribution.sources import SHAPES, STYLEGANV, SourceMetric

LEAST_RATIO = 2.5
"""Clips a feature; below, the bias is no straight line in 1/N and the result is wrong."""
SIZES = 15


@dataclass(frozen=True)
class Fit:
    """``distances`` (K,) at ``sizes`` (K,), the line through them over 1/N, and the spread around it."""

    sizes: list[int]
    distances: list[float]
    intercept: float
    slope: float
    residual: float


def extrapolate(first: Features, second: Features) -> Fit:
    """A line through the distances of the first n of both sets (N, D), over 1/n (Chong and Forsyth 2020).

    15 sizes evenly from the larger of D and N / 4 up to N. Both sets are cut, as both have the bias; the authors
    cut only the generated one and give the real one tens of thousands. ``residual`` is the root mean square.
    """
    n, d = first.shape
    sizes = np.unique(np.linspace(max(d, math.ceil(n / 4), 2), n, SIZES).round().astype(int))
    distances = np.array([frechet_distance(first[:size], second[:size]) for size in sizes])
    design = np.stack([np.ones(len(sizes)), 1 / sizes], axis=1)
    (intercept, slope), *_ = np.linalg.lstsq(design, distances)
    residual = float(np.sqrt(np.mean(np.square(distances - design @ [intercept, slope]))))
    return Fit(sizes.tolist(), distances.tolist(), float(intercept), float(slope), residual)


class FvdInfinity(SourceMetric):
    """FVD extrapolated to endless sets; below zero where the truth is near zero, as it has noise and no bias."""

    metric = "fvd_infinity"
    unit = "distance"
    higher_is_better = False
    formula = "intercept of the Fréchet distance (covariances over N-1) over 1/n, 15 nested n from max(D, N/4) to N"

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        first, second = matrix(generated), matrix(real)
        n, d = first.shape
        if n < LEAST_RATIO * d:
            raise MetricComputationError(
                f"{n} clips a set are too few to extrapolate: {d} features need {math.ceil(LEAST_RATIO * d)}, "
                "and below that the bias is no straight line in 1/N"
            )
        fit = extrapolate(first, second)
        return Estimate(
            fit.intercept,
            metadata={
                "fit": {"n": fit.sizes, "distances": fit.distances, "slope": fit.slope},
                "fit_residual": fit.residual,
                "fvd_at_n": fit.distances[-1],
            },
        )


ON_SHAPES = FvdInfinity(SHAPES)
ON_STYLEGANV = FvdInfinity(STYLEGANV)
