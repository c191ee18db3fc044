"""The best of many noisy values is too good: the few best are measured again on seeds that the search never saw.

On one set of fresh seeds the best of them is chosen (or the front made), on another it is measured, so that the score
that is reported was part of no choice (Cawley and Talbot 2010, "On over-fitting in model selection").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vid_diffusion_bench import events
from vid_diffusion_bench.ai_optimization.evaluation import Evaluator
from vid_diffusion_bench.ai_optimization.measured import Measured
from vid_diffusion_bench.ai_optimization.objectives import Axis, Objective, balanced_axis, quality_and_latency
from vid_diffusion_bench.ai_optimization.result import Comparison, Confirmed
from vid_diffusion_bench.ai_optimization.space import Setting
from vid_diffusion_bench.exceptions import GenerationError, VidBenchError
from vid_diffusion_bench.statistics import FEWEST_CLUSTERS, cluster_bootstrap, mean, pareto_front

IN_TURN = 4
"""Settings take turns on so many parts of the prompts."""


@dataclass
class Confirmation:
    """What fresh seeds say."""

    selection: list[Confirmed]
    confirmation: list[Confirmed]
    best: Setting
    score: float
    default_score: float
    interval: tuple[float, float] | None
    warnings: list[str] = field(default_factory=list)


def shortlist(objective: Objective, trials: Sequence[Any], top: int) -> list[tuple[Setting, list[float]]]:
    """The best settings of a search with their values: the ``top`` best, or as many along its front."""
    done = [(t.user_attrs["setting"], list(t.values)) for t in trials if t.values]
    if not done:
        return []
    up = [axis.maximize for axis in objective.axes]
    if len(up) == 1:
        return sorted(done, key=lambda entry: -entry[1][0] if up[0] else entry[1][0])[:top]
    on_front = pareto_front([values for _, values in done], up)
    front = sorted((entry for entry, on in zip(done, on_front, strict=True) if on), key=lambda entry: entry[1][1])
    chosen = np.unique(np.linspace(0, len(front) - 1, min(top, len(front))).round().astype(int))
    return [front[index] for index in chosen]


def confirm(
    evaluator: Evaluator,
    objective: Objective,
    candidates: Sequence[tuple[Setting, list[float]]],
    seeds: tuple[int, int],
    listener: events.Listener,
) -> Confirmation:
    """Choose among the default and the ``candidates`` on one set of seeds, and measure the choice on another.

    Raises:
        GenerationError: The default setting failed on fresh seeds.
    """
    settings: list[Setting] = [{}, *(setting for setting, _ in candidates)]
    searched = [[], *(values for _, values in candidates)]
    selected = _together(evaluator, settings, seeds[0], listener)
    default = _default_of(selected)
    selection = [
        _confirmed(objective, setting, found, default, seeds[0], values)
        for setting, found, values in zip(settings, selected, searched, strict=True)
    ]
    selection = _with_front(objective, selection, default)
    best = max(selection, key=lambda found: _worth(objective, found, default))
    again: list[Setting] = [{}] if not best.setting else [{}, best.setting]
    fresh = _together(evaluator, again, seeds[1], listener)
    default = _default_of(fresh)
    confirmation = [
        _confirmed(objective, setting, found, default, seeds[1], best.searched if setting else [])
        for setting, found in zip(again, fresh, strict=True)
    ]
    axis, last = score_axis(objective), confirmation[-1].measured
    score = axis.value(last, default) if last else None
    own = axis.value(default, default)
    if last is None or score is None or own is None:
        raise GenerationError(
            f"the best setting failed on fresh seeds: {confirmation[-1].reason}", remedy="more repeats"
        )
    return Confirmation(selection, confirmation, best.setting, score, own, axis.interval(last, default))


def score_axis(objective: Objective) -> Axis:
    """What ``best_score`` is: the one axis, or ``balanced`` where there are several."""
    return objective.axes[0] if len(objective.axes) == 1 else balanced_axis(objective)


def compare(axis: Axis, measured: Measured, default: Measured) -> Comparison:
    """``measured`` against the default on the same prompts and seeds."""
    value, own = axis.value(measured, default), axis.value(default, default)
    base = dict(axis.clips(default, default))
    pairs = [(place, v - base[place]) for place, v in axis.clips(measured, default) if place in base]
    fields: dict[str, Any] = {
        "axis": axis.name,
        "unit": axis.unit,
        "value": value,
        "default": own,
        "interval": axis.interval(measured, default),
    }
    if not pairs:
        whole = value - own if value is not None and own is not None else None
        return Comparison(**fields, difference=whole, reason="it is not a mean over clips, so there are no pairs")
    prompts = [prompt for (prompt, _), _ in pairs]
    difference = mean([d for _, d in pairs])
    if len(set(prompts)) < FEWEST_CLUSTERS:
        why = f"fewer than {FEWEST_CLUSTERS} prompts tell nothing from chance"
        return Comparison(**fields, difference=difference, reason=why)
    low, high = cluster_bootstrap([d for _, d in pairs], prompts)
    better = low > 0 if axis.maximize else high < 0
    return Comparison(**fields, difference=difference, difference_interval=(low, high), better=better)


def _together(
    evaluator: Evaluator, settings: Sequence[Setting], seed: int, listener: events.Listener
) -> list[Measured | VidBenchError]:
    found = evaluator.measure_together(settings, seed, IN_TURN)
    for done, (setting, entry) in enumerate(zip(settings, found, strict=True), 1):
        failed = isinstance(entry, VidBenchError)
        listener(
            events.TrialCompleted(
                evaluator.config.models[0],
                setting,
                "failed" if failed else "complete",
                [],
                done,
                len(settings),
                phase="confirmation",
                reason=entry.message if isinstance(entry, VidBenchError) else "",
            )
        )
    return found


def _default_of(found: Sequence[Measured | VidBenchError]) -> Measured:
    if isinstance(found[0], VidBenchError):
        raise found[0]
    return found[0]


def _confirmed(
    objective: Objective,
    setting: Setting,
    found: Measured | VidBenchError,
    default: Measured,
    seed: int,
    searched: list[float],
) -> Confirmed:
    if isinstance(found, VidBenchError):
        return Confirmed(setting=setting, seed=seed, searched=searched, reason=found.message)
    axes = {axis.name: axis for axis in (*objective.axes, *quality_and_latency(objective))}
    if len(objective.axes) > 1:
        axes["balanced"] = balanced_axis(objective)
    comparisons = [compare(axis, found, default) for axis in axes.values()] if setting else []
    return Confirmed(setting=setting, seed=seed, searched=searched, measured=found, comparisons=comparisons)


def _worth(objective: Objective, found: Confirmed, default: Measured) -> tuple[bool, float]:
    """How good a setting is, more is better; one off the front, or that failed, is no choice.

    Of a front, one that is no worse than the default in any axis goes before all that buy one with another.
    """
    axis = score_axis(objective)
    value = axis.value(found.measured, default) if found.measured else None
    if value is None or (len(objective.axes) > 1 and not found.on_front):
        return False, float("-inf")
    return _no_worse(objective, found, default), value if axis.maximize else -value


def _no_worse(objective: Objective, found: Confirmed, default: Measured) -> bool:
    if len(objective.axes) == 1 or found.measured is None:
        return True
    pairs = [(axis, axis.value(found.measured, default), axis.value(default, default)) for axis in objective.axes]
    return all(
        value is not None and own is not None and (value >= own if axis.maximize else value <= own)
        for axis, value, own in pairs
    )


def _with_front(objective: Objective, selection: list[Confirmed], default: Measured) -> list[Confirmed]:
    if len(objective.axes) == 1:
        return selection
    points: dict[int, list[float]] = {}
    for index, found in enumerate(selection):
        values = [axis.value(found.measured, default) for axis in objective.axes] if found.measured else [None]
        if None not in values:
            points[index] = [value for value in values if value is not None]
    on = pareto_front(list(points.values()), [axis.maximize for axis in objective.axes])
    front = {index for index, on_front in zip(points, on, strict=True) if on_front}
    return [found.model_copy(update={"on_front": index in front}) for index, found in enumerate(selection)]
