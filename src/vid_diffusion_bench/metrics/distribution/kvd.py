"""Kernel video distance: MMD^2 without bias, in the form of the Kernel Inception Distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.metrics.distribution.base import Estimate, matrix
from vid_diffusion_bench.metrics.distribution.mmd import KID, Mmd, mmd
from vid_diffusion_bench.metrics.distribution.sources import SHAPES, STYLEGANV, VIDEOMAE, SourceMetric

INTERVAL_METHOD = (
    "asymptotic normal of the U-statistic, its variance without bias; clips taken for independent; "
    "not valid where the two distributions are equal"
)
NO_VARIANCE = "it needs four clips or more in each set"
NOT_POSITIVE = "the estimate of its variance is not above zero"
LEAST_FOR_INTERVAL = 100
"""Clips of each set from which the interval holds about what it says (measured: docs/metrics/kvd.md)."""
EACH_SIZE = "all clips of both sets, which may differ in number"


class Kvd(SourceMetric):
    """Squared MMD of video features with the cubic kernel; 0 in expectation for equal distributions, at every N."""

    metric = "kvd"
    unit = "MMD^2"
    higher_is_better = False
    equal_n = False
    recommended_clips = LEAST_FOR_INTERVAL
    formula = "unbiased MMD^2, k(x,y) = (<x,y>/D + 1)^3, float64"
    aggregation = EACH_SIZE

    def compare(self, generated: Sequence[Any], real: Sequence[Any]) -> Estimate:
        return unbiased(mmd(matrix(generated), matrix(real), KID))


def unbiased(found: Mmd, scale: float = 1.0) -> Estimate:
    """The U-statistic times ``scale`` with its interval, the V-statistic beside it."""
    interval = found.interval()
    beside: dict[str, Any] = {"biased": scale * found.biased}
    if interval is not None:
        low, high = interval
        return Estimate(
            scale * found.unbiased,
            (scale * low, scale * high),
            metadata={**beside, "interval_method": INTERVAL_METHOD},
        )
    reason = NO_VARIANCE if found.variance is None else NOT_POSITIVE
    return Estimate(scale * found.unbiased, interval_reason=reason, metadata=beside)


ON_SHAPES = Kvd(SHAPES)
ON_STYLEGANV = Kvd(STYLEGANV)
ON_VIDEOMAE = Kvd(VIDEOMAE)
