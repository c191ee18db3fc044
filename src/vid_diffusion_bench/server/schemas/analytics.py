"""Analytics: R18 and R19."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from vid_diffusion_bench import analytics
from vid_diffusion_bench.analytics import Aggregate, Aggregation, Pair, Period
from vid_diffusion_bench.analytics.pairs import LEVEL
from vid_diffusion_bench.server.schemas.base import Body


class BenchmarkAnalytics(Body):
    """Of benchmarks that ended in the period. ``success_rate`` is the share of completed among completed and failed
    ones, 0..1. ``metrics`` are over benchmarks, the aggregation before the name; each of ``details`` says of which
    protocol, and lists the ``others``, which are not comparable. ``trends`` are relative changes of means and of the
    count against the period before; ``performance_trend`` is that of the throughput. ``reasons``: why one is null."""

    period: Period
    aggregation: Aggregation
    total_benchmarks: int
    success_rate: float | None
    metrics: dict[str, float | None]
    details: dict[str, Aggregate]
    trends: dict[str, float | None]
    reasons: dict[str, str]
    top_models: list[analytics.TopModel]


class ComparedModel(Body):
    """``rank`` 1 is best. ``metrics`` are means over benchmarks, ``details`` say of which protocol."""

    model_name: str
    metrics: dict[str, float | None]
    details: dict[str, Aggregate]
    benchmark_count: int
    rank: int | None


class Significance(Body):
    """A paired test on clips of the same prompts and seeds, prompts as clusters. ``confidence_interval`` is the level,
    ``interval`` that of ``difference``, the first model's mean minus the second's. ``p_value`` is adjusted by Holm's
    method for all pairs. Where they are null, ``reason`` says why."""

    models: list[str] = Field(examples=[["shapes-base", "shapes-small"]])
    p_value: float | None
    confidence_interval: float = LEVEL
    significant: bool | None
    difference: float | None
    interval: tuple[float, float] | None
    test: str | None
    n: int
    prompts: int
    reason: str | None

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """The body of a pair."""
        same = ("p_value", "significant", "difference", "interval", "test", "n", "prompts", "reason")
        return cls(models=list(pair.models), **{name: getattr(pair, name) for name in same})


class Comparison(Body):
    """``statistical_significance`` is of the two best; ``pairs`` are all. ``reason``: why nothing is ranked."""

    comparison_metric: str
    period: Period
    protocol: str | None
    models: list[ComparedModel]
    statistical_significance: Significance
    pairs: list[Significance]
    reason: str | None
