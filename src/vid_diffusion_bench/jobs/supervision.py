"""One benchmark from its claim to its end: what its process tells is written, and it is stopped when it must stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from vid_diffusion_bench.exceptions import DataRefusedError, LeaseLostError, RunLockedError, StorageError
from vid_diffusion_bench.jobs.child import Doing, Ended, Made, News, Planned, Scored, Task
from vid_diffusion_bench.jobs.leases import Lease, Leases
from vid_diffusion_bench.jobs.outcome import Outcome
from vid_diffusion_bench.jobs.record import Recorder
from vid_diffusion_bench.jobs.runner import Died, Runner

logger = logging.getLogger(__name__)
MOST_DEATHS: Final = 3
"""Of its process, one after another without a clip between: then a benchmark has failed."""
GRACE: Final = 60.0
"""Seconds that a benchmark that is asked to stop may take for the denoising step it is in."""
PATIENCE: Final = 600.0
"""Seconds that a benchmark waits for a disk that is full, or away; then it has failed."""
REST: Final = 2.0
"""Seconds between two tries on such a disk."""
RENEW: Final = 1.0
"""The most seconds between two beats of a lease: each tells whether the benchmark is cancelled."""
_LOOK: Final = 0.2

Why = Literal["cancelled", "timed out", "drained"]


@dataclass
class Supervision:
    """See :meth:`run`.

    Args:
        lease: What is worked on.
        leases: Whose it is.
        runner: The process that does it.
        data_root: Holds the folders of runs.
        lease_seconds: After which a lease that was not renewed may be somebody else's.
        draining: Set when the worker is to end.
        timeout: Seconds a benchmark that says nothing may take; ``None`` is no limit.
        clock: Seconds that only go forward.
    """

    lease: Lease
    leases: Leases
    runner: Runner
    data_root: Path
    lease_seconds: float
    draining: threading.Event
    timeout: float | None = None
    clock: Callable[[], float] = time.monotonic
    grace: float = GRACE
    outcome: Outcome | None = None
    """How it ended; ``None`` before, and when it was given back or is somebody else's."""
    _waiting: list[News] = field(default_factory=list)
    _why: Why | None = None
    _stuck: float | None = None
    """Since when nothing goes on."""
    _again: float | None = None
    """When it is tried again."""

    def run(self) -> None:
        """Work until the benchmark has ended, is given back, or is somebody else's."""
        self._recorder = Recorder(self.leases, self.lease)
        self._started = self._renewed = self._asked = self.clock()
        try:
            self._work()
        except LeaseLostError:
            logger.warning("%s: the lease is over; what it did not commit is somebody else's", self.lease.job.id)
            self.runner.kill()

    def _work(self) -> None:
        try:
            self.runner.run(self._task())
            self._follow()
        except DataRefusedError as refused:
            logger.exception("%s: it cannot be written down", self.lease.job.id)
            self.runner.kill()
            self._waiting.clear()
            self._end(Outcome("failed", error={"code": refused.code, "message": refused.message, "details": {}}))

    def _task(self) -> Task:
        job = self.lease.job
        score = bool(job.options.get("compute_metrics", True))
        return Task(job.id, job.config, self.data_root / "runs" / job.id, score)

    def _follow(self) -> None:
        while True:
            try:
                message = self.runner.receive(_LOOK)
            except Died as death:
                return self._after_death(death)
            if message is not None and not isinstance(message, Ended):
                self._waiting.append(message)
            self._renew()
            self._write()
            if isinstance(message, Ended) and not self._waits(message.outcome):
                return self._end(message.outcome)
            self._look_at_the_clock()
            if self._why and self._again is not None:
                return self._end(Outcome("cancelled"))
            if self._why and self.clock() - self._asked > self.grace:
                logger.warning("%s: it did not stop and is killed", self.lease.job.id)
                self.runner.kill()
                return self._end(Outcome("cancelled"))
            self._try_again()

    def _waits(self, outcome: Outcome) -> bool:
        """Whether what ended it may pass: the process of an earlier lease that is not quite gone, or a full disk."""
        error, now = outcome.error or {}, self.clock()
        passing = {
            RunLockedError.code: (self.grace, _LOOK, "Waiting for another process"),
            StorageError.code: (PATIENCE, REST, "Waiting for the disk"),
        }
        patience, rest, task = passing.get(str(error.get("code")), (0.0, 0.0, ""))
        self._stuck = now if self._stuck is None else self._stuck
        if not patience or now - self._stuck > patience:
            return False
        logger.warning("%s: %s", self.lease.job.id, error["message"])
        self._waiting.append(Doing(task, self.lease.job.models[0]))
        self._again = now + rest
        return True

    def _try_again(self) -> None:
        if self._again is not None and self.clock() >= self._again:
            self._again = None
            self.runner.run(self._task())

    def _renew(self) -> None:
        """Keep the lease; learn whether the benchmark is cancelled."""
        now = self.clock()
        if now - self._renewed < min(self.lease_seconds / 5, RENEW):
            return
        try:
            if self.leases.beat(self.lease):
                self._ask_to_stop("cancelled")
            self._renewed = now
        except StorageError as error:
            logger.warning("%s: %s", self.lease.job.id, error.message)
            if now - self._renewed > self.lease_seconds:
                raise LeaseLostError(f"the lease on {self.lease.job.id} could not be renewed") from error

    def _write(self) -> None:
        """Write what was told; while the database is away it waits here."""
        try:
            while self._waiting:
                self._tell(self._waiting[0])
                self._waiting.pop(0)
        except StorageError as error:
            logger.warning("%s: %s", self.lease.job.id, error.message)

    def _tell(self, message: News) -> None:
        match message:
            case Planned():
                self._recorder.planned(message.total, message.done)
            case Doing():
                self._recorder.doing(message.task, message.model)
            case Made():
                self._stuck = None
                self._recorder.made(message.record, message.done, message.total)
            case Scored():
                self._recorder.scored(message.records)

    def _look_at_the_clock(self) -> None:
        if self.draining.is_set():
            self._ask_to_stop("drained")
        if self._limit and self.clock() - self._started > self._limit:
            self._ask_to_stop("timed out")

    @property
    def _limit(self) -> float | None:
        return self.lease.job.options.get("timeout_seconds") or self.timeout

    def _ask_to_stop(self, why: Why) -> None:
        if self._why is None:
            self._why, self._asked = why, self.clock()
            self.runner.stop()

    def _end(self, outcome: Outcome) -> None:
        stopped = outcome.status == "cancelled"
        if stopped and self._why == "drained":
            return self._persist(lambda: self.leases.give_back(self.lease))
        if stopped and self._why == "timed out":
            outcome = replace(outcome, status="failed", error=self._too_late())
        self._persist(lambda: self._recorder.ended(outcome))
        self.outcome = outcome
        return None

    def _too_late(self) -> dict[str, Any]:
        message = f"the benchmark passed its time-out of {self._limit:g} s; what was measured is kept"
        return {"code": "BENCHMARK_TIMEOUT", "message": message, "details": {"timeout_seconds": self._limit}}

    def _after_death(self, death: Died) -> None:
        job = self.lease.job
        logger.error("%s: its process is gone: %s", job.id, death.how)
        if self._why:
            return self._end(Outcome("cancelled"))
        self._persist(lambda: None)
        if self._recorder.deaths + 1 < MOST_DEATHS:
            return self._persist(lambda: self.leases.give_back(self.lease, died=True))
        message = f"the process that ran it died {MOST_DEATHS} times without making a clip; the last time {death.how}"
        error = {"code": "RUN_DIED", "message": message, "details": {}}
        return self._end(Outcome("failed", error=error))

    def _persist(self, write: Callable[[], None]) -> None:
        """Write what waits and then this, however long the database is away."""
        while True:
            self._write()
            if not self._waiting:
                try:
                    return write()
                except StorageError as error:
                    logger.warning("%s: %s", self.lease.job.id, error.message)
            self._renew()
            time.sleep(_LOOK)
