"""How workers take benchmarks from the queue, and how one that is gone loses what it took.

A worker that takes a job gets a lease: a token that every later write of it is checked against. While it is alive it
counts the job's ``beats`` up. Whoever has watched the same count for the length of a lease, by a clock of its own that
only goes forward, may put the job back; the old token then writes nothing any more. No wall clock decides anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Update, func, select, update

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks
from vid_diffusion_bench.exceptions import LeaseLostError
from vid_diffusion_bench.jobs.events import append
from vid_diffusion_bench.jobs.job import Job, JobEvent, JobStatus

MOST_DEATHS: Final = 10
"""Workers that may vanish over one benchmark, one after another, before it makes a sample."""
_FREE: Final = {"lease": None, "worker": None}
_HOPELESS: Final = {
    "code": "RUN_DIED",
    "message": f"{MOST_DEATHS} workers vanished one after another while they ran it",
    "details": {},
}


@dataclass(frozen=True)
class Lease:
    """The right to work on ``job`` and to write what became of it."""

    job: Job
    token: str


class Leases:
    """The leases on the benchmarks of a server, seen by one worker."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker

    def claim(self) -> Lease | None:
        """Take the benchmark that is to be run next: the oldest of the highest priority; ``None`` when none waits."""
        c, now, token = benchmarks.c, time.time(), uuid4().hex
        queue = select(c.id).where(c.status == "submitted").order_by(c.priority.desc(), c.created_at, c.id)
        with self._database.writing() as connection:
            found = connection.execute(queue.limit(1).with_for_update(skip_locked=True)).scalar()
            if found is None:
                return None
            taken = update(benchmarks).where(c.id == found).values(
                status="running", worker=self._worker, lease=token, beats=c.beats + 1, attempts=c.attempts + 1,
                started_at=func.coalesce(c.started_at, now), updated_at=now,
            )  # fmt: skip
            connection.execute(taken)
            row = connection.execute(select(benchmarks).where(c.id == found)).mappings().one()
            job = Job.of(row)
            append(connection, job.id, "benchmark.started", {"attempt": job.attempts, "models": job.models})
        return Lease(job, token)

    def beat(self, lease: Lease) -> bool:
        """Say that the worker is alive; whether the benchmark is to be cancelled.

        Raises:
            LeaseLostError: Somebody else has the job now, or it has ended.
        """
        held = _held(lease).values(beats=benchmarks.c.beats + 1).returning(benchmarks.c.cancel_requested)
        with self._database.writing() as connection:
            cancelled = connection.execute(held).scalar()
            if cancelled is None:
                raise _lost(lease)
            return bool(cancelled)

    def note(self, lease: Lease, event: tuple[JobEvent, dict[str, Any]] | None = None, /, **columns: Any) -> None:
        """Write ``columns`` of the job, and an event of it, together or not at all.

        Raises:
            LeaseLostError: Somebody else has the job now, or it has ended.
        """
        with self.writing(lease, **columns) as connection:
            if event:
                append(connection, lease.job.id, *event)

    @contextmanager
    def writing(self, lease: Lease, /, **columns: Any) -> Iterator[Connection]:
        """A transaction that holds only if the lease does: ``columns`` of the job, and what the block writes beside it.

        Raises:
            LeaseLostError: Somebody else has the job now, or it has ended.
        """
        values = {"updated_at": time.time(), **columns}
        with self._database.writing() as connection:
            if not connection.execute(_held(lease).values(**values)).rowcount:
                raise _lost(lease)
            yield connection

    def tell(self, connection: Connection, lease: Lease, kind: JobEvent, data: dict[str, Any]) -> None:
        """Add an event to a transaction of :meth:`writing`."""
        append(connection, lease.job.id, kind, data)

    @contextmanager
    def ending(self, lease: Lease, status: JobStatus, data: dict[str, Any], /, **columns: Any) -> Iterator[Connection]:
        """As :meth:`writing`, and the end of the benchmark and of the lease, with the event that tells it.

        Raises:
            LeaseLostError: Somebody else has the job now, or it has ended.
        """
        ended = {"status": status, "completed_at": time.time(), "lease": None, "current_task": None}
        with self.writing(lease, **ended, **columns) as connection:
            append(connection, lease.job.id, f"benchmark.{status}", data)  # type: ignore[arg-type]
            yield connection

    def give_back(self, lease: Lease, *, died: bool = False) -> None:
        """Put the benchmark back into the queue, to go on from what was committed.

        Raises:
            LeaseLostError: Somebody else has the job now, or it has ended.
        """
        self.note(lease, status="submitted", deaths=benchmarks.c.deaths + int(died), **_FREE)


class Watch:
    """Puts back the jobs of workers that are gone.

    Args:
        database: Where the jobs are.
        seconds: The length of a lease.
        clock: Seconds that only go forward.
    """

    def __init__(self, database: Database, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._seconds, self._clock = database, seconds, clock
        self._seen: dict[str, tuple[str, int, float]] = {}
        self._looked = clock()

    def forget(self) -> None:
        """What was seen no longer counts: nobody could have renewed a lease while the database was away."""
        self._seen = {}

    def look(self) -> list[str]:
        """Look at every running job once; the ids of those that were put back.

        Who did not look for the length of a lease, because the machine slept, has seen nothing.
        """
        c, now = benchmarks.c, self._clock()
        if now - self._looked >= self._seconds:
            self.forget()
        self._looked = now
        with self._database.reading() as connection:
            rows = connection.execute(select(c.id, c.lease, c.beats).where(c.status == "running")).all()
        seen = {row.id: (row.lease, row.beats, now) for row in rows}
        for name, (lease, beats, _) in seen.items():
            if name in self._seen and self._seen[name][:2] == (lease, beats):
                seen[name] = self._seen[name]
        self._seen = seen
        stale = [name for name, (*_, since) in seen.items() if now - since >= self._seconds]
        return [name for name in stale if self._put_back(name)]

    def _put_back(self, name: str) -> bool:
        lease, beats, _ = self._seen.pop(name)
        c = benchmarks.c
        same = update(benchmarks).where(c.id == name, c.status == "running", c.lease == lease, c.beats == beats)
        with self._database.writing() as connection:
            put_back = same.where(c.deaths < MOST_DEATHS).values(status="submitted", deaths=c.deaths + 1, **_FREE)
            if connection.execute(put_back).rowcount:
                return True
            now = time.time()
            failed = same.values(status="failed", error=_HOPELESS, completed_at=now, updated_at=now, **_FREE)
            if connection.execute(failed).rowcount:
                append(connection, name, "benchmark.failed", {"status": "failed", "error": _HOPELESS})
        return False


def _held(lease: Lease) -> Update:
    c = benchmarks.c
    return update(benchmarks).where(c.id == lease.job.id, c.lease == lease.token, c.status == "running")


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(f"the lease on benchmark {lease.job.id} is over", details={"benchmark_id": lease.job.id})
