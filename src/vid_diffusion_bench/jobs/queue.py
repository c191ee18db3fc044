"""The queue of benchmarks: submitted, listed, cancelled. How workers take from it is :mod:`.leases`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, ConflictError, ServerOverloadedError, ValidationError
from vid_diffusion_bench.jobs.events import append
from vid_diffusion_bench.jobs.job import ENDED, Job, NewJob
from vid_diffusion_bench.models import canonical_name

RETRY_AFTER: Final = 30
"""Seconds after which a full queue may be asked again."""
SORTS: Final = {
    "created_at": (benchmarks.c.created_at.asc(), benchmarks.c.id.asc()),
    "-created_at": (benchmarks.c.created_at.desc(), benchmarks.c.id.desc()),
    "status": (benchmarks.c.status.asc(), benchmarks.c.created_at.desc(), benchmarks.c.id.desc()),
}


@dataclass(frozen=True)
class Filter:
    """Which benchmarks to list; ``owner`` ``None`` is everybody's."""

    owner: str | None = None
    status: str | None = None
    model_name: str | None = None
    created_after: float | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        c = benchmarks.c
        given = [(c.owner, self.owner), (c.status, self.status), (c.model_name, self.model_name)]
        found = [column == value for column, value in given if value is not None]
        return [*found, c.created_at > self.created_after] if self.created_after is not None else found


Beside = Callable[[Connection, list[Job]], None]


class JobQueue:
    """The benchmarks of a server.

    Args:
        database: Where they are.
        limit: The most benchmarks that may wait.
    """

    def __init__(self, database: Database, limit: int = 1000) -> None:
        self._database, self._limit = database, limit

    def submit(self, jobs: Sequence[NewJob], beside: Beside | None = None) -> list[Job]:
        """Put benchmarks in, all or none; ``beside`` writes what belongs to them in the same transaction.

        Raises:
            ServerOverloadedError: There is no room for all of them.
        """
        now = time.time()
        rows = [_row(job, now) for job in jobs]
        with self._database.exclusive() as connection:  # of two at once only one may take the last place
            waiting = connection.execute(
                select(func.count()).select_from(benchmarks).where(benchmarks.c.status == "submitted")
            ).scalar_one()
            if waiting + len(rows) > self._limit:
                raise ServerOverloadedError(
                    f"{waiting} benchmarks are waiting, the limit is {self._limit}", retry_after=RETRY_AFTER
                )
            connection.execute(benchmarks.insert(), rows)
            chosen = select(benchmarks).where(benchmarks.c.id.in_([row["id"] for row in rows]))
            made = {row["id"]: Job.of(row) for row in connection.execute(chosen).mappings()}
            submitted = [made[row["id"]] for row in rows]
            if beside:
                beside(connection, submitted)
        return submitted

    def get(self, benchmark_id: str) -> Job:
        """One benchmark.

        Raises:
            BenchmarkNotFoundError: There is none of that id.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(benchmarks).where(benchmarks.c.id == benchmark_id)).mappings().first()
        if row is None:
            raise _unknown(benchmark_id)
        return Job.of(row)

    def page(
        self,
        chosen: Filter,
        *,
        sort: str = "-created_at",
        page: int = 1,
        limit: int = 20,
        after: tuple[float, str] | None = None,
    ) -> list[Job]:
        """Benchmarks ``limit * (page - 1)`` to ``limit * page`` of those chosen; or of those ``after`` one, known by
        its ``created_at`` and ``id``, in the order of time.

        Raises:
            ValidationError: No such order, or ``after`` in the order of status.
        """
        if sort not in SORTS:
            raise ValidationError(f"sort cannot be {sort!r}", remedy=f"it is one of {', '.join(SORTS)}")
        query = select(benchmarks).where(*chosen.conditions()).order_by(*SORTS[sort])
        if after is not None:
            if sort == "status":
                raise ValidationError(
                    "a cursor goes with the order of time", remedy="sort by created_at or -created_at"
                )
            place, here = tuple_(benchmarks.c.created_at, benchmarks.c.id), tuple_(*after)
            query = query.where(place > here if sort == "created_at" else place < here)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit).offset(limit * (page - 1))).mappings().all()
        return [Job.of(row) for row in rows]

    def count(self, chosen: Filter) -> int:
        with self._database.reading() as connection:
            query = select(func.count()).select_from(benchmarks).where(*chosen.conditions())
            return int(connection.execute(query).scalar_one())

    def cancel(self, benchmark_id: str) -> Job:
        """Cancel one that waits at once; ask the worker of one that runs to stop.

        Raises:
            BenchmarkNotFoundError: There is none of that id.
            ConflictError: It has ended.
        """
        of_it, now = benchmarks.c.id == benchmark_id, time.time()
        with self._database.writing() as connection:
            status = connection.execute(select(benchmarks.c.status).where(of_it).with_for_update()).scalar()
            if status is None:
                raise _unknown(benchmark_id)
            if status in ENDED:
                raise ConflictError(
                    f"benchmark {benchmark_id} has ended: {status}",
                    details={"benchmark_id": benchmark_id, "status": status},
                )
            values: dict[str, Any] = {"cancel_requested": True, "updated_at": now}
            if status == "submitted":
                values |= {"status": "cancelled", "completed_at": now}
                append(connection, benchmark_id, "benchmark.cancelled", {"status": "cancelled"})
            connection.execute(update(benchmarks).where(of_it).values(**values))
        return self.get(benchmark_id)


def _unknown(benchmark_id: str) -> BenchmarkNotFoundError:
    return BenchmarkNotFoundError(f"there is no benchmark {benchmark_id}", details={"benchmark_id": benchmark_id})


def _row(job: NewJob, now: float) -> dict[str, Any]:
    return {
        "id": f"bench_{uuid4().hex[:16]}",
        "owner": job.owner,
        "name": job.name,
        "model_name": canonical_name(job.models[0]),
        "models": job.models,
        "config": job.config,
        "options": job.options,
        "metadata": job.metadata,
        "priority": job.priority,
        "status": "submitted",
        "created_at": now,
        "updated_at": now,
        "total_samples": job.total_samples,
    }
