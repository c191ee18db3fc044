"""The face of the SDK: :class:`BenchmarkSuite`. All work is the engine's."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vid_diffusion_bench import comparison, engine, events
from vid_diffusion_bench.comparison import Run
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import (
    GenerationError,
    GenerationTimeoutError,
    InsufficientMemoryError,
    ModelLoadingError,
    ValidationError,
    VidBenchError,
)
from vid_diffusion_bench.optimization import OptimizationProfile, check_level
from vid_diffusion_bench.profiling import ProfileReport
from vid_diffusion_bench.report.board import LATENCY, Board
from vid_diffusion_bench.results import BenchmarkResult, ModelResult
from vid_diffusion_bench.settings import load_settings

logger = logging.getLogger(__name__)


class BenchmarkSuite:
    """Runs benchmarks and gives their results.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; default: the setting ``device``.
        output_dir: Folder for clips and records; default: the setting ``output_dir``. What is there already is not
            made again.
        optimization_profile: A profile, or the name of a level; default: the setting ``optimization_level``.
        enable_monitoring: Log every event of a run (loading, each clip, scoring, warnings) to the logger
            ``vid_diffusion_bench.suite`` at level INFO.
        listener: Called with every :data:`~vid_diffusion_bench.events.Event` of a run.
    """

    def __init__(
        self,
        device: str | None = None,
        output_dir: Path | str | None = None,
        *,
        optimization_profile: OptimizationProfile | str | None = None,
        enable_monitoring: bool = False,
        listener: events.Listener = events.ignore,
    ) -> None:
        settings = load_settings()
        self.device = device or settings.device
        self.output_dir = Path(output_dir or settings.output_dir)
        self._defaults = settings.prices() | settings.level()
        if isinstance(optimization_profile, str):
            check_level(optimization_profile)
        if optimization_profile is not None:
            self._defaults["optimization"] = optimization_profile
        self._listeners = [listener, _log] if enable_monitoring else [listener]

    def run(self, config: BenchmarkConfig) -> BenchmarkResult:
        """Run a configuration; the suite's device and folder hold where the configuration says nothing.

        The result reads as a mapping of model to metrics.

        Raises:
            ValidationError: The request is impossible.
            ModelNotFoundError: A model is not known.
            StorageError: The folder cannot be written.
        """
        return engine.run(self._filled(config), listener=self.tell)

    def profile(
        self,
        model_name: str,
        prompts: Sequence[str],
        *,
        levels: Sequence[str] | None = None,
        detailed: bool = False,
        **parameters: Any,
    ) -> ProfileReport:
        """Take one model apart: load, first call, steady calls; stages, memory, energy, operations. Scores nothing.

        Args:
            model_name: A name, ``hf:ORG/NAME`` or a diffusers folder.
            prompts: One steady call is made of each.
            levels: Optimisation levels; see :func:`~vid_diffusion_bench.engine.optimization_levels`.
                Default: the suite's profile.
            detailed: Keep the memory's timeline of every call.
            parameters: Other fields of :class:`BenchmarkConfig` by name.

        Raises:
            ModelNotFoundError: The model is not known.
            ValidationError: A parameter is unknown or impossible.
            ModelLoadingError: The model cannot be opened or loaded here.
            GenerationError: A call failed.
        """
        config = self._filled(self._config([model_name], prompts, None, {"metrics": [], **parameters}))
        return engine.profile(config, levels=levels, detailed=detailed, listener=self.tell)

    def configure(
        self, models: Iterable[str], prompts: Sequence[str], metrics: Sequence[str] | None = None, **parameters: Any
    ) -> BenchmarkConfig:
        """The configuration that a run of these would have, the suite's device, folder, profile and prices in it.

        Raises:
            ValidationError: A parameter is unknown or impossible.
        """
        return self._filled(self._config(models, prompts, metrics, parameters))

    def _filled(self, config: BenchmarkConfig) -> BenchmarkConfig:
        """The configuration, with the suite's device, folder, profile and prices where it says nothing."""
        own = {"device": self.device, "output_dir": str(self.output_dir), **self._defaults}
        missing = {name: value for name, value in own.items() if name not in config.model_fields_set}
        return config.model_copy(update=missing) if missing else config

    def evaluate_model(
        self,
        model_name: str,
        prompts: Sequence[str],
        *,
        metrics: Sequence[str] | None = None,
        **parameters: Any,
    ) -> ModelResult:
        """Make clips of ``prompts`` with one model, and score them.

        ``parameters`` are other fields of :class:`BenchmarkConfig` by name: ``num_frames``, ``fps``, ``save_videos``,
        ``timeout_seconds`` ... A failed clip is a record in the result; only if not one could be made does it raise.

        Raises:
            ModelNotFoundError: The model is not known.
            ValidationError: A parameter is unknown or impossible.
            InsufficientMemoryError: No clip could be made, for want of memory.
            GenerationTimeoutError: No clip was made within ``timeout_seconds``.
            GenerationError: No clip could be made for another reason.
        """
        config = self._config([model_name], prompts, metrics, parameters)
        result = self.run(config).models[0]
        if result.records and not result.success_rate:
            raise _first_error(result, config)
        return result

    def evaluate_multiple_models(
        self,
        model_names: Sequence[str],
        prompts: Sequence[str],
        *,
        max_workers: int = 1,
        metrics: Sequence[str] | None = None,
        **parameters: Any,
    ) -> BenchmarkResult:
        """Run several models on the same prompts and seeds.

        ``max_workers`` is the most models that may be measured at the same time. One device measures one model at a
        time, whatever the limit: models that share a device slow each other, and no latency could be trusted.

        Raises:
            ValidationError: A parameter is unknown or impossible.
            ModelNotFoundError: A model is not known.
        """
        if max_workers < 1:
            raise ValidationError(f"max_workers is {max_workers}; it must be at least 1")
        return self.run(self._config(model_names, prompts, metrics, parameters))

    def compare_models(self, *runs: Run, models: Sequence[str] | None = None, **question: Any) -> dict[str, Any]:
        """Rank the models of one or several runs, say who is beaten by none, and test every difference.

        Args:
            runs: Results, or folders of runs. Models of the same name get their run's name beside theirs.
            models: Which models. Default: all.
            question: Fields of :class:`~vid_diffusion_bench.comparison.Question`: ``metrics``, ``objectives``,
                ``margins``, ``budgets``, ``floors``, ``alpha`` ...

        Returns:
            ``ranked_by`` (metric), ``ranking`` (a list of ``rank, model, value, confidence_interval``, best first),
            ``pareto_frontier`` (model names), ``pareto_axes`` (the two metrics), and ``metrics`` (metric to model to
            value). Values of different protocols are kept apart: such a metric is listed once for each. Then the fields
            of :class:`~vid_diffusion_bench.comparison.Comparison` as plain data: ``figures`` with the paired tests and
            ranks of each, ``frontier`` with probabilities, ``pairs``, ``methods``, ``warnings``, ``reason`` ...

        Raises:
            ValidationError: No runs, or something that cannot be asked.
            MetricNotFoundError: A figure that no run has.
            BenchmarkNotFoundError: A folder holds no finished run.
            StorageError: A folder's result is damaged, or a run is writing to it.
        """
        found = comparison.compare(runs, models, _question(question))
        board = Board.of(comparison.joined(runs, models))
        quality, latency = board.ranked_by, board.column(LATENCY)
        axes = [quality, latency] if quality and latency else []
        return {
            **found.model_dump(mode="json"),
            "ranked_by": quality.title if quality else None,
            "ranking": _ranking(board),
            "pareto_frontier": board.frontier(quality, latency) if quality and latency else [],
            "pareto_axes": [column.title for column in axes],
            "metrics": {c.title: {model: cell.value for model, cell in c.cells.items()} for c in board.columns},
        }

    def compare_until_clear(
        self,
        model_names: Sequence[str],
        prompts: Sequence[str],
        *,
        metric: str,
        looks: int = 4,
        alpha: float = 0.05,
        metrics: Sequence[str] | None = None,
        **parameters: Any,
    ) -> BenchmarkResult:
        """Run two models until ``metric`` tells them apart, or all prompts are used; see
        :func:`~vid_diffusion_bench.engine.run_until_clear`.

        Raises:
            ValidationError: Not two models, fewer than two prompts a look, a metric of whole sets, a wrong parameter.
            MetricNotFoundError: No such metric.
            ModelNotFoundError: A model is not known.
        """
        config = self._filled(self._config(model_names, prompts, metrics, parameters))
        return engine.run_until_clear(config, metric, looks=looks, alpha=alpha, listener=self.tell)

    def plan_comparison(self, *runs: Run, metric: str, difference: float, **options: Any) -> comparison.SamplePlan:
        """How many prompts and seeds show a difference of ``metric``, from the variance of a pilot at hand.

        Args:
            runs: The pilot: results or folders of runs.
            metric: A metric of single clips, or a figure such as ``avg_latency_ms``.
            difference: The smallest difference that matters, in the metric's unit.
            options: ``models``, ``seeds``, ``power``, ``alpha`` of :func:`~vid_diffusion_bench.comparison.plan`.

        Raises:
            ValidationError: What cannot be planned, with the reason.
            MetricNotFoundError: The pilot has no such figure.
        """
        return comparison.plan(runs, metric, difference, **options)

    def _config(
        self, models: Iterable[str], prompts: Sequence[str], metrics: Sequence[str] | None, parameters: dict[str, Any]
    ) -> BenchmarkConfig:
        if isinstance(prompts, str):
            raise ValidationError("prompts is one text, not a list", remedy=f"write prompts=[{prompts[:40]!r}]")
        fields = {"models": list(models), "prompts": list(prompts), **parameters}
        return BenchmarkConfig.create(**fields | ({"metrics": list(metrics)} if metrics else {}))

    def tell(self, event: events.Event) -> None:
        """Tell those that listen to this suite."""
        for listener in self._listeners:
            listener(event)


