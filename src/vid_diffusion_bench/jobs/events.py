"""What happened to a benchmark, numbered and kept, so that nobody who comes back misses anything."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, update

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, events
from vid_diffusion_bench.jobs.job import JobEvent, StoredEvent

BATCH = 500
"""The most events that one look gives."""


def append(connection: Connection, benchmark_id: str, kind: JobEvent, data: dict[str, Any]) -> int:
    """Number and keep an event, in the transaction of what it tells; gives the number.

    The number comes from the benchmark's own row, which the transaction then holds: events of one benchmark are
    committed in the order of their numbers, without gaps.
    """
    counted = update(benchmarks).where(benchmarks.c.id == benchmark_id)
    counted = counted.values(last_event=benchmarks.c.last_event + 1)
    number = int(connection.execute(counted.returning(benchmarks.c.last_event)).scalar_one())
    row = {"benchmark_id": benchmark_id, "number": number, "type": kind, "data": data, "at": time.time()}
    connection.execute(events.insert().values(**row))
    return number


class EventLog:
    """The events of a server's benchmarks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, benchmark_id: str, number: int) -> list[StoredEvent]:
        """Events of one benchmark after ``number``, in order, at most :data:`BATCH` of them."""
        query = select(events).where(events.c.benchmark_id == benchmark_id, events.c.number > number)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(events.c.number).limit(BATCH)).mappings().all()
        return [StoredEvent(**row) for row in rows]

    def last_numbers(self, benchmark_ids: Collection[str]) -> dict[str, int]:
        """The number of the last event of each benchmark, 0 where there is none yet."""
        query = select(benchmarks.c.id, benchmarks.c.last_event).where(benchmarks.c.id.in_(benchmark_ids))
        with self._database.reading() as connection:
            return {row.id: row.last_event for row in connection.execute(query)}
