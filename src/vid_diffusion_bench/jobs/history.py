"""What was measured here before: how long clips took, and every figure of ended benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, metric_values, samples
from vid_diffusion_bench.models import canonical_name

LOOKED_AT = 200
"""The newest clips of a model that an estimate looks at."""


@dataclass(frozen=True)
class Figures:
    """Which figures of history to give; times are seconds since 1970."""

    owner: str | None = None
    model: str | None = None
    metric: str | None = None
    start: float | None = None
    end: float | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        c = metric_values.c
        found = [column == value for column, value in ((c.model, self.model), (c.metric, self.metric)) if value]
        found += [benchmarks.c.owner == self.owner] if self.owner else []
        found += [c.created_at >= self.start] if self.start is not None else []
        return found + ([c.created_at < self.end] if self.end is not None else [])


class History:
    """What a server's benchmarks left."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def estimate(self, models: Sequence[str], clips_a_model: int) -> float | None:
        """Seconds that clips of these models will take, by the mean of the newest clips of each; ``None`` if a model
        has made none here."""
        total = 0.0
        for model in models:
            newest = (
                select(samples.c.latency)
                .where(samples.c.model == canonical_name(model), samples.c.latency.is_not(None))
                .order_by(samples.c.created_at.desc())
                .limit(LOOKED_AT)
                .subquery()
            )
            with self._database.reading() as connection:
                seconds = connection.execute(select(func.avg(newest.c.latency))).scalar()
            if seconds is None:
                return None
            total += float(seconds) * clips_a_model
        return total

    def figures(self, chosen: Figures, *, page: int = 1, limit: int = 100) -> list[dict[str, Any]]:
        """Figures ``limit * (page - 1)`` to ``limit * page``, newest first, with the benchmark each is of."""
        query = _of(chosen, metric_values).order_by(*_NEWEST)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit).offset(limit * (page - 1))).mappings().all()
        return [dict(row) for row in rows]

    def count(self, chosen: Figures) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(_of(chosen, func.count())).scalar_one())

    def averages(self, model: str, owner: str | None = None) -> dict[str, dict[str, Any]]:
        """Of every figure of a model: the mean over its newest protocol's benchmarks, and how many those are.

        Values of different protocols are never averaged: only those of the protocol that was used last count.
        """
        c = metric_values.c
        newest = func.first_value(c.protocol).over(partition_by=c.metric, order_by=_NEWEST).label("newest")
        known = _of(Figures(owner=owner, model=model), c.metric, c.value, c.protocol, newest)
        k = known.where(c.value.is_not(None)).subquery().c
        query = select(k.metric, func.avg(k.value).label("value"), func.count().label("n"), k.protocol)
        query = query.where(k.protocol == k.newest).group_by(k.metric, k.protocol)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return {row.metric: {"value": row.value, "n": row.n, "protocol": row.protocol} for row in found}


_NEWEST: Final = (
    metric_values.c.created_at.desc(),
    metric_values.c.benchmark_id,
    metric_values.c.model,
    metric_values.c.metric,
)


def _of(chosen: Figures, *columns: Any) -> Select[Any]:
    """``columns`` of the figures that are chosen."""
    joined = metric_values.join(benchmarks, benchmarks.c.id == metric_values.c.benchmark_id)
    return select(*columns).select_from(joined).where(*chosen.conditions())