def _ranking(board: Board) -> list[dict[str, Any]]:
    if board.ranked_by is None:
        return []
    cells = board.ranked_by.cells
    return [
        {
            "rank": rank,
            "model": model,
            "value": cells[model].value,
            "confidence_interval": cells[model].confidence_interval,
        }
        for rank, model in enumerate(board.ranked_by.order(), 1)
    ]


def _question(fields: dict[str, Any]) -> comparison.Question:
    known = [field.name for field in dataclasses.fields(comparison.Question)]
    if unknown := sorted(fields.keys() - set(known)):
        raise ValidationError(f"a comparison has no option {unknown[0]!r}", remedy=f"options are {', '.join(known)}")
    return comparison.Question(**fields)


def _first_error(result: ModelResult, config: BenchmarkConfig) -> VidBenchError:
    """The error that the first failure was, with what is known of it."""
    failure = result.error or next(record.failure for record in result.records if record.failure)
    assert failure is not None
    if failure.code == GenerationTimeoutError.code and config.timeout_seconds:
        return GenerationTimeoutError(config.timeout_seconds, step=failure.step)
    if failure.code == InsufficientMemoryError.code:
        return InsufficientMemoryError(failure.message)
    kind = ModelLoadingError if failure.stage == "load" else GenerationError
    return kind(failure.message, details={"code": failure.code, "stage": failure.stage})


def _log(event: events.Event) -> None:
    match event:
        case events.SampleCompleted():
            logger.info("%s: clip %d of %d %s", event.record.model, event.done, event.total, event.record.status)
        case events.StepCompleted():
            logger.debug("%s: step %d of %d", event.model, event.step, event.total)
        case events.ScoringProgress():
            logger.info("%s: scored %d of %d", event.model, event.done, event.total)
        case events.ModelLoading() | events.WarmUpStarted() | events.ModelLoaded():
            logger.info("%s: %s", event.model, event.type)
        case events.ModelFailed():
            logger.error("%s: %s: %s", event.model, event.failure.code, event.failure.message)
        case events.Warned():
            logger.warning("%s", event.message)
        case events.RunStarted():
            logger.info("%s: %d clips, %d of them made before", event.benchmark_id, event.total, event.done)
        case events.TrialCompleted():
            logger.info("%s: setting %d of %d %s: %s", event.model, event.done, event.total, event.state, event.setting)
        case events.RunCompleted():
            logger.info("%s: %s", event.result.benchmark_id, event.result.status)
