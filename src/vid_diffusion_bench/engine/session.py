"""What the making of a run's samples shares: the session, and the watch over one generating call."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.plan import PlannedSample
from vid_diffusion_bench.exceptions import GenerationCancelledError, GenerationTimeoutError
from vid_diffusion_bench.profiling import Sampler, StageTimer
from vid_diffusion_bench.storage import RunStore

Batch = tuple[PlannedSample, ...]


@dataclass
class Session:
    """What the making of samples needs beside the model.

    ``done`` of ``total`` samples of the run have ended; ``ended`` are their keys, ``made`` those that this run made.
    ``sampler`` watches the memory from another process. Models in ``kept`` are left loaded for the next run.
    """

    config: BenchmarkConfig
    device: str
    store: RunStore
    listener: events.Listener
    stop: threading.Event
    total: int
    done: int
    ended: set[str]
    made: set[str] = field(default_factory=set)
    sampler: Sampler | None = None
    kept: frozenset[str] = frozenset()


@dataclass
class StepWatch:
    """Called by the model after each denoising step: marks the time, tells the listener, and ends what must end."""

    session: Session
    batch: Batch
    timer: StageTimer | None = None
    step: int = 0
    started: float = field(default_factory=time.monotonic)

    def __call__(self, step: int, total: int) -> None:
        self.step = step
        if self.timer is not None:
            self.timer.step()
            first = self.batch[0]
            self.session.listener(events.StepCompleted(first.model, first.request.prompt, step, total))
        if self.session.stop.is_set():
            raise GenerationCancelledError("the run was asked to stop")
        limit = self.session.config.timeout_seconds
        if limit is not None and time.monotonic() - self.started > limit:
            raise GenerationTimeoutError(limit, step=step)
