"""Models side by side, ranked by one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vid_diffusion_bench.analytics.aggregate import Aggregate, aggregate
from vid_diffusion_bench.analytics.figures import Figure, read_ended, read_figures
from vid_diffusion_bench.analytics.overview import LATENCY
from vid_diffusion_bench.analytics.pairs import Pair, read_clips, tested_pairs
from vid_diffusion_bench.analytics.period import Period, Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.exceptions import ValidationError

MOST_MODELS = 10
_SHOWN = {LATENCY: "latency_ms"}
"""What the API reference calls them here."""


@dataclass(frozen=True)
class ComparedModel:
    """``metrics`` are means over benchmarks; ``rank`` 1 is best, equals share one, ``None`` without a value."""

    model_name: str
    metrics: dict[str, float | None]
    details: dict[str, Aggregate]
    benchmark_count: int
    rank: int | None = None


@dataclass(frozen=True)
class ModelComparison:
    """``models`` in the order of rank. ``protocol`` is that of the metric compared; ``pairs`` are every two models, the
    best ones first; ``reason`` says why nothing could be ranked."""

    comparison_metric: str
    period: Period
    protocol: str | None
    models: list[ComparedModel]
    pairs: list[Pair]
    reason: str | None = None


def compare_models(
    database: Database, models: Sequence[str], metric: str, period: Period, now: float, *, owner: str | None = None
) -> ModelComparison:
    """What the benchmarks of the last ``period`` measured of ``models``, and whether they differ in ``metric``.

    Of each metric, the newest protocol that all models were measured by which were measured at all; where there is no
    such protocol, the newest, and models that were not measured by it have no value.

    Raises:
        ValidationError: Fewer than two models, more than :data:`MOST_MODELS`, or one twice.
        StorageError: The database is away.
    """
    names = list(models)
    if not 2 <= len(set(names)) == len(names) <= MOST_MODELS:
        raise ValidationError(
            f"2 to {MOST_MODELS} different models are compared, not {', '.join(names) or 'none'}",
            remedy="name them with commas between: models=shapes-base,shapes-small",
        )
    span = Span.of(period, now)
    figures = read_figures(database, span, owner=owner, models=names)
    protocols = {m: _protocol([f for f in figures if f.metric == m]) for m in sorted({f.metric for f in figures})}
    ended = read_ended(database, span, owner=owner, models=names)
    found = []
    for name in names:
        own = [figure for figure in figures if figure.model == name]
        details = {_SHOWN.get(m, m): aggregate(m, own, protocol=protocol) for m, protocol in protocols.items()}
        details.setdefault(_SHOWN.get(metric, metric), aggregate(metric, own))
        values = {shown: one.value for shown, one in details.items()}
        found.append(ComparedModel(name, values, details, sum(name in one.models for one in ended)))
    ranked, reason = _ranked(found, _SHOWN.get(metric, metric))
    protocol = protocols.get(metric)
    clips = {
        m.model_name: read_clips(database, span, m.model_name, metric, protocol, owner) if protocol else {}
        for m in ranked
    }
    return ModelComparison(metric, period, protocol, ranked, tested_pairs(clips), reason)


def _protocol(figures: Sequence[Figure]) -> str:
    """The newest that every model of ``figures`` has, or else the newest."""
    by_model: dict[str, set[str]] = {}
    for figure in figures:
        by_model.setdefault(figure.model, set()).add(figure.protocol)
    common = set.intersection(*by_model.values())
    return max((f for f in figures if not common or f.protocol in common), key=lambda f: (f.at, f.protocol)).protocol


def _ranked(models: Sequence[ComparedModel], metric: str) -> tuple[list[ComparedModel], str | None]:
    values = {m.model_name: m.metrics[metric] for m in models if m.metrics[metric] is not None}
    if not values:
        return list(models), f"{metric} was not measured of any of them in this period"
    better = next(m.details[metric].higher_is_better for m in models if m.model_name in values)
    if better is None:
        return list(models), f"neither more nor less of {metric} is better"
    sign = -1.0 if better else 1.0
    keys = {name: sign * value for name, value in values.items() if value is not None}
    placed = [replace(m, rank=_place(m.model_name, keys)) for m in models]
    return sorted(placed, key=lambda m: (m.rank is None, m.rank or 0)), None


def _place(name: str, keys: dict[str, float]) -> int | None:
    return None if name not in keys else 1 + sum(key < keys[name] for key in keys.values())
