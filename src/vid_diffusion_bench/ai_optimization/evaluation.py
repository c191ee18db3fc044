"""One setting through the engine: its clips are made where they are not there yet, the model stays loaded between."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vid_diffusion_bench import engine, events
from vid_diffusion_bench.ai_optimization.applied import config_fields
from vid_diffusion_bench.ai_optimization.measured import Measured, problem_of, read_measured
from vid_diffusion_bench.ai_optimization.objectives import Objective
from vid_diffusion_bench.ai_optimization.space import Setting
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import (
    GenerationCancelledError,
    GenerationError,
    ModelLoadingError,
    RunLockedError,
    VidBenchError,
)
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.results import BenchmarkResult, Manifest, fingerprint

SETTINGS = "settings"
_LOCK_SECONDS = 0.2
_PASSED_ON = (events.ModelLoading, events.ModelLoaded, events.WarmUpStarted, events.StepCompleted, events.Warned)
_SHAPE = ("num_frames", "height", "width")


class SettingError(GenerationError):
    """A setting has no figures."""


@dataclass
class Evaluator:
    """Measures settings of one model, each in a run folder of its own under ``folder``, which searches may share.

    Args:
        config: The model, the prompts, the quality metric, repeats and all that is not searched.
        model: The model of ``config``, opened; it is loaded at the first setting and stays so.
        device: Where it runs.
        objective: Says which metrics are read.
        folder: Kept between searches: what is there is not made again.
        listener: Is told of loading, steps and warnings.
        stop: Ends a setting after the denoising step that is running.
    """

    config: BenchmarkConfig
    model: VideoModel
    device: str
    objective: Objective
    folder: Path
    listener: events.Listener = events.ignore
    stop: threading.Event = field(default_factory=threading.Event)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    _warm: Any = None
    _made: bool = False
    _loaded: Any = None
    _loads: bool = True

    def measure(self, setting: Setting, seed: int, *, prompts: int | None = None) -> Measured:
        """The figures of ``setting`` with seeds from base ``seed``, on the first ``prompts``.

        Raises:
            SettingError: A clip failed.
            ModelLoadingError: The model could not be made ready with it.
            ValidationError: The model does not take it.
            GenerationCancelledError: ``stop`` was set.
            StorageError: The folder cannot be written.
        """
        config = self._configured(setting, seed, prompts)
        started, self._made, asked = time.perf_counter(), False, _switches(config)
        self._loads = self._loaded != asked
        result = self._run(config, Path(config.output_dir))
        if result.status == "interrupted":
            raise GenerationCancelledError("the search was asked to stop", remedy="the same command goes on")
        model = result.models[0]
        if model.error:
            raise ModelLoadingError(model.error.message, details={"code": model.error.code})
        if problem := problem_of(model):
            raise SettingError(problem, remedy="`vid-bench benchmark` with this setting shows each clip's failure")
        if self._made:
            self._warm, self._loaded = _shape(config), asked
        self.manifests |= result.manifests
        seconds = time.perf_counter() - started
        return read_measured(result, setting, self.objective.quality, self.objective.memory, seconds)

    def measure_together(self, settings: Sequence[Setting], seed: int, chunks: int) -> list[Measured | VidBenchError]:
        """Several settings on the same prompts and seeds, part by part in turn: none has a quiet hour of its own.

        Settings that need the model loaded anew are not taken in turn.
        """
        alike = len({fingerprint(_switches(self._configured(s, seed, None))) for s in settings}) == 1
        parts = _parts(len(self.config.prompts), chunks if alike else 1)
        found: list[Measured | VidBenchError] = []
        for count in parts:
            turn = [self._measured(setting, seed, count) for setting in settings]
            found = [before if isinstance(before, VidBenchError) else now for before, now in _pairs(found, turn)]
        return found

    def close(self) -> None:
        """Give the model's memory back."""
        self.model.unload()

    def _measured(self, setting: Setting, seed: int, prompts: int) -> Measured | VidBenchError:
        try:
            return self.measure(setting, seed, prompts=prompts)
        except (SettingError, ModelLoadingError) as error:
            return error

    def _configured(self, setting: Setting, seed: int, prompts: int | None) -> BenchmarkConfig:
        stated = {name: getattr(self.config, name) for name in self.config.model_fields_set}
        own = config_fields(setting, self.config.profile_on(self.device))
        fields = {**stated, **own, "extra": {**self.config.extra, **own.get("extra", {})}}
        config = BenchmarkConfig.create(**fields)
        name = fingerprint({"fields": config.model_dump(mode="json", exclude={"output_dir", "seed", "prompts"})})[:16]
        warmup = 0 if self._warm == _shape(config) else config.warmup
        chosen = {"output_dir": str(self.folder / SETTINGS / name), "seed": seed, "warmup": warmup}
        return config.model_copy(update={**chosen, "prompts": config.prompts[:prompts]})

    def _run(self, config: BenchmarkConfig, folder: Path) -> BenchmarkResult:
        """Another process may be measuring the same setting; what it made is there when it is done."""
        waited = False
        while True:
            try:
                return engine.run(
                    config, listener=self._hear, stop=self.stop, opened={self.config.models[0]: self.model}
                )
            except RunLockedError:
                if self.stop.is_set():
                    raise GenerationCancelledError("the search was asked to stop") from None
                if not waited:
                    self.listener(events.Warned(f"another process is measuring the same setting in {folder.name}"))
                waited = True
                time.sleep(_LOCK_SECONDS)

    def _hear(self, event: events.Event) -> None:
        self._made = self._made or isinstance(event, events.ModelLoaded)
        # The engine asks a model that is loaded already to load, too, and says so.
        loading = isinstance(event, events.ModelLoading | events.ModelLoaded)
        if isinstance(event, _PASSED_ON) and (self._loads or not loading):
            self.listener(event)


def rungs(prompts: int, parts: int) -> list[int]:
    """How many of the prompts have been asked after each of ``parts``; two more at least each time."""
    return _parts(prompts, min(parts, max(1, prompts // 2)))


def _parts(prompts: int, parts: int) -> list[int]:
    parts = max(1, min(parts, prompts))
    return [round(prompts * (index + 1) / parts) for index in range(parts)]


def _shape(config: BenchmarkConfig) -> Any:
    """What a call must share with the one before to need no warm-up of its own."""
    return [getattr(config, name) for name in _SHAPE if name in config.model_fields_set], _switches(config)


def _switches(config: BenchmarkConfig) -> Any:
    return config.model_dump(mode="json", include={"optimization", "precision"})


def _pairs(
    before: Sequence[Measured | VidBenchError], now: Sequence[Measured | VidBenchError]
) -> list[tuple[Measured | VidBenchError | None, Measured | VidBenchError]]:
    return list(zip([*before, *[None] * (len(now) - len(before))], now, strict=True))
