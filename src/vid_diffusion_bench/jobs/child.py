"""The process that runs benchmarks for a worker: the engine, and the models that stay loaded.

It talks with the worker over one pipe and writes to no database. When the worker is gone the pipe ends, and so does
the process, so that nothing is made for nobody and the lock on the run's folder is free.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vid_diffusion_bench import events
from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.jobs.outcome import Outcome
from vid_diffusion_bench.results import SampleRecord

RECORDS_A_MESSAGE = 200
_GONE = 70
"""Exit code when the worker is gone."""


@dataclass(frozen=True)
class Task:
    """A benchmark to run: plain data of a ``BenchmarkConfig`` without its folder, and the folder."""

    benchmark_id: str
    config: dict[str, Any]
    folder: Path
    score: bool = True


@dataclass(frozen=True)
class Planned:
    """``total`` samples are to be made, ``done`` are there already."""

    total: int
    done: int


@dataclass(frozen=True)
class Doing:
    """What is going on, in words, about ``model``."""

    task: str
    model: str


@dataclass(frozen=True)
class Made:
    """A sample is committed in the run's folder."""

    record: SampleRecord
    done: int
    total: int


@dataclass(frozen=True)
class Scored:
    """Records with their scores."""

    records: list[SampleRecord]


@dataclass(frozen=True)
class Ended:
    """The benchmark came to an end. It is the last message of a task."""

    outcome: Outcome


News = Planned | Doing | Made | Scored
Message = News | Ended


def main(pipe: Connection, memory: float | None) -> None:
    """Run what comes over ``pipe``, one after another, until it ends; ``memory`` GiB of models stay loaded."""
    from vid_diffusion_bench.jobs.warm import WarmModels

    inbox = _Inbox(pipe)
    warm = WarmModels(memory)
    while (task := inbox.next_task()) is not None:
        pipe.send(Ended(_run(task, pipe, inbox.stop, warm)))


def _run(task: Task, pipe: Connection, stop: threading.Event, warm: Any) -> Outcome:
    from vid_diffusion_bench import engine
    from vid_diffusion_bench.config import BenchmarkConfig

    try:
        config = BenchmarkConfig.create(**task.config, output_dir=str(task.folder))
        with warm.models(config.models) as opened:
            result = engine.run(config, listener=_Teller(pipe), stop=stop, score=task.score, opened=opened)
    except VidBenchError as error:
        return Outcome.failed(error)
    records = [record for model in result.models for record in model.records]
    for start in range(0, len(records), RECORDS_A_MESSAGE):
        pipe.send(Scored(records[start : start + RECORDS_A_MESSAGE]))
    return Outcome.of(result)


class _Inbox:
    """What the worker sends, read by a thread: tasks, and ``"stop"`` for the one that is running."""

    def __init__(self, pipe: Connection) -> None:
        self.stop = threading.Event()
        self._pipe = pipe
        self._task: Task | None = None
        self._arrived = threading.Semaphore(0)
        threading.Thread(target=self._read, daemon=True).start()

    def next_task(self) -> Task | None:
        """The next task; ``None`` when there will be none."""
        self._arrived.acquire()
        return self._task

    def _read(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(_GONE)
            if message == "stop":
                self.stop.set()
                continue
            self.stop.clear()
            self._task = message
            self._arrived.release()
            if message is None:
                return


class _Teller:
    """The engine's events as messages."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._done, self._total = 0, 0

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._done, self._total = event.done, event.total
                self._pipe.send(Planned(event.total, event.done))
            case events.ModelLoading():
                self._pipe.send(Doing(f"Loading {event.model}", event.model))
            case events.WarmUpStarted():
                self._pipe.send(Doing(f"Warming {event.model} up", event.model))
            case events.StepCompleted():
                self._pipe.send(Doing(f"Generating video for prompt {self._done + 1}/{self._total}", event.model))
            case events.SampleCompleted():
                self._done = event.done
                self._pipe.send(Made(event.record, event.done, event.total))
            case events.ScoringProgress():
                self._pipe.send(Doing(f"Scoring clip {event.done}/{event.total}", event.model))
            case _:
                pass
