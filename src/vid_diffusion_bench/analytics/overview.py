"""How a span of time went, and how that compares with the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vid_diffusion_bench.analytics.aggregate import Aggregate, Aggregation, aggregate
from vid_diffusion_bench.analytics.figures import Ended, Figure, read_ended, read_figures
from vid_diffusion_bench.analytics.period import Period, Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.models import canonical_name

QUALITY, LATENCY, THROUGHPUT = "overall_score", "avg_latency_ms", "throughput_fps"
NAMES: Final = {"quality_score": QUALITY, "latency_ms": LATENCY, "throughput_fps": THROUGHPUT}
"""What the API reference calls the figures that are always shown."""
TRENDS: Final = {"quality_trend": QUALITY, "performance_trend": THROUGHPUT}
"""Both are better when they go up."""
TOP: Final = 10


@dataclass(frozen=True)
class TopModel:
    """``avg_score`` is the mean overall score by the protocol of the summary, ``None`` when it has none."""

    model_name: str
    benchmark_count: int
    avg_score: float | None


@dataclass(frozen=True)
class Overview:
    """``metrics`` by the reference's name with the aggregation before it, ``details`` the same with their protocols.

    ``success_rate`` is the share of completed among completed and failed benchmarks. ``trends`` are relative changes
    of means (and of the count of benchmarks) against the span before; ``reasons`` say why one is ``None``.
    """

    period: Period
    aggregation: Aggregation
    total_benchmarks: int
    success_rate: float | None
    metrics: dict[str, float | None]
    details: dict[str, Aggregate]
    trends: dict[str, float | None]
    reasons: dict[str, str]
    top_models: list[TopModel]


def overview(
    database: Database,
    period: Period,
    now: float,
    *,
    owner: str | None = None,
    model: str | None = None,
    metric: str | None = None,
    how: Aggregation = "avg",
) -> Overview:
    """The benchmarks that ended in the last ``period``, of all owners and models where none is named.

    Raises:
        StorageError: The database is away.
    """
    span, models = Span.of(period, now), [canonical_name(model)] if model else None
    ended, ended_before = (read_ended(database, one, owner=owner, models=models) for one in (span, span.before))
    names = {metric: NAMES.get(metric, metric)} if metric else NAMES
    wanted = sorted({*names.values(), *TRENDS.values(), QUALITY})
    figures, before = (
        read_figures(database, one, owner=owner, models=models, metrics=wanted) for one in (span, span.before)
    )
    details = {f"{how}_{shown}".replace("avg_avg_", "avg_"): aggregate(m, figures, how) for shown, m in names.items()}
    trends, reasons = _trends({**TRENDS, **({"metric_trend": names[metric]} if metric else {})}, figures, before)
    trends["usage_trend"], why = _change(len(ended), len(ended_before))
    reasons |= {"usage_trend": why} if why else {}
    return Overview(
        period=period,
        aggregation=how,
        total_benchmarks=len(ended),
        success_rate=success_rate(ended),
        metrics={name: found.value for name, found in details.items()},
        details=details,
        trends=trends,
        reasons=reasons,
        top_models=_top(ended, figures, models),
    )


def success_rate(ended: Sequence[Ended]) -> float | None:
    """0..1; who cancels a benchmark says nothing of it."""
    counted = Counter(one.status for one in ended)
    whole = counted["completed"] + counted["failed"]
    return counted["completed"] / whole if whole else None


def _trends(
    wanted: dict[str, str], figures: Sequence[Figure], before: Sequence[Figure]
) -> tuple[dict[str, float | None], dict[str, str]]:
    trends: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, metric in wanted.items():
        now = aggregate(metric, figures)
        then = aggregate(metric, before, protocol=now.protocol)
        if now.value is None:
            trends[name], why = None, now.reason
        elif then.value is None:
            trends[name], why = None, f"the period before: {then.reason}"
        else:
            trends[name], why = _change(now.value, then.value)
        reasons |= {name: why} if why else {}
    return trends, reasons


def _change(now: float, before: float) -> tuple[float | None, str | None]:
    if not before:
        return None, "the period before has none"
    return (now - before) / abs(before), None


def _top(ended: Sequence[Ended], figures: Sequence[Figure], models: Sequence[str] | None) -> list[TopModel]:
    protocol = aggregate(QUALITY, figures).protocol
    counted = Counter(model for one in ended for model in set(one.models) if models is None or model in models)
    ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))[:TOP]
    return [
        TopModel(name, count, aggregate(QUALITY, [f for f in figures if f.model == name], protocol=protocol).value)
        for name, count in ordered
    ]
