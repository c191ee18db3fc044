"""How many prompts and seeds a difference needs, from the variance of a run at hand."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.comparison.differences import paired_values
from vid_diffusion_bench.comparison.figures import Figure, dependence, find_figure, find_figures
from vid_diffusion_bench.comparison.matching import Matching
from vid_diffusion_bench.comparison.protocols import protocol_differences
from vid_diffusion_bench.comparison.subjects import Run, Subject, find_subjects
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import Value
from vid_diffusion_bench.statistics import Planned, Variance, mean, samples_needed, variance_components

SEEDS_SHOWN = (1, 2, 4, 8)


class PlannedSize(Value):
    """So many prompts with so many seeds each: ``samples`` clips of each model, found with a chance of ``power``."""

    prompts: int
    seeds: int
    samples: int
    power: float


class SamplePlan(Value):
    """What a pilot says of a comparison still to be made.

    ``between`` and ``within`` are the variances of the paired differences between prompts and within one prompt, from
    seed to seed (``None``: the pilot has one seed a prompt, and ``between`` holds both). ``sizes`` are alternatives.
    """

    metric: str
    first: str
    second: str
    difference: float
    observed_difference: float
    power: float
    alpha: float
    pilot_prompts: int
    pilot_pairs: int
    between: float
    within: float | None
    sizes: list[PlannedSize]
    remarks: list[str]


def plan(
    runs: Sequence[Run],
    metric: str,
    difference: float,
    *,
    models: Sequence[str] | None = None,
    seeds: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> SamplePlan:
    """How many prompts, for a few numbers of seeds, show a true ``difference`` of ``metric`` between two models.

    By the noncentral t distribution of the paired t test on prompts, two-sided, with the variances of the pilot's
    paired differences. A pilot of few prompts knows its variance badly: plan with 8 or more.

    Args:
        runs: The pilot: one run with both models, or two runs.
        metric: A figure to which each clip contributes a number.
        difference: The smallest difference that matters, in the metric's unit.
        models: Which two, where the runs have more.
        seeds: Seeds a prompt. Default: 1, 2, 4 and 8 where the pilot has several seeds a prompt, else 1.
        power: Chance of finding it, 0..1.
        alpha: Level of the test, 0..1; divide it by the number of pairs of models that will be tested.

    Raises:
        ValidationError: Not two models, no prompts in common, a number of whole sets, other protocols, fewer than
            two prompts, no variance, or a difference, power or level that is impossible.
        MetricNotFoundError: The pilot has no such figure.
    """
    subjects = find_subjects(runs, models)
    if len(subjects) != 2:
        raise ValidationError(
            f"a plan is for two models, and there are {len(subjects)}",
            remedy=f"name two of {', '.join(subject.name for subject in subjects)}",
        )
    first, second = subjects
    matching = Matching(subjects)
    if matching.reason:
        raise ValidationError(matching.reason, remedy="run both models on the same prompts")
    figure = find_figure(find_figures(subjects), metric)
    if figure.scope == "set":
        raise ValidationError(
            f"{figure.name} is one number of a whole set; its spread cannot be read off one run",
            remedy="plan with a metric of single clips",
        )
    _check_comparable(figure, first, second)
    values = paired_values(figure, first, second, matching.pairs[first.name, second.name])
    if not values.differences:
        raise ValidationError(f"no pair has a value of {figure.name} in both models", remedy="score the pilot by it")
    variance = variance_components(values.differences, values.clusters)
    if variance.between + (variance.within or 0.0) == 0:
        raise ValidationError(
            f"all pairs of the pilot differ by the same {mean(values.differences):g}: no variance to plan with",
            remedy="use more prompts in the pilot, or another metric",
        )
    planned = [
        samples_needed(difference, variance, seeds=each, power=power, alpha=alpha) for each in _seeds(seeds, variance)
    ]
    prompts = len(set(values.clusters))
    return SamplePlan(
        metric=figure.name,
        first=first.name,
        second=second.name,
        difference=difference,
        observed_difference=mean(values.differences),
        power=power,
        alpha=alpha,
        pilot_prompts=prompts,
        pilot_pairs=len(values.differences),
        between=variance.between,
        within=variance.within,
        sizes=[_size(one) for one in planned],
        remarks=_remarks(prompts, variance),
    )


def _check_comparable(figure: Figure, first: Subject, second: Subject) -> None:
    """Refuse a difference that :func:`~vid_diffusion_bench.comparison.compare` would refuse or not test."""
    results = [figure.results.get(subject.name) for subject in (first, second)]
    if results[0] and results[1] and (differing := protocol_differences(results[0], results[1])):
        said = "; ".join(f"{name} {text}" for name, text in differing.items())
        raise ValidationError(
            f"{figure.name} was measured under other protocols: {said}", remedy="score both runs of the pilot alike"
        )
    if dependent := dependence(figure, first, second):
        raise ValidationError(f"{figure.name}: {dependent}", remedy="plan with a metric of single clips")


def _seeds(asked: int | None, variance: Variance) -> Sequence[int]:
    if asked is not None:
        return [asked]
    return [1] if variance.within is None else SEEDS_SHOWN


def _size(planned: Planned) -> PlannedSize:
    return PlannedSize(
        prompts=planned.prompts, seeds=planned.seeds, samples=planned.prompts * planned.seeds, power=planned.power
    )


FEW_PROMPTS = 8


def _remarks(prompts: int, variance: Variance) -> list[str]:
    lines = []
    if prompts < FEW_PROMPTS:
        lines.append(f"a pilot of {prompts} prompts knows its variance badly; {FEW_PROMPTS} or more are better")
    if variance.within is None:
        lines.append("the pilot has one seed a prompt, so what more seeds would bring is not known")
    return lines
