"""What the queue holds and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from sqlalchemy import ColumnElement, Connection, func, select

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, workers
from vid_diffusion_bench.jobs import JobStatus
from vid_diffusion_bench.monitoring.probes import SILENT_SECONDS

HOUR: Final = 3600.0
FORGOTTEN: Final = HOUR
"""A worker that was killed cannot sign off; after so long a silence it is not spoken of any more."""


@dataclass(frozen=True)
class Load:
    """Counts of benchmarks, by status and of those that ended; of workers seen in the last
    :data:`~.probes.SILENT_SECONDS`, and of those ``silent`` since, for at most :data:`FORGOTTEN`.

    Days are UTC. ``quiet_seconds`` is how long ago the running benchmark that said nothing for longest said something,
    ``None`` when none runs; ``events`` is how many events are stored.
    """

    by_status: dict[str, int]
    workers: int
    silent: int
    completed_today: int
    failed_today: int
    completed_last_hour: int
    failed_last_hour: int
    quiet_seconds: float | None
    events: int

    @property
    def waiting(self) -> int:
        return self.by_status["submitted"]

    @property
    def running(self) -> int:
        return self.by_status["running"]

    @property
    def error_rate(self) -> float | None:
        """Percentage of today's completed and failed benchmarks that failed; ``None`` when none ended."""
        return share(self.failed_today, self.failed_today + self.completed_today)


def share(part: int, whole: int) -> float | None:
    """Percentage; ``None`` of nothing."""
    return 100 * part / whole if whole else None


def read_load(database: Database, now: float | None = None) -> Load:
    """Count; ``now`` is seconds since 1970.

    Raises:
        StorageError: The database is away.
    """
    now = time.time() if now is None else now
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    c, seen = benchmarks.c, workers.c.seen_at
    with database.reading() as connection:
        counted = connection.execute(select(c.status, func.count()).group_by(c.status))
        found = {str(status): int(number) for status, number in counted}
        today, hour = (_ended(connection, since) for since in (midnight, now - HOUR))
        there = _count(connection, seen > now - SILENT_SECONDS)
        silent = _count(connection, (seen <= now - SILENT_SECONDS) & (seen > now - FORGOTTEN))
        oldest = connection.execute(select(func.min(c.updated_at)).where(c.status == "running")).scalar()
        events = connection.execute(select(func.coalesce(func.sum(c.last_event), 0))).scalar_one()
    return Load(
        by_status={status: found.get(status, 0) for status in get_args(JobStatus)},
        workers=there,
        silent=silent,
        completed_today=today.get("completed", 0),
        failed_today=today.get("failed", 0),
        completed_last_hour=hour.get("completed", 0),
        failed_last_hour=hour.get("failed", 0),
        quiet_seconds=None if oldest is None else max(0.0, now - float(oldest)),
        events=int(events),
    )


def _ended(connection: Connection, since: float) -> dict[str, int]:
    c = benchmarks.c
    ended = c.status.in_(("completed", "failed")) & (c.completed_at >= since)
    query = select(c.status, func.count()).where(ended).group_by(c.status)
    return {str(status): int(number) for status, number in connection.execute(query)}


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(workers).where(condition)
    return int(connection.execute(query).scalar_one())
