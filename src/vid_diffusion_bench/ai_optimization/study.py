"""The search: settings are proposed, measured and told until the budget is spent; all of it is in the study's file."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vid_diffusion_bench import events
from vid_diffusion_bench.ai_optimization.budget import Budget
from vid_diffusion_bench.ai_optimization.evaluation import Evaluator, rungs
from vid_diffusion_bench.ai_optimization.measured import Measured
from vid_diffusion_bench.ai_optimization.objectives import Objective
from vid_diffusion_bench.ai_optimization.samplers import Sampler, encode, make_sampler, quiet, suggest
from vid_diffusion_bench.ai_optimization.space import GRID_POINTS, SearchSpace, Setting
from vid_diffusion_bench.ai_optimization.workers import Worker
from vid_diffusion_bench.exceptions import (
    GenerationCancelledError,
    RunLockedError,
    StorageError,
    ValidationError,
    VidBenchError,
)
from vid_diffusion_bench.results import fingerprint

JOURNAL: Final = "study.journal"
PARTS: Final = 4
"""A pruned search looks after each of so many parts of the prompts."""
_PRUNING_LEVEL: Final = 0.1
_POLL_SECONDS = 0.5
_TRIES = 20
"""So many proposals of a setting that was tried already, then one is drawn from those that were not."""


@dataclass
class Search:
    """One search, by one process of perhaps several.

    Args:
        folder: Holds the study; what is there is gone on with.
        question: All that must be the same for trials to belong together; the study refuses another.
        default: The figures of the model's own setting on the prompts and seeds of the search.
    """

    folder: Path
    question: dict[str, Any]
    space: SearchSpace
    objective: Objective
    evaluator: Evaluator
    default: Measured
    strategy: str
    budget: Budget
    seed: int
    base_seed: int
    pruner: str
    listener: events.Listener = events.ignore
    grid_points: int = GRID_POINTS
    stopped_because: str = ""
    sampler: Sampler | None = None
    study: Any = None
    _timed_out: bool = field(default=False, init=False)
    _searching: bool = field(default=True, init=False)

    def run(self) -> list[Any]:
        """Search until the budget is spent; the trials of the study (Optuna's), repeats of settings left out.

        Raises:
            ValidationError: The folder holds the study of another question.
            GenerationCancelledError: The evaluator's ``stop`` was set.
            StorageError: The folder cannot be written.
        """
        with quiet(), Worker(self.folder) as worker, self._in_time():
            with worker.alone():
                self._open(worker)
            while trial := self._next(worker):
                self._try(trial, worker)
        return self.trials

    @property
    def trials(self) -> list[Any]:
        """Those that count: neither repeats of a setting nor broken off."""
        return [t for t in self.study.get_trials(deepcopy=False) if not _skipped(t) and t.state.is_finished()]

    def _open(self, worker: Worker) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        try:
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(self.folder / JOURNAL)))
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.folder / JOURNAL} cannot be used: {error}", remedy="another --output") from error
        self.study = optuna.create_study(
            storage=storage,
            study_name="optimize",
            directions=self.objective.directions,
            load_if_exists=True,
            pruner=self._pruner(optuna),
        )
        asked, known = fingerprint(self.question), self.study.user_attrs.get("fingerprint")
        if known is None:
            self.study.set_user_attr("fingerprint", asked)
            self.study.set_user_attr("question", self.question)
        elif known != asked:
            before = self.study.user_attrs["question"]
            other = [name for name in self.question if before.get(name) != self.question[name]]
            raise ValidationError(
                f"{self.folder} holds a search with another {', '.join(other)}", remedy="use another folder"
            )
        begun = len(self.study.get_trials(deepcopy=False))
        # The same seed would propose the same settings again; so would a second process.
        seed = self.seed + 1000 * begun + 7 * worker.number
        made = make_sampler(
            self.strategy,
            self.space,
            axes=len(self.objective.axes),
            evaluations=self.budget.max_evaluations,
            seed=seed % 2**32,
            prunes=self.pruner != "none",
        )
        self.sampler = made
        self.study.sampler = made.sampler or optuna.samplers.RandomSampler(seed=seed % 2**32)
        self._random = random.Random(seed)  # noqa: S311 - a draw of settings

    def _pruner(self, optuna: Any) -> Any:
        if self.pruner == "wilcoxon":
            return optuna.pruners.WilcoxonPruner(p_threshold=_PRUNING_LEVEL, n_startup_steps=4)
        if self.pruner == "median":
            return optuna.pruners.MedianPruner(n_startup_trials=4)
        return optuna.pruners.NopPruner()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """A timer that stops the evaluator when the time is over."""
        limit = self.budget.seconds
        timer = threading.Timer(limit[0], self._time_is_over) if limit else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            self._searching = False
            if timer:
                timer.cancel()
            if self._timed_out:
                self.evaluator.stop.clear()

    def _time_is_over(self) -> None:
        if self._searching and not self.evaluator.stop.is_set():
            self._timed_out = True
            self.evaluator.stop.set()

    def _next(self, worker: Worker) -> Any:
        """The next setting as a trial; ``None`` when the search is over, and no other process is still at work."""
        while not self.evaluator.stop.is_set():
            with worker.alone():
                self._reap(worker)
                counted = [t for t in self.study.get_trials(deepcopy=False) if not _skipped(t)]
                taken = [t for t in counted if "setting" in t.user_attrs]
                trial = self._take(taken, worker)
            if trial is not None or all(t.state.is_finished() for t in taken):
                return trial
            time.sleep(_POLL_SECONDS)
        return self._over_time()

    def _take(self, taken: list[Any], worker: Worker) -> Any:
        if len(taken) >= self.budget.max_evaluations:
            self.stopped_because = "max_evaluations"
            return None
        trial = self._propose({_key(t.user_attrs["setting"]): t for t in taken})
        if trial is None:
            self.stopped_because = "every setting of the space was tried"
        else:
            trial.set_user_attr("worker", worker.number)
        return trial

    def _over_time(self) -> None:
        if not self._timed_out:
            raise GenerationCancelledError("the search was stopped", remedy="the same command goes on")
        self.stopped_because = self.budget.seconds[1] if self.budget.seconds else ""

    def _reap(self, worker: Worker) -> None:
        """Trials whose process is gone are given up, and their settings asked for again."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            number = trial.user_attrs.get("worker")
            if number is None or not worker.lives(number):
                self._lose(trial.number)

    def _lose(self, number: int) -> None:
        from optuna.trial import TrialState

        trial = self.study.get_trials(deepcopy=False)[number]
        self.study.tell(number, state=TrialState.FAIL)
        if "setting" in trial.user_attrs:
            self.study.enqueue_trial(encode(self.space, trial.user_attrs["setting"]))

    def _propose(self, tried: dict[str, Any]) -> Any:
        """A trial with a setting that no other has, or ``None`` when there is none left."""
        for attempt in range(_TRIES + 1):
            if self.strategy == "grid" or attempt == _TRIES:
                fresh = self._untried(tried)
                if fresh is None:
                    return None
                self.study.enqueue_trial(encode(self.space, fresh))
            trial = self.study.ask()
            setting = suggest(self.space, trial)
            before = tried.get(_key(setting))
            if before is None:
                trial.set_user_attr("setting", setting)
                return trial
            self._repeat(trial, before)
        return self._propose(tried)

    def _repeat(self, trial: Any, before: Any) -> None:
        """The same prompts and seeds would give the same figures: the sampler is told them, and nothing is made."""
        from optuna.trial import TrialState

        trial.set_user_attr("repeats", before.number)
        if before.state == TrialState.COMPLETE:
            self.study.tell(trial, before.values)
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _untried(self, tried: dict[str, Any]) -> Setting | None:
        if self.strategy != "grid" and self.space.continuous_params:
            return suggest(self.space, _Drawn(self._random))
        left = [setting for setting in self.space.grid(self.grid_points) if _key(setting) not in tried]
        return random.Random(self.seed + len(tried)).choice(left) if left else None  # noqa: S311 - a draw of settings

    def _try(self, trial: Any, worker: Worker) -> None:
        from optuna.trial import TrialState

        started = time.perf_counter()
        try:
            measured, pruned = self._measure(trial)
            values = self._values(measured)
        except GenerationCancelledError:
            with worker.alone():
                self._lose(trial.number)
            return
        except (StorageError, RunLockedError):
            raise
        except VidBenchError as error:
            trial.set_user_attr("reason", error.message)
            self.study.tell(trial, state=TrialState.FAIL)
            self._tell_of(trial, "failed", [], error.message)
            return
        trial.set_user_attr("measured", measured.model_dump(mode="json"))
        trial.set_user_attr("seconds", time.perf_counter() - started)
        if pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, values)
        self._tell_of(trial, "pruned" if pruned else "complete", values)

    def _measure(self, trial: Any) -> tuple[Measured, bool]:
        """The figures on all prompts, or on those after which the pruner gave up."""
        setting, total = trial.user_attrs["setting"], len(self.evaluator.config.prompts)
        reported = 0
        for count in rungs(total, PARTS) if self.pruner != "none" else [total]:
            measured = self.evaluator.measure(setting, self.base_seed, prompts=count)
            if count < total:
                reported = self._report(trial, measured, reported)
                if trial.should_prune():
                    return measured, True
        return measured, False

    def _report(self, trial: Any, measured: Measured, reported: int) -> int:
        axis = self.objective.axes[0]
        values = [value for _, value in axis.clips(measured, self.default)]
        if self.pruner == "median":
            trial.report(math.fsum(values) / len(values), len(measured.samples))
        else:
            for step in range(reported, len(values)):
                trial.report(values[step], step)
        return len(values)

    def _values(self, measured: Measured) -> list[float]:
        if measured.quality_protocol != self.default.quality_protocol:
            raise ValidationError(
                f"its {self.objective.quality} is of another protocol than the default setting's: not comparable"
            )
        values = [axis.value(measured, self.default) for axis in self.objective.axes]
        for axis, value in zip(self.objective.axes, values, strict=True):
            if value is None or not math.isfinite(value):
                reason = measured.memory_reason if axis.name == "memory" else measured.quality_reason
                why = reason if value is None and reason else "it is not a finite number"
                raise ValidationError(f"its {axis.name} could not be measured: {why}")
        return [value for value in values if value is not None]

    def _tell_of(self, trial: Any, state: str, values: list[float], reason: str = "") -> None:
        done, total = len(self.trials), self.budget.max_evaluations
        setting = trial.user_attrs["setting"]
        self.listener(
            events.TrialCompleted(
                self.evaluator.config.models[0], setting, state, values, done, max(done, total), reason=reason
            )
        )


class _Drawn:
    """Stands where a trial stands, and draws uniformly."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def suggest_float(self, _name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return math.exp(self.source.uniform(math.log(low), math.log(high)))
        return self.source.uniform(low, high)

    def suggest_int(self, _name: str, low: int, high: int) -> int:
        return self.source.randint(low, high)

    def suggest_categorical(self, _name: str, values: list[Any]) -> Any:
        return self.source.choice(values)


def _key(setting: Setting) -> str:
    return fingerprint(setting)


def _skipped(trial: Any) -> bool:
    """A repeat, or broken off: a setting that failed has its reason."""
    lost = trial.state.name == "FAIL" and "reason" not in trial.user_attrs
    return lost or "repeats" in trial.user_attrs
