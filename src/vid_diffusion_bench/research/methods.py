"""The methods paragraph: what was done, in words that can stand in a paper."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.research.experiment import Experiment, Factor, written

if TYPE_CHECKING:
    from vid_diffusion_bench.research.analysis import ExperimentAnalysis, MetricAnalysis

_DESIGNS = {
    "full_factorial": "a full factorial",
    "fractional_factorial": "a fractional two-level factorial",
    "latin_hypercube": "a Latin hypercube",
}
_AVERAGED = "clips were averaged within prompt and condition, and effects were tested "
_TESTS = {
    "repeated measures": (
        "by repeated-measures analysis of variance, each against its own interaction with the prompts, with "
        "correction of the degrees of freedom where an effect had more than one (by Huynh and Feldt's epsilon, and by "
        "the mean of it and Greenhouse and Geisser's where the latter was below 0.75)"
    ),
    "mixed model": (
        "in a linear mixed model with a random intercept of the prompt (restricted maximum likelihood) by Wald's F "
        "with the degrees of freedom left within prompts"
    ),
    "fixed blocks": (
        "by least squares with the prompts as fixed blocks, because a mixed model did not converge to a usable "
        "covariance"
    ),
}


def methods(analysis: ExperimentAnalysis) -> str:
    """One paragraph; every number in it is of this experiment."""
    return " ".join(_sentences(analysis))


def _sentences(analysis: ExperimentAnalysis) -> Iterator[str]:
    experiment = analysis.results.experiment
    yield _design(experiment)
    yield _blocks(experiment)
    yield _order(experiment)
    yield from (power.statement for power in experiment.power)
    yield _clips(analysis)
    yield from _tests(analysis.metrics)
    tested = any(metric.method for metric in analysis.metrics)
    if tested:
        yield _corrections(analysis.significance_level)
    with_what = f", and tested with SciPy {version('scipy')} and statsmodels {version('statsmodels')}" if tested else ""
    yield (
        f"Clips were made and scored with vid-diffusion-bench {__version__} (design {experiment.fingerprint[:16]})"
        f"{with_what}."
    )


def _corrections(level: float) -> str:
    return (
        "P-values were corrected by Holm's method within each metric, over its effects and over its pairwise "
        f"contrasts, and held against {level:g}; over all metrics the false discovery rate is "
        "given by Benjamini and Hochberg's method. Intervals of contrasts are 95 % and not corrected. Effect sizes are "
        "partial eta squared and, of contrasts, Hedges' g of the prompts' differences."
    )


def _design(experiment: Experiment) -> str:
    factors = "; ".join(_factor(factor) for factor in experiment.factors)
    held = ", ".join(f"{name} = {written(level)}" for name, level in experiment.held.items())
    shared = ", ".join(f"{name} = {value}" for name, value in experiment.parameters.items())
    fraction = experiment.fraction
    part = f" of resolution {_roman(fraction.resolution)} ({', '.join(fraction.generators)})" if fraction else ""
    kept = f" Held constant: {'; '.join(filter(None, [held, shared]))}." if held or shared else ""
    return (
        f"To answer the question “{experiment.research_question}” {_DESIGNS[experiment.design]}{part} of "
        f"{len(experiment.conditions)} conditions was run over {factors}.{kept}"
    )


def _factor(factor: Factor) -> str:
    levels = [written(level) for level in factor.levels]
    return (
        f"{factor.name} ({levels[0]} to {levels[1]})" if factor.continuous else f"{factor.name} ({', '.join(levels)})"
    )


def _blocks(experiment: Experiment) -> str:
    blocking = experiment.blocking
    named = f" of the set {experiment.prompt_set}" if experiment.prompt_set else ""
    first = (
        f"Prompts were blocks: {blocking.prompts} prompts{named}, {experiment.sample_size} clips a condition, "
        "with the same seeds in every condition"
    )
    if blocking.complete:
        return f"{first}; each prompt was run under every condition."
    few, many = blocking.conditions_per_prompt
    low, high = blocking.concurrence
    sizes = str(few) if few == many else f"{few} to {many}"
    return (
        f"{first}; each prompt was run under {sizes} conditions, so that every pair of conditions met in "
        f"{low if low == high else f'{low} to {high}'} prompts (incomplete blocks)."
    )


def _order(experiment: Experiment) -> str:
    how = (
        "over all clips"
        if experiment.fully_randomised
        else "within blocks that one loaded model made, as was the order of these"
    )
    return f"The order of the clips was drawn at random (seed {experiment.seed}) {how}."


def _clips(analysis: ExperimentAnalysis) -> str:
    clips = analysis.results.clips
    completed = sum(clip.status == "completed" for clip in clips)
    lost = len(clips) - completed
    return f"Of {len(clips)} clips {completed} were completed" + (f"; {lost} have no values." if lost else ".")


def _tests(metrics: list[MetricAnalysis]) -> Iterator[str]:
    for method, words in _TESTS.items():
        names = [metric.metric for metric in metrics if metric.method == method]
        if names:
            by_seed = any(metric.blocks == "seed" for metric in metrics if metric.method == method)
            said = (_AVERAGED + words).replace("prompt", "seed") if by_seed else _AVERAGED + words
            yield f"For {', '.join(names)} {said}."
    for metric in metrics:
        if metric.method is None:
            yield f"{metric.metric} was not tested: {metric.reason}."


def _roman(number: int) -> str:
    return ["0", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"][number] if number <= 10 else str(number)
