"""What a report of a period says, before it is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vid_diffusion_bench import statistics
from vid_diffusion_bench.analytics.aggregate import Aggregate, aggregate, interval
from vid_diffusion_bench.analytics.compare import MOST_MODELS, common_protocol, places
from vid_diffusion_bench.analytics.figures import Ended, Figure, read_ended, read_figures
from vid_diffusion_bench.analytics.overview import success_rate
from vid_diffusion_bench.analytics.pairs import Pair, pairs_of
from vid_diffusion_bench.analytics.period import Period, Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.exceptions import NotFoundError, ValidationError
from vid_diffusion_bench.models import canonical_name

UNSAID: Final = frozenset({"load_seconds", "success_rate"})
"""Figures of the engine that say nothing over many benchmarks; success has a table of its own."""


@dataclass(frozen=True)
class ModelRow:
    """How a model's benchmarks ended; ``interval`` is Wilson's, 95 %, of ``success_rate`` (0..1)."""

    model: str
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class MetricRow:
    """One model's mean of a metric over ``found.n`` benchmarks with ``clips`` clips; ``change`` is relative, against
    the period before. Where ``interval`` is ``None``, ``why`` says so."""

    model: str
    found: Aggregate
    clips: int
    interval: tuple[float, float] | None
    why: str | None
    change: float | None


@dataclass(frozen=True)
class MetricPart:
    """All of one metric. ``series`` are the figures of ``protocol``, by model; ``pairs`` are tests of every two
    models, empty when there is one."""

    metric: str
    unit: str
    higher_is_better: bool | None
    protocol: str
    rows: list[MetricRow]
    series: dict[str, list[Figure]]
    pairs: list[Pair]
    others: dict[str, int]


@dataclass(frozen=True)
class Report:
    """A period: ``span`` in seconds since 1970; ``models`` by how often they were measured. ``total`` counts the
    benchmarks of any of them that ended, ``usage_change`` is its relative change against the period before."""

    period: Period
    span: Span
    total: int
    success_rate: float | None
    usage_change: float | None
    models: list[str]
    outcomes: list[ModelRow]
    metrics: list[MetricPart]


def report(database: Database, period: Period, now: float, models: Sequence[str] | None = None) -> Report:
    """Everybody's benchmarks of the last ``period``, of ``models`` or of those measured most.

    Raises:
        NotFoundError: No benchmark of them ended in this period.
        ValidationError: More than :data:`MOST_MODELS`, or one twice.
        StorageError: The database is away.
    """
    asked = [canonical_name(name) for name in models] if models else None
    if asked and not len(set(asked)) == len(asked) <= MOST_MODELS:
        raise ValidationError(
            f"a report is of at most {MOST_MODELS} different models, not of {', '.join(asked)}",
            remedy="name each once",
        )
    span = Span.of(period, now)
    ended = read_ended(database, span, models=asked)
    if not ended:
        of = f" of {', '.join(asked)}" if asked else ""
        raise NotFoundError(f"no benchmark{of} ended in the last {period}", remedy="choose a longer --period")
    counted = Counter(name for one in ended for name in set(one.models) if not asked or name in asked)
    names = asked or [n for n, _ in sorted(counted.items(), key=lambda e: (-e[1], e[0]))][:MOST_MODELS]
    figures = [f for f in read_figures(database, span, models=names) if f.metric not in UNSAID]
    before = read_figures(database, span.before, models=names)
    earlier = len(read_ended(database, span.before, models=asked))
    change = (len(ended) - earlier) / earlier if earlier else None
    outcomes = [_outcome(name, ended) for name in names]
    parts = [
        _part(database, span, names, metric, [figure for figure in figures if figure.metric == metric], before)
        for metric in _ordered({figure.metric for figure in figures})
    ]
    return Report(period, span, len(ended), success_rate(ended), change, names, outcomes, parts)


def _ordered(metrics: set[str]) -> list[str]:
    first = ("overall_score", "avg_latency_ms", "throughput_fps")
    return sorted(metrics, key=lambda name: (first.index(name) if name in first else len(first), name))


def _outcome(model: str, ended: Sequence[Ended]) -> ModelRow:
    counted = Counter(one.status for one in ended if model in one.models)
    good, bad = counted["completed"], counted["failed"]
    bounds = statistics.wilson_interval(good, good + bad) if good + bad else None
    return ModelRow(model, good, bad, counted["cancelled"], good / (good + bad) if good + bad else None, bounds)


def _part(
    database: Database,
    span: Span,
    models: Sequence[str],
    metric: str,
    figures: Sequence[Figure],
    before: Sequence[Figure],
) -> MetricPart:
    protocol = common_protocol(figures)
    own = [figure for figure in figures if figure.protocol == protocol]
    rows = [_row(name, metric, figures, before, protocol) for name in models]
    placed = zip(places([row.found for row in rows]), models, strict=True)
    ranked = [name for place, name in sorted(placed, key=lambda one: one[0] or len(rows) + 1)]
    return MetricPart(
        metric=metric,
        unit=own[-1].unit,
        higher_is_better=own[-1].higher_is_better,
        protocol=protocol,
        rows=rows,
        series={name: [f for f in own if f.model == name] for name in models},
        pairs=pairs_of(database, span, ranked, metric, protocol),
        others=dict(Counter(figure.protocol for figure in figures if figure.protocol != protocol)),
    )


def _row(model: str, metric: str, figures: Sequence[Figure], before: Sequence[Figure], protocol: str) -> MetricRow:
    own = [figure for figure in figures if figure.model == model]
    found = aggregate(metric, own, protocol=protocol)
    counted = [figure for figure in own if figure.protocol == protocol]
    bounds, why = interval(counted)
    then = aggregate(metric, [figure for figure in before if figure.model == model], protocol=protocol).value
    change = (found.value - then) / abs(then) if found.value is not None and then else None
    return MetricRow(model, found, sum(figure.n for figure in counted), bounds, why, change)
