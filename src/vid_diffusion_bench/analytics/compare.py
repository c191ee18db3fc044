"""Models side by side, ranked by one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vid_diffusion_bench.analytics.aggregate import Aggregate, aggregate
from vid_diffusion_bench.analytics.figures import Figure, read_ended, read_figures
from vid_diffusion_bench.analytics.overview import LATENCY, NAMES
from vid_diffusion_bench.analytics.pairs import Pair, pairs_of
from vid_diffusion_bench.analytics.period import Period, Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models import canonical_name

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
    names = [canonical_name(name) for name in models]
    if not 2 <= len(set(names)) == len(names) <= MOST_MODELS:
        raise ValidationError(
            f"2 to {MOST_MODELS} different models are compared, not {', '.join(names) or 'none'}",
            remedy="name them with commas between: models=shapes-base,shapes-small",
        )
    span = Span.of(period, now)
    figures = read_figures(database, span, owner=owner, models=names)
    ended = read_ended(database, span, owner=owner, models=names)
    measured = sorted({figure.metric for figure in figures})
    protocols = {m: common_protocol([figure for figure in figures if figure.metric == m]) for m in measured}
    stored = NAMES.get(metric, metric)
    shown, found = _SHOWN.get(stored, stored), []
    for name in names:
        own = [figure for figure in figures if figure.model == name]
        details = {_SHOWN.get(m, m): aggregate(m, own, protocol=protocol) for m, protocol in protocols.items()}
        details.setdefault(shown, aggregate(stored, own))
        values = {name: one.value for name, one in details.items()}
        found.append(ComparedModel(name, values, details, sum(name in one.models for one in ended)))
    placed = places([model.details[shown] for model in found])
    ranked = [replace(model, rank=place) for model, place in zip(found, placed, strict=True)]
    ranked.sort(key=lambda model: (model.rank is None, model.rank or 0))
    protocol = protocols.get(stored)
    pairs = pairs_of(database, span, [model.model_name for model in ranked], stored, protocol, owner)
    return ModelComparison(metric, period, protocol, ranked, pairs, _unranked(shown, found))


def common_protocol(figures: Sequence[Figure]) -> str:
    """The newest that every model of ``figures``, which are of one metric, has; or else the newest."""
    by_model: dict[str, set[str]] = {}
    for figure in figures:
        by_model.setdefault(figure.model, set()).add(figure.protocol)
    common = set.intersection(*by_model.values())
    return max((f for f in figures if not common or f.protocol in common), key=lambda f: (f.at, f.protocol)).protocol


def places(found: Sequence[Aggregate]) -> list[int | None]:
    """The rank of each, 1 the best; equals share one. ``None`` without a value, or where no direction is better."""
    signs = {True: -1.0, False: 1.0, None: None}
    keys = [
        None if one.value is None or (sign := signs[one.higher_is_better]) is None else sign * one.value
        for one in found
    ]
    return [None if own is None else 1 + sum(key < own for key in keys if key is not None) for own in keys]


def _unranked(shown: str, found: Sequence[ComparedModel]) -> str | None:
    measured = [model.details[shown] for model in found if model.details[shown].value is not None]
    if not measured:
        return f"{shown} was not measured of any of them in this period"
    return f"neither more nor less of {shown} is better" if measured[0].higher_is_better is None else None
