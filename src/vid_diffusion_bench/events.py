"""What happens during a run, as one union of values: the progress bar, the log and the WebSocket read the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from vid_diffusion_bench.results import BenchmarkResult, Failure, SampleRecord


@dataclass(frozen=True)
class RunStarted:
    """``total`` samples are planned over ``models``; ``done`` of them are already in the store."""

    type: ClassVar[str] = "benchmark.started"
    benchmark_id: str
    models: list[str]
    total: int
    done: int


@dataclass(frozen=True)
class ModelLoading:
    """Weights are being read."""

    type: ClassVar[str] = "model.loading"
    model: str


@dataclass(frozen=True)
class ModelLoaded:
    """The model is ready after ``seconds``."""

    type: ClassVar[str] = "model.loaded"
    model: str
    seconds: float


@dataclass(frozen=True)
class ModelFailed:
    """The model could not be made ready; its samples are recorded as failed."""

    type: ClassVar[str] = "model.failed"
    model: str
    failure: Failure


@dataclass(frozen=True)
class DurationEstimated:
    """``clips`` clips, warm-up included, will take about ``seconds``: an estimate from what was measured before."""

    type: ClassVar[str] = "model.duration_estimated"
    model: str
    seconds: float
    clips: int
    method: str


@dataclass(frozen=True)
class WarmUpStarted:
    """Clips that are not measured are made first, at the shape of the run."""

    type: ClassVar[str] = "model.warmup"
    model: str


@dataclass(frozen=True)
class StepCompleted:
    """Denoising step ``step`` of ``total`` (1-based) of the sample in work; ``total`` is 0 where unknown."""

    type: ClassVar[str] = "sample.step"
    model: str
    prompt: str
    step: int
    total: int


@dataclass(frozen=True)
class SampleCompleted:
    """A sample has ended, well or not, and is committed. ``done`` of ``total`` samples of the run are."""

    type: ClassVar[str] = "sample.completed"
    record: SampleRecord
    done: int
    total: int


@dataclass(frozen=True)
class ScoringProgress:
    """``done`` of ``total`` clips of ``model`` are scored (real clips are counted under ``model="reference"``)."""

    type: ClassVar[str] = "scoring.progress"
    model: str
    done: int
    total: int


@dataclass(frozen=True)
class Warned:
    """Something the user should know; the run goes on."""

    type: ClassVar[str] = "benchmark.warning"
    message: str


@dataclass(frozen=True)
class TrialCompleted:
    """``done`` of ``total`` settings of a search have been tried: this one with ``values``, none if it failed.

    ``state`` is ``complete``, ``pruned`` or ``failed``; ``phase`` is ``search`` or ``confirmation``.
    """

    type: ClassVar[str] = "trial.completed"
    model: str
    setting: dict[str, Any]
    state: str
    values: list[float]
    done: int
    total: int
    phase: str = "search"
    reason: str = ""


@dataclass(frozen=True)
class RunCompleted:
    """The run has ended; ``result.status`` says how."""

    type: ClassVar[str] = "benchmark.completed"
    result: BenchmarkResult


Event = (
    RunStarted
    | ModelLoading
    | ModelLoaded
    | ModelFailed
    | DurationEstimated
    | WarmUpStarted
    | StepCompleted
    | SampleCompleted
    | ScoringProgress
    | Warned
    | TrialCompleted
    | RunCompleted
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that does nothing."""
