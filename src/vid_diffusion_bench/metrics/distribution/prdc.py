"""Precision and recall, density and coverage: how real the clips are, and how much of the real they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vid_diffusion_bench.metrics.distribution.base import Estimate, Features, matrix
from vid_diffusion_bench.metrics.distribution.neighbours import coverage, density, precision
from vid_diffusion_bench.metrics.distribution.sources import SHAPES, STYLEGANV, Source, SourceMetric

NO_INTERVAL = "a resampled set has copies, and copies are nearest neighbours; read it beside noise_floor"

Compared = Callable[[Features, Features, int], float]


class Neighbourhood(SourceMetric):
    """``compared`` of generated and real features with balls that reach to the ``k``-th nearest neighbour."""

    def __init__(self, metric: str, compared: Compared, k: int, unit: str, formula: str, source: Source) -> None:
        self.metric = metric
        super().__init__(source)
        self.compared, self.k, self.unit, self.formula = compared, k, unit, formula
        self.least_clips = k + 1
        self.recommended_clips = source.clips

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        value = self.compared(matrix(generated), matrix(real), self.k)
        return Estimate(value, interval_reason=NO_INTERVAL, metadata={"k": self.k})


def recall(generated: Features, real: Features, k: int) -> float:
    """:func:`precision` with the sets exchanged: the share of real clips among generated ones."""
    return precision(real, generated, k)


def _precision(source: Source) -> Neighbourhood:
    formula = "share of generated clips within the k-th neighbour's distance of any real one, rim inside, k = 3"
    return Neighbourhood("precision", precision, 3, "share 0..1", formula, source)


def _recall(source: Source) -> Neighbourhood:
    formula = "share of real clips within the k-th neighbour's distance of any generated one, rim inside, k = 3"
    return Neighbourhood("recall", recall, 3, "share 0..1", formula, source)


def _density(source: Source) -> Neighbourhood:
    formula = "mean number of real clips' k-th neighbour balls around a generated clip, rim outside, over k = 5"
    return Neighbourhood("density", density, 5, "ratio, 1 where equal", formula, source)


def _coverage(source: Source) -> Neighbourhood:
    formula = "share of real clips with a generated one inside their k-th neighbour's distance, rim outside, k = 5"
    return Neighbourhood("coverage", coverage, 5, "share 0..1", formula, source)


PRECISION, PRECISION_STYLEGANV = _precision(SHAPES), _precision(STYLEGANV)
RECALL, RECALL_STYLEGANV = _recall(SHAPES), _recall(STYLEGANV)
DENSITY, DENSITY_STYLEGANV = _density(SHAPES), _density(STYLEGANV)
COVERAGE, COVERAGE_STYLEGANV = _coverage(SHAPES), _coverage(STYLEGANV)
