"""The power a design has: by a standardised effect, or by the variance that a pilot showed."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research.experiment import Blocking, Power
from vid_diffusion_bench.statistics import Variance, power_of, variance_components

if TYPE_CHECKING:
    from vid_diffusion_bench.research.outcome import ExperimentResults

STANDARDISED_EFFECT = 0.5
"""Cohen's (1988) "medium" effect, in standard deviations of the difference between prompts."""


def standardised_power(blocking: Blocking, effect: float, seeds: int, alpha: float) -> list[Power]:
    """The power for a difference of ``effect`` standard deviations (d_z); none where conditions share no prompts."""
    prompts = _common(blocking)
    if prompts < 2:
        return []
    power = power_of(effect, Variance(1.0, None), prompts, alpha=alpha)
    statement = (
        f"With {prompts} prompts a true difference of d = {effect:g} between two levels is found with a power "
        f"of {power:.3f} (two-sided at {alpha:g}, one test, before the correction for several). d is the mean over "
        "prompts of the difference of the two levels' means, divided by its standard deviation between prompts. There "
        "is no pilot, so what d is in units of a metric is not known."
    )
    return [
        Power(
            basis="standardised",
            effect=effect,
            prompts=prompts,
            seeds=seeds,
            alpha=alpha,
            power=power,
            statement=statement,
        )
    ]


def pilot_power(
    blocking: Blocking, pilot: ExperimentResults, metrics: list[str], effect: float, seeds: int, alpha: float
) -> list[Power]:
    """The power for a difference of ``effect`` units of each metric that the pilot has values of, clip by clip."""
    prompts = _common(blocking)
    found = []
    for metric in metrics:
        variance = _variance(pilot, metric)
        # The pilot cannot say what further seeds would bring when each of its prompts had one.
        counted = seeds if variance and variance.within is not None else 1
        if variance is None or prompts < 2 or not variance.between + (variance.within or 0):
            continue
        power = power_of(effect, variance, prompts, counted, alpha=alpha)
        statement = (
            f"{metric}: with {prompts} prompts and {counted} seed{'s' * (counted > 1)} each a true difference of "
            f"{effect:g} between two conditions is found with a power of {power:.3f} (two-sided at {alpha:g}, one "
            "test, before the correction for several), by the variance of the pilot "
            f"{pilot.experiment.fingerprint[:12]}. Means of levels over several conditions vary "
            "less, so this is a lower bound for main effects."
        )
        found.append(
            Power(
                basis="pilot",
                effect=effect,
                metric=metric,
                prompts=prompts,
                seeds=counted,
                alpha=alpha,
                power=power,
                statement=statement,
            )
        )
    if not found:
        raise ValidationError(
            f"the pilot has no two conditions with different values of {', '.join(metrics)} for the same clips",
            remedy="leave pilot out, and give a standardised effect",
        )
    return found


def _common(blocking: Blocking) -> int:
    """Prompts in which any two conditions meet, at the least."""
    return blocking.concurrence[0]


def _variance(pilot: ExperimentResults, metric: str) -> Variance | None:
    """Of the differences of two conditions, the mean over all pairs of conditions that share two prompts or more."""
    values: dict[str, dict[tuple[str, int], float]] = {}
    for clip in pilot.clips:
        value = clip.values.get(metric)
        if value is not None:
            values.setdefault(clip.condition, {})[clip.prompt, clip.index] = value
    parts = [part for a, b in combinations(values.values(), 2) if (part := _of_pair(a, b))]
    if not parts:
        return None
    between = sum(part.between for part in parts) / len(parts)
    within = [part.within for part in parts if part.within is not None]
    return Variance(between, sum(within) / len(within) if len(within) == len(parts) else None)


def _of_pair(first: dict[tuple[str, int], float], second: dict[tuple[str, int], float]) -> Variance | None:
    shared = sorted(first.keys() & second.keys())
    prompts = [prompt for prompt, _ in shared]
    if len(set(prompts)) < 2:
        return None
    return variance_components([first[key] - second[key] for key in shared], prompts)
