"""A finished search as its :class:`OptimizationResult`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.ai_optimization.confirm import Confirmation, score_axis
from vid_diffusion_bench.ai_optimization.measured import Measured
from vid_diffusion_bench.ai_optimization.objectives import Objective
from vid_diffusion_bench.ai_optimization.result import Confirmed, OptimizationResult, Trial
from vid_diffusion_bench.ai_optimization.samplers import quiet
from vid_diffusion_bench.ai_optimization.study import Search
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.results import fingerprint
from vid_diffusion_bench.statistics import FEWEST_CLUSTERS, hypervolume

_FIXED = (
    "num_frames", "fps", "height", "width", "num_inference_steps", "guidance_scale", "negative_prompt", "scheduler",
    "image", "video", "extra", "first_frame_model", "lora", "precision", "optimization", "batch_size",
)  # fmt: skip
IMPORTANCE = (
    "PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much a parameter decides whether a setting is among the best "
    "of those tried; shares that add up to 1"
)
_TOO_FEW = "too few settings, or none that differ, to tell the parameters' importance"


def summarise(
    search: Search,
    found: Confirmation,
    config: BenchmarkConfig,
    left_out: dict[str, str],
    *,
    pruner_reason: str,
    started: float,
) -> OptimizationResult:
    """All that is known at the end of ``search``; ``started`` is when the call began, by ``time.perf_counter``."""
    objective, evaluator, sampler = search.objective, search.evaluator, search.sampler
    assert sampler is not None, "a search that ran has a sampler"
    trials = [_trial(trial) for trial in search.trials]
    importance = _importance(search)
    measured = [search.default, *(t.measured for t in trials if t.measured)]
    measured += [c.measured for c in (*found.selection, *found.confirmation) if c.measured]
    elapsed = time.perf_counter() - started
    reference, volume = _hypervolume(objective, found.selection)
    return OptimizationResult(
        model=config.models[0],
        objective=objective.kind.value,
        definition=objective.definition,
        axes=[{"name": a.name, "maximize": a.maximize, "unit": a.unit} for a in objective.axes],
        score=f"{score_axis(objective).name}: {score_axis(objective).definition}",
        strategy=search.strategy,
        sampler=sampler.taken,
        sampler_reason=sampler.reason + _of_grid(search),
        pruner=search.pruner,
        pruner_reason=pruner_reason,
        seed=search.seed,
        prompts=config.prompts,
        prompts_fingerprint=fingerprint(config.prompts),
        repeats=config.samples_per_prompt,
        fixed=config.model_dump(mode="json", include=config.model_fields_set & set(_FIXED)),
        space=search.space.to_dict(),
        left_out=left_out,
        default=search.default,
        trials=trials,
        best_parameters=found.best,
        best_score=found.score,
        best_interval=found.interval,
        interval_reason=None if found.interval else "one prompt, or a figure that is no mean over clips",
        search_score=_searched(search, trials, found),
        default_score=found.default_score,
        selection=found.selection,
        confirmation=found.confirmation,
        hypervolume=volume,
        hypervolume_reference=reference,
        importance=importance,
        importance_method=IMPORTANCE if importance else _TOO_FEW,
        elapsed_time=elapsed,
        measuring_seconds=sum(m.seconds for m in measured),
        cost=elapsed / 3600 * config.price_per_hour if config.price_per_hour is not None else None,
        currency=config.currency,
        stopped_because=search.stopped_because,
        folder=str(search.folder),
        provenance=evaluator.model.provenance(),
        manifests=evaluator.manifests,
        warnings=_warnings(search, trials, measured),
    )


def _trial(trial: Any) -> Trial:
    stored = trial.user_attrs.get("measured")
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    return Trial(
        number=trial.number,
        setting=trial.user_attrs["setting"],
        state=names[trial.state.name],
        values=list(trial.values or []),
        reason=trial.user_attrs.get("reason", ""),
        measured=Measured.model_validate(stored) if stored else None,
        seconds=trial.user_attrs.get("seconds"),
        worker=trial.user_attrs.get("worker", 0),
    )


def _searched(search: Search, trials: Sequence[Trial], found: Confirmation) -> float | None:
    """What the search saw of the best setting, by the figure that is the score."""
    axis = score_axis(search.objective)
    same = [t.measured for t in trials if t.setting == found.best and t.measured and t.state == "complete"]
    seen = search.default if not found.best else same[0] if same else None
    return axis.value(seen, search.default) if seen else None


def _importance(search: Search) -> dict[str, dict[str, float]]:
    """Axis to parameter to share; empty where there is too little to tell."""
    import optuna

    complete = [trial for trial in search.trials if trial.state.name == "COMPLETE"]
    found: dict[str, dict[str, float]] = {}
    with quiet(), warnings.catch_warnings():
        # It reminds that low values are what is sought, which the sign sees to.
        warnings.simplefilter("ignore", UserWarning)
        study = optuna.create_study(directions=search.objective.directions)
        study.add_trials(complete)
        for index, axis in enumerate(search.objective.axes):
            if len({trial.values[index] for trial in complete}) < FEWEST_CLUSTERS:
                continue
            sign = -1 if axis.maximize else 1
            shares = optuna.importance.get_param_importances(
                study, target=lambda trial, index=index, sign=sign: sign * trial.values[index]
            )
            found[axis.name] = {name: float(share) for name, share in shares.items()}
    return found


def _hypervolume(objective: Objective, selection: Sequence[Confirmed]) -> tuple[list[float], float | None]:
    """What the front of fresh seeds encloses above the default setting: 0 when nothing beats it in both."""
    if len(objective.axes) == 1 or selection[0].measured is None:
        return [], None
    default = selection[0].measured
    points = [[axis.value(found.measured, default) for axis in objective.axes] for found in selection if found.measured]
    known = [[v for v in point if v is not None] for point in points if None not in point]
    return known[0], hypervolume(known, known[0], [axis.maximize for axis in objective.axes])


def _of_grid(search: Search) -> str:
    if search.strategy != "grid":
        return ""
    size = sum(1 for _ in search.space.grid(search.grid_points))
    return f"; {min(size, len(search.trials))} of {size} points"


def _disturbed(measured: Sequence[Measured]) -> list[str]:
    """One line for all measurements that something got in the way of."""
    texts = sorted(text for m in measured for text in m.latency_warnings[:1])
    if not texts:
        return []
    return [f"latency was disturbed in {len(texts)} of {len(measured)} measurements, such as: {texts[-1]}"]


def _warnings(search: Search, trials: Sequence[Trial], measured: Sequence[Measured]) -> list[str]:
    timed = any(axis.name != "quality" and axis.name != "memory" for axis in search.objective.axes)
    found = _disturbed(measured) if timed else []
    if timed and len({trial.worker for trial in trials}) > 1:
        found.append(
            "several processes worked on this search; on one machine they slow each other, and latency shows it"
        )
    if len(set(search.evaluator.config.prompts)) < FEWEST_CLUSTERS:
        found.append(f"with fewer than {FEWEST_CLUSTERS} prompts no difference can be told from chance")
    failed = sum(trial.state == "failed" for trial in trials)
    return [*found, *([f"{failed} of {len(trials)} settings failed; see their reasons"] if failed else [])]
