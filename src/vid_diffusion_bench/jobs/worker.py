"""A worker: takes benchmarks from the queue, one after another, until it is told to end."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy import delete

from vid_diffusion_bench.database import Database, put
from vid_diffusion_bench.database.tables import workers
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.jobs import tracing
from vid_diffusion_bench.jobs.leases import Leases, Watch
from vid_diffusion_bench.jobs.runner import Runner
from vid_diffusion_bench.jobs.supervision import GRACE, Supervision

logger = logging.getLogger(__name__)
IDLE: Final = 0.5
"""Seconds between two looks at an empty queue."""
FORGOTTEN: Final = 86400.0
"""Seconds after which the row of a worker that was killed, and could not sign off, is deleted."""


@dataclass
class Worker:
    """Runs benchmarks in a process of their own; this one imports no torch and holds no model.

    Args:
        database_url: Of the queue.
        data_root: Holds the folders of runs; the same for all workers of a queue.
        lease_seconds: How long a silent worker keeps its benchmark.
        timeout: Seconds that a benchmark may take if it says nothing.
        memory: GiB of models that stay loaded.
        grace: Seconds that a benchmark which is asked to stop may take for the step it is in.
    """

    database_url: str
    data_root: Path
    lease_seconds: float = 30
    timeout: float | None = None
    memory: float | None = None
    grace: float = GRACE
    name: str = field(default_factory=lambda: f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid4().hex[:6]}")
    _draining: threading.Event = field(default_factory=threading.Event)

    def drain(self) -> None:
        """Take nothing more; the running benchmark stops after its denoising step and goes back into the queue."""
        self._draining.set()

    def run(self) -> None:
        """Work until :meth:`drain`.

        Raises:
            MissingDependencyError: A collector of traces is named, and OpenTelemetry is not installed.
        """
        self._traces = tracing.provider("vid-bench-worker")
        database = Database(self.database_url)
        runner = Runner(self.memory)
        heart = threading.Thread(target=self._beat, args=(database,), daemon=True)
        heart.start()
        try:
            while not self._draining.is_set():
                if not self._work(database, runner):
                    self._draining.wait(IDLE)
        finally:
            self._draining.set()
            heart.join()
            runner.close()
            self._sign_off(database)
            database.close()
            if self._traces:
                self._traces.shutdown()

    def _work(self, database: Database, runner: Runner) -> bool:
        """Run one benchmark, if one waits."""
        leases = Leases(database, self.name)
        try:
            lease = leases.claim()
        except StorageError as error:
            logger.warning("%s", error.message)
            return False
        if lease is None:
            return False
        logger.info("%s: attempt %d begins", lease.job.id, lease.job.attempts)
        supervision = Supervision(
            lease, leases, runner, self.data_root, self.lease_seconds, self._draining, self.timeout, grace=self.grace
        )
        with tracing.run_of(self._traces, lease.job, self.name) as tell:
            supervision.run()
            outcome = supervision.outcome
            tell({"status": outcome.status, **(outcome.error or {})} if outcome else None)
        return True

    def _beat(self, database: Database) -> None:
        """Show that this worker is there, and put back what workers that are gone had taken."""
        watch, started_at = Watch(database, self.lease_seconds), time.time()
        while True:
            try:
                self._show(database, started_at)
                for benchmark in watch.look():
                    logger.warning("%s: its worker is gone; it is in the queue again", benchmark)
            except StorageError as error:
                logger.warning("%s", error.message)
                watch.forget()
            if self._draining.wait(min(self.lease_seconds / 5, 5)):
                return

    def _show(self, database: Database, started_at: float) -> None:
        """Write down that this worker is there, and forget those that were killed long ago."""
        now, pid = time.time(), {"pid": os.getpid()}
        row = {"id": self.name, "started_at": started_at, "seen_at": now, "description": pid}
        with database.writing() as connection:
            put(connection, workers, [row])
            connection.execute(delete(workers).where(workers.c.seen_at < now - FORGOTTEN))

    def _sign_off(self, database: Database) -> None:
        try:
            with database.writing() as connection:
                connection.execute(delete(workers).where(workers.c.id == self.name))
        except StorageError as error:
            logger.warning("%s", error.message)
