"""What a worker writes of the benchmark that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from vid_diffusion_bench.database import put
from vid_diffusion_bench.database.tables import metric_values, samples
from vid_diffusion_bench.jobs.job import JobEvent
from vid_diffusion_bench.jobs.leases import Lease, Leases
from vid_diffusion_bench.jobs.outcome import Outcome
from vid_diffusion_bench.models import canonical_name
from vid_diffusion_bench.results import SampleRecord

EVERY: Final = 0.5
"""Seconds between two progress events that say nothing but what is being done."""


class Recorder:
    """Writes under a lease: every method raises ``LeaseLostError`` when it is over, and then wrote nothing.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, leases: Leases, lease: Lease, clock: Callable[[], float] = time.monotonic) -> None:
        self._leases, self._lease, self._clock = leases, lease, clock
        self._said = float("-inf")
        self._task, self._model = "", ""
        self._done = self._total = 0
        self._failed: set[str] = set()
        self._first: tuple[float, int] | None = None
        self.deaths = lease.job.deaths
        """Of processes over this benchmark since its last sample."""

    def planned(self, total: int, done: int) -> None:
        """What is to be made and what an earlier attempt made; some of that may have failed."""
        self._total, self._done = total, done
        of_it = (samples.c.benchmark_id == self._lease.job.id, samples.c.status != "completed")
        with self._leases.writing(self._lease, total_samples=total, done_samples=done) as connection:
            self._failed = set(connection.execute(select(samples.c.key).where(*of_it)).scalars())
            self._leases.tell(connection, self._lease, *self._progress())

    def doing(self, task: str, model: str) -> None:
        """Something else is being done; said at most every :data:`EVERY` seconds."""
        now = self._clock()
        if self._first is None and task.startswith("Generating"):
            self._first = (now, self._done)
        if task == self._task or now - self._said < EVERY:
            return
        self._said, self._task, self._model = now, task, model
        self._leases.note(self._lease, self._progress(), current_task=task)

    def made(self, record: SampleRecord, done: int, total: int) -> None:
        """A sample ended: its row and the progress, together."""
        self._done, self._total, self._model = done, total, record.model
        # Not counted up: it is told again when the database did not take it, and a sample that failed may be made yet.
        (self._failed.discard if record.status == "completed" else self._failed.add)(record.key)
        self.deaths = 0
        columns = {"done_samples": done, "total_samples": total, "failed_samples": len(self._failed), "deaths": 0}
        with self._leases.writing(self._lease, **columns) as connection:
            self._put_samples(connection, [record])
            self._leases.tell(connection, self._lease, *self._progress())

    def scored(self, records: Sequence[SampleRecord]) -> None:
        """The same samples with their scores, and those of an attempt that could not say so."""
        with self._leases.writing(self._lease) as connection:
            self._put_samples(connection, records)

    def ended(self, outcome: Outcome) -> None:
        """The figures, the results and the end, together."""
        now, name = time.time(), self._lease.job.id
        rows = [{"benchmark_id": name, "created_at": now, **row} for row in outcome.values]
        data: dict[str, Any] = {"status": outcome.status}
        data |= {"error": outcome.error} if outcome.error else {"results": outcome.metrics}
        columns = {
            "results": outcome.results or None,
            "summary": outcome.summary,
            "execution_time": outcome.execution_time,
            "error": outcome.error,
        }
        with self._leases.ending(self._lease, outcome.status, data, **columns) as connection:
            put(connection, metric_values, rows)

    def _put_samples(self, connection: Connection, records: Sequence[SampleRecord]) -> None:
        now = time.time()
        rows = [
            {
                "benchmark_id": self._lease.job.id,
                "key": record.key,
                "model": canonical_name(record.model),
                "prompt_id": record.prompt_id,
                "seed": record.seed,
                "status": record.status,
                "latency": record.cost.latency if record.cost else None,
                "record": record.model_dump(mode="json"),
                "created_at": now,
            }
            for record in records
        ]
        put(connection, samples, rows)

    def _progress(self) -> tuple[JobEvent, dict[str, Any]]:
        done, total = self._done, self._total
        return "benchmark.progress", {
            "completed_prompts": done,
            "total_prompts": total,
            "percentage": round(100 * done / total, 1) if total else 0.0,
            "estimated_remaining": self._estimate(),
            "current_task": self._task or None,
            "model": self._model or None,
        }

    def _estimate(self) -> float | None:
        """Seconds, from the pace since the first clip of this attempt; ``None`` before one is made."""
        if self._first is None or self._done <= self._first[1]:
            return None
        since, before = self._first
        return round((self._clock() - since) / (self._done - before) * (self._total - self._done), 1)
