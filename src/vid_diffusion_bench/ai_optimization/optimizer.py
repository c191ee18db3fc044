"""The face of the room: :class:`AIOptimizationEngine`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vid_diffusion_bench import engine, events
from vid_diffusion_bench.ai_optimization.applied import default_space, fit_space
from vid_diffusion_bench.ai_optimization.budget import Budget, check_whole
from vid_diffusion_bench.ai_optimization.confirm import confirm, shortlist
from vid_diffusion_bench.ai_optimization.evaluation import Evaluator
from vid_diffusion_bench.ai_optimization.measured import Measured
from vid_diffusion_bench.ai_optimization.objectives import QUALITY, VRAM, Objective, OptimizationObjective, define
from vid_diffusion_bench.ai_optimization.page import write_page
from vid_diffusion_bench.ai_optimization.result import OptimizationResult
from vid_diffusion_bench.ai_optimization.samplers import check_strategy, make_sampler
from vid_diffusion_bench.ai_optimization.space import GRID_POINTS, SearchSpace
from vid_diffusion_bench.ai_optimization.study import Search
from vid_diffusion_bench.ai_optimization.summary import summarise
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import GenerationError, ValidationError
from vid_diffusion_bench.models import VideoModel, get_model
from vid_diffusion_bench.profiling import resolve_device
from vid_diffusion_bench.prompts import prompt_set_for
from vid_diffusion_bench.results import fingerprint
from vid_diffusion_bench.suite import BenchmarkSuite

DEFAULT_PROMPTS: Final = 8
RESULT, PAGE = "optimized.json", "optimization.html"
PRUNERS: Final = ("auto", "wilcoxon", "median", "none")
_PRUNED_FROM: Final = 8
_NOT_ASKED = {"output_dir", "models", "metrics", "prompts", "save_videos", "warmup", "prompt_set", "name"}


@dataclass(frozen=True)
class Options:
    """How a search goes, beside what is searched.

    Args:
        repeats: Clips of each prompt, each with a seed of its own; all settings get the same.
        quality_metric: What quality is.
        memory_metric: What memory is: ``peak_vram_gb`` or ``peak_ram_gb``.
        max_seconds: The search takes no longer in this call; fresh seeds come after it.
        max_cost: The same as money, by ``price_per_hour``.
        pruner: ``wilcoxon`` and ``median`` give a setting up on part of the prompts; ``auto`` is ``wilcoxon`` where it
            can be, ``none`` elsewhere.
        top: So many of the best are measured on fresh seeds.
        grid_points: Values of a continuous parameter in a grid.
        seed: Of the sampler; the clips' seeds are from the configuration's ``seed``.
        clips_dir: Where clips are kept, to share them between searches; default: the folder of the search.
    """

    repeats: int = 1
    quality_metric: str = QUALITY
    memory_metric: str = VRAM
    max_seconds: float | None = None
    max_cost: float | None = None
    pruner: str = "auto"
    top: int = 3
    grid_points: int = GRID_POINTS
    seed: int = 0
    clips_dir: Path | str | None = None

    def __post_init__(self) -> None:
        if self.pruner not in PRUNERS:
            raise ValidationError(f"no pruner {self.pruner!r}", remedy=f"one of {', '.join(PRUNERS)}")
        for name in ("repeats", "top", "grid_points"):
            check_whole(name, getattr(self, name), least=1)
        check_whole("seed", self.seed)


class AIOptimizationEngine:
    """Searches the parameters of a model for the best by an objective, and says how sure that is.

    Args:
        suite: Its device, folder, profile, prices and listener hold; default: one with the user's settings.
    """

    def __init__(self, suite: BenchmarkSuite | None = None) -> None:
        self.suite = suite or BenchmarkSuite()

    def optimize_benchmark_parameters(
        self,
        model_name: str,
        objective: OptimizationObjective | str = OptimizationObjective.MAXIMIZE_QUALITY,
        strategy: str = "bayesian",
        search_space: SearchSpace | None = None,
        max_evaluations: int = 50,
        *,
        prompts: Sequence[str] | None = None,
        options: Options | None = None,
        output_dir: Path | str | None = None,
        listener: events.Listener | None = None,
        stop: threading.Event | None = None,
        **parameters: Any,
    ) -> OptimizationResult:
        """Search, measure the best again on fresh seeds, and write ``optimized.json`` and ``optimization.html``.

        A search in the same folder goes on where it stopped; several processes may work on one.

        Args:
            model_name: A name, ``hf:ORG/NAME`` or a diffusers folder.
            objective: What is made better, by member or by name.
            strategy: One of :data:`~vid_diffusion_bench.ai_optimization.samplers.STRATEGIES`.
            search_space: What may be varied; default: steps, guidance and the schedulers that the model has.
            max_evaluations: So many different settings are tried, those of earlier calls counted.
            prompts: Default: the first 8 of ``shapes-v1`` for the built-in models, of ``diverse-v2`` for others.
            options: The rest.
            output_dir: Default: a folder under the suite's, named by what is asked.
            listener: Is told of every event; default: the suite's.
            stop: Set it to end the search after the denoising step that is running.
            parameters: Other fields of :class:`BenchmarkConfig`, the same for all settings.

        Raises:
            ValidationError: Something asked for is impossible, contradicts itself, or cannot be measured here.
            ModelNotFoundError: The model is not known.
            ModelLoadingError: The model cannot be made ready.
            GenerationError: The default setting failed, or every setting did.
            GenerationCancelledError: ``stop`` was set; what was measured is kept.
            StorageError: The folder cannot be written.
        """
        started = time.perf_counter()
        options = options or Options()
        check_strategy(strategy)
        config = self.suite.configure(
            [model_name],
            list(prompts) if prompts is not None and not isinstance(prompts, str) else prompts or _prompts(model_name),
            [options.quality_metric],
            **{"samples_per_prompt": options.repeats, **parameters},
        )
        budget = Budget(max_evaluations, options.max_seconds, options.max_cost, config.price_per_hour)
        device = resolve_device(config.device)
        defined = define(objective, device, quality_metric=options.quality_metric, memory_metric=options.memory_metric)
        tell = listener or self.suite.tell
        model = get_model(model_name)
        engine.make_plan(config, {model_name: model})
        space, left_out = _space(search_space, model, config, device)
        make_sampler(strategy, space, axes=len(defined.axes), evaluations=max_evaluations, seed=0)
        for name, reason in left_out.items():
            tell(events.Warned(f"{name} is left out of the search: {reason}"))
        pruner, why = _pruner(options.pruner, defined, len(config.prompts))
        question = _question(config, model, defined, strategy, space, options, pruner)
        folder = Path(output_dir) if output_dir else _folder(self.suite.output_dir, model_name, defined, question)
        evaluator = Evaluator(
            config.model_copy(update={"save_videos": True}),
            model,
            device,
            defined,
            Path(options.clips_dir) if options.clips_dir else folder,
            tell,
            stop or threading.Event(),
        )
        try:
            default = evaluator.measure({}, config.base_seed)
            _check_measurable(defined, default)
            search = Search(
                folder, question, space, defined, evaluator, default, strategy, budget, options.seed,
                config.base_seed, pruner, tell, options.grid_points,
            )  # fmt: skip
            trials = search.run()
            candidates = shortlist(defined, trials, options.top)
            if not candidates:
                raise _all_failed(trials)
            fresh = config.base_seed + 1, config.base_seed + 2
            confirmed = confirm(evaluator, defined, candidates, fresh, tell)
        finally:
            evaluator.close()
        result = summarise(search, confirmed, config, left_out, pruner_reason=why, started=started)
        result.save(folder / RESULT)
        write_page(result, folder / PAGE)
        return result


def _prompts(model: str) -> list[str]:
    """The built-in models know only the built-in world."""
    return prompt_set_for([model])[:DEFAULT_PROMPTS]


def _space(
    space: SearchSpace | None, model: VideoModel, config: BenchmarkConfig, device: str
) -> tuple[SearchSpace, dict[str, str]]:
    if space is None:
        return default_space(model, config, device)
    if not isinstance(space, SearchSpace):
        raise ValidationError(
            f"search_space is a {type(space).__name__}, no SearchSpace",
            remedy="SearchSpace(discrete_params={...}), SearchSpace.from_dict(...) or read_space(file)",
        )
    fixed = sorted(set(space.names) & (config.model_fields_set | set(config.extra)))
    if fixed:
        raise ValidationError(f"{', '.join(fixed)} is both given and searched", remedy="leave it out of one of the two")
    return fit_space(space, model, config, device)


def _pruner(asked: str, objective: Objective, prompts: int) -> tuple[str, str]:
    """The pruner that is taken, and why."""
    problem = None
    if len(objective.axes) > 1:
        problem = "with several objectives no part of the prompts settles which setting is worse"
    elif not objective.by_clip:
        problem = f"{objective.axes[0].name} is no mean over clips, so part of the prompts says nothing of all"
    if problem and asked in ("wilcoxon", "median"):
        raise ValidationError(f"nothing can be pruned: {problem}", remedy="pruner none")
    if asked != "auto":
        return asked, "as asked"
    if problem:
        return "none", problem
    if prompts < _PRUNED_FROM:
        return "none", f"fewer than {_PRUNED_FROM} prompts"
    return (
        "wilcoxon",
        "a setting is given up when a signed-rank test over the clips so far finds it worse than the best",
    )


def _question(
    config: BenchmarkConfig,
    model: VideoModel,
    objective: Objective,
    strategy: str,
    space: SearchSpace,
    options: Options,
    pruner: str,
) -> dict[str, Any]:
    """All that must be the same for trials to belong together, as plain data."""
    fixed = config.model_dump(mode="json", include=config.model_fields_set - _NOT_ASKED)
    return {
        "model": model.identity(),
        "objective": objective.kind.value,
        "quality metric": objective.quality,
        "memory metric": objective.memory,
        "strategy": strategy,
        "search space": space.to_dict(),
        "prompts": config.prompts,
        "parameters": fixed,
        "pruner": pruner,
        "seed": options.seed,
    }


def _folder(base: Path, model: str, objective: Objective, question: dict[str, Any]) -> Path:
    name = re.sub(r"[^\w.-]+", "-", model).strip("-.") or "model"
    return base / "optimize" / f"{name}-{objective.kind.value}-{fingerprint(question)[:8]}"


def _check_measurable(objective: Objective, default: Measured) -> None:
    """Refuse before the first setting what has no figure for the model's own."""
    for axis in objective.axes:
        if axis.value(default, default) is None:
            why = default.memory_reason if axis.name == "memory" else default.quality_reason
            metric = objective.memory if axis.name == "memory" else objective.quality
            raise ValidationError(
                f"the objective {objective.kind} cannot be measured here: {metric}: {why}",
                remedy="another objective, metric or set of prompts",
                details={"definition": axis.definition},
            )


def _all_failed(trials: list[Any]) -> GenerationError:
    reasons = [trial.user_attrs["reason"] for trial in trials if "reason" in trial.user_attrs]
    if not reasons:
        return GenerationError("the time was over before one setting was measured", remedy="a larger budget")
    return GenerationError(
        f"none of {len(trials)} settings could be measured; the first: {reasons[0]}",
        remedy="mend what the reason says, or search other settings, in another folder",
        details={"reasons": reasons},
    )
