"""Strategies: which of Optuna's samplers proposes the settings, and why that one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from vid_diffusion_bench.ai_optimization.space import SearchSpace, Setting
from vid_diffusion_bench.exceptions import ValidationError

STRATEGIES: Final[Mapping[str, str]] = {
    "bayesian": "a Gaussian process, or a tree-structured Parzen estimator (TPE) where that is no use",
    "gp": "a Gaussian process",
    "random": "settings drawn at random",
    "grid": "every point of a grid",
    "evolutionary": "CMA-ES, or NSGA-II",
    "multi_objective": "TPE for several objectives, or NSGA-II",
}
GENERATIONS = 10
"""NSGA-II learns from generation to generation: with fewer than so many it is little better than chance."""
GP_EVALUATIONS = 200
"""A Gaussian process learns most from few settings, and its time grows with the cube of their number."""
_SMALLEST_POPULATION, _LARGEST_POPULATION = 4, 50


@dataclass(frozen=True)
class Sampler:
    """Optuna's sampler, ``None`` for a grid; what is said of it in the result."""

    taken: str
    reason: str
    sampler: Any


def make_sampler(
    strategy: str, space: SearchSpace, *, axes: int, evaluations: int, seed: int, prunes: bool = False
) -> Sampler:
    """The sampler of ``strategy`` for a budget of ``evaluations`` settings and so many objectives.

    ``prunes``: settings may be given up early. Optuna's Gaussian process learns nothing of those, TPE does.

    Raises:
        ValidationError: No such strategy, or one for several objectives with one.
    """
    check_strategy(strategy)
    if strategy == "multi_objective" and axes == 1:
        raise ValidationError("multi_objective needs the objective pareto", remedy="--objective pareto, or bayesian")
    import optuna

    start = max(4, min(10, evaluations // 3))
    with quiet():
        if strategy == "grid":
            return Sampler("grid", "every point once, in an order shuffled by the seed", None)
        if strategy == "random":
            return Sampler("random", "independent of what was seen", optuna.samplers.RandomSampler(seed=seed))
        if strategy == "evolutionary" and (why := _cannot_cma(space, axes)) is None:
            sampler = optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)
            return Sampler("cma-es", "one objective, and every parameter is a number", sampler)
        population = max(_SMALLEST_POPULATION, min(_LARGEST_POPULATION, evaluations // GENERATIONS))
        if strategy == "evolutionary":
            sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=population)
            return Sampler("nsga-ii", f"not CMA-ES: {why}; population {population}", sampler)
        if strategy == "multi_objective":
            if evaluations >= GENERATIONS * _LARGEST_POPULATION:
                sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=population)
                return Sampler("nsga-ii", f"{GENERATIONS} generations of {population} or more", sampler)
            return _tpe(start, seed, f"not NSGA-II: fewer than {GENERATIONS} generations")
        if strategy == "bayesian" and (why := _cannot_gp(space, evaluations, prunes)) is not None:
            return _tpe(start, seed, f"not a Gaussian process: {why}")
        sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=start, warn_independent_sampling=False)
        return Sampler("gp", f"Gaussian process after {start} random settings", sampler)


def _tpe(start: int, seed: int, why: str) -> Sampler:
    import optuna

    sampler = optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=start, multivariate=True, group=True, constant_liar=True
    )
    return Sampler("tpe", f"multivariate TPE after {start} random settings, {why}", sampler)


def check_strategy(strategy: str) -> str:
    """``strategy``, if there is such a one.

    Raises:
        ValidationError: There is not.
    """
    if strategy not in STRATEGIES:
        raise ValidationError(f"no strategy {strategy!r}", remedy=f"one of {', '.join(STRATEGIES)}")
    return strategy


def suggest(space: SearchSpace, trial: Any) -> Setting:
    """Let the sampler choose a setting; numbers of a list are told to it as ranks, so that it knows their order."""
    setting: Setting = {}
    for name in space.order or []:
        if not space.holds(name, setting):
            continue
        if name in space.continuous_params:
            low, high, *scale = space.continuous_params[name]
            setting[name] = trial.suggest_float(name, low, high, log=bool(scale))
        elif name in space.discrete_params:
            values = space.values(name)
            setting[name] = values[trial.suggest_int(name, 0, len(values) - 1)]
        else:
            setting[name] = trial.suggest_categorical(name, space.values(name))
    return setting


def encode(space: SearchSpace, setting: Mapping[str, Any]) -> dict[str, Any]:
    """A setting as the sampler was told it."""
    return {
        name: space.values(name).index(value) if name in space.discrete_params else value
        for name, value in setting.items()
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna's notices that a part is experimental say nothing to those who use this package."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _cannot_gp(space: SearchSpace, evaluations: int, prunes: bool) -> str | None:
    if prunes:
        return "settings are pruned, and it learns nothing of those"
    if space.conditions:
        return "the search space has conditions"
    return f"more than {GP_EVALUATIONS} settings" if evaluations > GP_EVALUATIONS else None


def _cannot_cma(space: SearchSpace, axes: int) -> str | None:
    if axes > 1:
        return "several objectives"
    if space.categorical_params or space.conditions:
        return "CMA-ES needs numbers, and no conditions"
    return "CMA-ES needs two parameters or more" if len(space.names) < 2 else None
