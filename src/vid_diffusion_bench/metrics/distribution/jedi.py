"""JEDi's polynomial MMD, as published (biased) and without its bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.metrics.distribution.base import Estimate, matrix
from vid_diffusion_bench.metrics.distribution.kvd import EACH_SIZE, LEAST_FOR_INTERVAL, unbiased
from vid_diffusion_bench.metrics.distribution.mmd import JEDI, mmd
from vid_diffusion_bench.metrics.distribution.sources import SHAPES, VJEPA2, Source, SourceMetric

SCALE = 100.0


class Jedi(SourceMetric):
    """100 times the V-statistic of MMD^2 with the quadratic kernel; above 0 also for equal distributions."""

    metric = "jedi"
    unit = "100 MMD^2"
    higher_is_better = False
    formula = "100 times biased MMD^2 (V-statistic), k(x,y) = (<x,y>/D)^2, float64"

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.recommended_clips = source.clips

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        found = mmd(matrix(generated), matrix(real), JEDI)
        return Estimate(
            SCALE * found.biased,
            interval_reason="the biased form has none: see jedi_unbiased",
            metadata={"unbiased": SCALE * found.unbiased},
        )


class JediUnbiased(SourceMetric):
    """100 times the U-statistic of the same; 0 in expectation for equal distributions, at every N."""

    metric = "jedi_unbiased"
    unit = "100 MMD^2"
    higher_is_better = False
    equal_n = False
    recommended_clips = LEAST_FOR_INTERVAL
    formula = "100 times unbiased MMD^2 (U-statistic), k(x,y) = (<x,y>/D)^2, float64"
    aggregation = EACH_SIZE

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        return unbiased(mmd(matrix(generated), matrix(real), JEDI), SCALE)


ON_SHAPES = Jedi(SHAPES)
ON_VJEPA2 = Jedi(VJEPA2)
UNBIASED_ON_SHAPES = JediUnbiased(SHAPES)
UNBIASED_ON_VJEPA2 = JediUnbiased(VJEPA2)
