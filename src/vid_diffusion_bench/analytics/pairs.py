"""Whether two models differ, by the clips that both made of the same prompts and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from sqlalchemy import select

from vid_diffusion_bench import statistics
from vid_diffusion_bench.analytics.period import Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, metric_values, samples

LEVEL: Final = 0.95
MOST_CLIPS: Final = 20_000
"""The newest clips of a model that are looked at."""
LATENCY: Final = "avg_latency_ms"
Clips = dict[tuple[str, int], float]
"""A model's values by prompt and seed; of several clips their mean."""


@dataclass(frozen=True)
class Pair:
    """``difference`` is the mean of first minus second over ``n`` pairs of ``prompts`` prompts, with its 95 %
    ``interval``. ``p_value`` is adjusted by Holm's method for the pairs that were tested together. Where a number is
    ``None``, ``reason`` says why."""

    models: tuple[str, str]
    n: int
    prompts: int
    difference: float | None = None
    interval: tuple[float, float] | None = None
    test: str | None = None
    p_value: float | None = None
    significant: bool | None = None
    reason: str | None = None


def read_clips(
    database: Database, span: Span, model: str, metric: str, protocol: str, owner: str | None = None
) -> Clips:
    """Values a clip of ``metric``, from the benchmarks of ``span`` that measured it by ``protocol``.

    Empty for a figure that is of whole sets of clips. Of latency, milliseconds.

    Raises:
        StorageError: The database is away.
    """
    c, v = samples.c, metric_values.c
    joined = samples.join(metric_values, (v.benchmark_id == c.benchmark_id) & (v.model == c.model)).join(
        benchmarks, benchmarks.c.id == c.benchmark_id
    )
    conditions = [v.metric == metric, v.protocol == protocol, c.model == model, c.status == "completed"]
    conditions += [v.created_at >= span.start, v.created_at < span.end]
    conditions += [benchmarks.c.owner == owner] if owner is not None else []
    columns = [c.prompt_id, c.seed, c.latency, *([] if metric == LATENCY else [c.record])]
    query = select(*columns).select_from(joined).where(*conditions).order_by(v.created_at.desc(), c.key)
    with database.reading() as connection:
        rows = connection.execute(query.limit(MOST_CLIPS)).mappings().all()
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if (value := _value(dict(row), metric)) is not None:
            found.setdefault((str(row["prompt_id"]), int(row["seed"])), []).append(value)
    return {key: statistics.mean(values) for key, values in found.items()}


def _value(row: dict[str, Any], metric: str) -> float | None:
    if metric == LATENCY:
        return None if row["latency"] is None else 1000 * float(row["latency"])
    score = row["record"].get("scores", {}).get(metric) or {}
    return score.get("value")


def pairs_of(
    database: Database, span: Span, models: Sequence[str], metric: str, protocol: str | None, owner: str | None = None
) -> list[Pair]:
    """Every pair of ``models``, in their order, by the clips of ``span``; their p-values are adjusted together.

    Raises:
        StorageError: The database is away.
    """
    clips = {
        name: read_clips(database, span, name, metric, protocol, owner) if protocol and len(models) > 1 else {}
        for name in models
    }
    pairs = [_tested(names, clips[names[0]], clips[names[1]]) for names in combinations(clips, 2)]
    tested = [pair for pair in pairs if pair.p_value is not None]
    adjusted = dict(
        zip((pair.models for pair in tested), statistics.holm([p.p_value or 0.0 for p in tested]), strict=True)
    )
    return [
        replace(pair, p_value=adjusted[pair.models], significant=adjusted[pair.models] < 1 - LEVEL)
        if pair.models in adjusted
        else pair
        for pair in pairs
    ]


def _tested(names: tuple[str, str], first: Clips, second: Clips) -> Pair:
    absent = [name for name, clips in zip(names, (first, second), strict=True) if not clips]
    common = sorted(first.keys() & second.keys())
    prompts = [prompt for prompt, _ in common]
    if absent:
        return Pair(names, 0, 0, reason=f"no values of single clips of {' and '.join(absent)} by this protocol")
    if len(set(prompts)) < 2:
        why = f"{len(set(prompts))} prompts were made with the same seed by both; a test needs two"
        return Pair(names, len(common), len(set(prompts)), reason=why)
    differences = [first[key] - second[key] for key in common]
    found = statistics.paired_test(differences, prompts)
    bounds, why = _interval(differences, prompts)
    return Pair(
        models=names,
        n=found.n,
        prompts=found.clusters,
        difference=statistics.mean(differences),
        interval=bounds,
        test=found.test,
        p_value=found.p_value,
        reason="; ".join(filter(None, [found.reason, why])) or None,
    )


def _interval(differences: Sequence[float], prompts: Sequence[str]) -> tuple[tuple[float, float] | None, str]:
    if len(set(prompts)) < statistics.FEWEST_CLUSTERS:
        return None, f"an interval needs {statistics.FEWEST_CLUSTERS} prompts"
    return statistics.cluster_bootstrap(differences, prompts, confidence=LEVEL), ""
