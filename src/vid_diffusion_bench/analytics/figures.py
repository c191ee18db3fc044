"""The figures of ended benchmarks, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from vid_diffusion_bench.analytics.period import Span
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, metric_values
from vid_diffusion_bench.models import canonical_name


@dataclass(frozen=True)
class Figure:
    """One value of one model in one benchmark. ``interval`` (95 %) and ``n`` (clips) are those of the benchmark;
    ``at`` is when it was stored, seconds since 1970."""

    benchmark_id: str
    model: str
    metric: str
    value: float
    protocol: str
    at: float
    n: int
    interval: tuple[float, float] | None
    higher_is_better: bool | None
    unit: str


@dataclass(frozen=True)
class Ended:
    """A benchmark that ended in a span, with its models by their own names."""

    id: str
    models: list[str]
    status: str


def read_figures(
    database: Database,
    span: Span,
    *,
    owner: str | None = None,
    models: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
) -> list[Figure]:
    """Everything that was measured in ``span``, oldest first; of all owners, models and metrics where none are named.

    Raises:
        StorageError: The database is away.
    """
    c = metric_values.c
    conditions = [c.created_at >= span.start, c.created_at < span.end, c.value.is_not(None)]
    conditions += [benchmarks.c.owner == owner] if owner is not None else []
    conditions += [c.model.in_(list(models))] if models is not None else []
    conditions += [c.metric.in_(list(metrics))] if metrics is not None else []
    joined = metric_values.join(benchmarks, benchmarks.c.id == c.benchmark_id)
    query = select(metric_values).select_from(joined).where(*conditions)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(c.created_at, c.benchmark_id, c.model, c.metric)).mappings().all()
    return [
        Figure(
            row["benchmark_id"],
            row["model"],
            row["metric"],
            float(row["value"]),
            row["protocol"],
            float(row["created_at"]),
            int(row["result"].get("n") or 0),
            _interval(row["result"].get("confidence_interval")),
            row["result"].get("higher_is_better"),
            row["result"].get("unit") or "",
        )
        for row in rows
    ]


def read_ended(
    database: Database, span: Span, *, owner: str | None = None, models: Sequence[str] | None = None
) -> list[Ended]:
    """Benchmarks that completed, failed or were cancelled in ``span``; with ``models``, those of any of them.

    Raises:
        StorageError: The database is away.
    """
    c = benchmarks.c
    conditions = [c.completed_at >= span.start, c.completed_at < span.end]
    conditions += [c.owner == owner] if owner is not None else []
    with database.reading() as connection:
        rows = connection.execute(select(c.id, c.models, c.status).where(*conditions)).all()
    found = [Ended(str(row.id), [canonical_name(name) for name in row.models], str(row.status)) for row in rows]
    return [one for one in found if models is None or set(one.models) & set(models)]


def _interval(stored: Sequence[float] | None) -> tuple[float, float] | None:
    return (float(stored[0]), float(stored[1])) if stored else None
