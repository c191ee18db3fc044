"""From a question, variables, metrics and a sample size to an :class:`Experiment`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from vid_diffusion_bench.engine import block_of
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.prompts import PromptSet, prompt_set_for
from vid_diffusion_bench.prompts.check import check_prompt
from vid_diffusion_bench.research.blocking import (
    complete_trials,
    describe,
    incomplete_trials,
    is_connected,
    randomised,
)
from vid_diffusion_bench.research.designs import Settings, full_factorial, latin_hypercube
from vid_diffusion_bench.research.experiment import Condition, DesignName, Experiment, Factor, Fraction, Level, Trial
from vid_diffusion_bench.research.factors import Binding, configuration, fields_of, read_variables
from vid_diffusion_bench.research.fractions import fractional_factorial
from vid_diffusion_bench.research.planning import STANDARDISED_EFFECT, pilot_power, standardised_power

if TYPE_CHECKING:
    from vid_diffusion_bench.research.outcome import ExperimentResults

MOST_CLIPS = 1_000_000


@dataclass(frozen=True)
class Wish:
    """What the user asked for beside variables and sizes; see :meth:`ExperimentalFramework.design_experiment`."""

    design: str = "full_factorial"
    seed: int = 0
    prompts: Sequence[str] | None = None
    seeds_per_prompt: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    points: int | None = None
    runs: int | None = None
    generators: Sequence[str] | None = None
    fully_randomised: bool = False
    effect: float = STANDARDISED_EFFECT
    pilot: ExperimentResults | None = None
    alpha: float = 0.05


def lay_out(
    research_question: str,
    variables: Mapping[str, Sequence[Any]],
    metrics: Sequence[str],
    sample_size: int,
    wish: Wish,
    bindings: Mapping[str, Binding],
) -> Experiment:
    """Lay out the experiment; everything that is drawn is drawn here, from ``wish.seed``.

    Raises:
        ValidationError: Something is missing, contradictory or impossible.
    """
    _check_words(research_question, metrics, sample_size, wish)
    factors, held = read_variables(variables, bindings, ranges=wish.design == "latin_hypercube")
    if both := sorted({*held, *(factor.name for factor in factors)} & {*metrics}):
        raise ValidationError(f"{both[0]!r} is a variable and a metric", remedy="give one of them another name")
    settings, fraction = _settings(factors, wish)
    conditions = [_condition(number, row, held, len(settings), bindings) for number, row in enumerate(settings, 1)]
    prompts, prompt_set, notes = _prompts(wish.prompts, conditions, wish.parameters, sample_size)
    blocks = {c.id: block_of(configuration(c.fields, wish.parameters, prompts[:1])) for c in conditions}
    names = [condition.id for condition in conditions]
    trials, more = _trials(names, prompts, sample_size, wish)
    blocking = describe(trials, names)
    return Experiment(
        research_question=research_question.strip(),
        design=wish.design,
        factors=factors,
        held=held,
        parameters=dict(wish.parameters),
        metrics=list(dict.fromkeys(metrics)),
        sample_size=sample_size,
        seed=wish.seed,
        prompts=list(dict.fromkeys(trial.prompt for trial in trials)),
        prompt_set=prompt_set,
        conditions=conditions,
        trials=randomised(trials, None if wish.fully_randomised else blocks, wish.seed),
        fully_randomised=wish.fully_randomised,
        blocking=blocking,
        fraction=fraction,
        power=_power(blocking, trials, list(metrics), wish),
        notes=[*notes, *more, *_held_notes(held), *_size_notes(blocking.concurrence[0])],
    )


def _check_words(question: str, metrics: Sequence[str], sample_size: int, wish: Wish) -> None:
    if not isinstance(question, str) or not question.strip():
        raise ValidationError("the research question is empty", remedy="say what the experiment is to answer")
    if isinstance(metrics, str) or not metrics or not all(isinstance(name, str) and name.strip() for name in metrics):
        raise ValidationError("an experiment needs metrics by name", remedy='metrics=["clip_score", ...]')
    if isinstance(sample_size, bool) or not isinstance(sample_size, int) or sample_size < 1:
        raise ValidationError(
            f"sample_size is {sample_size!r}; it is the number of clips of each condition, at least 1",
            remedy="give a whole number from 1",
        )
    if wish.design not in get_args(DesignName):
        raise ValidationError(f"no design {wish.design!r}", remedy=f"one of {', '.join(get_args(DesignName))}")
    if not 0 < wish.alpha < 1:
        raise ValidationError(f"alpha is {wish.alpha}; it lies between 0 and 1")
    if not 0 <= wish.seed < 2**32:
        raise ValidationError(f"seed is {wish.seed}; it lies between 0 and 2**32 - 1")
    if (wish.runs or wish.generators) and wish.design != "fractional_factorial":
        raise ValidationError(
            "runs and generators are of a fractional factorial", remedy='design="fractional_factorial"'
        )
    if wish.points is not None and wish.design != "latin_hypercube":
        raise ValidationError("points are of a Latin hypercube", remedy='design="latin_hypercube"')


def _settings(factors: Sequence[Factor], wish: Wish) -> tuple[list[Settings], Fraction | None]:
    if wish.design == "fractional_factorial":
        return fractional_factorial(factors, wish.runs, wish.generators)
    if wish.design == "latin_hypercube":
        return latin_hypercube(factors, wish.points, wish.seed), None
    return full_factorial(factors), None


def _condition(
    number: int, settings: Settings, held: Mapping[str, Level], count: int, bindings: Mapping[str, Binding]
) -> Condition:
    name = f"c{number:0{max(2, len(str(count)))}d}"
    return Condition(id=name, settings=settings, fields=fields_of({**held, **settings}, bindings))


def _prompts(
    given: Sequence[str] | None, conditions: Sequence[Condition], parameters: Mapping[str, Any], sample_size: int
) -> tuple[list[str], str | None, list[str]]:
    """The prompts, the name of their set, and what is to be said of them."""
    if isinstance(given, str):
        raise ValidationError("prompts is one text, not a list", remedy=f"write prompts=[{given[:40]!r}]")
    if given is not None:
        prompts = list(given)
        if not prompts or len(set(prompts)) < len(prompts):
            raise ValidationError(
                "prompts are missing" if not prompts else "a prompt is given twice",
                remedy="give each prompt once; seeds_per_prompt repeats it",
            )
        for number, prompt in enumerate(prompts, 1):
            check_prompt(prompt, number)
        return prompts, given.name if isinstance(given, PromptSet) else None, []
    models = [str(condition.fields.get("model", parameters.get("model", ""))) for condition in conditions]
    chosen = prompt_set_for(models)
    count = min(len(chosen), sample_size)
    spread = [chosen[number * len(chosen) // count] for number in range(count)]
    note = f"No prompts were given: {count} of the set {chosen.name} are used, evenly spread over it."
    return spread, chosen.name, [note]


def _trials(
    conditions: Sequence[str], prompts: Sequence[str], sample_size: int, wish: Wish
) -> tuple[list[Trial], list[str]]:
    """The trials in no order yet, and what is to be said of them."""
    if len(conditions) * sample_size > MOST_CLIPS:
        raise ValidationError(
            f"{len(conditions)} conditions of {sample_size:,} clips are more than {MOST_CLIPS:,} clips",
            remedy="give fewer levels or a smaller sample_size",
        )
    seeds = wish.seeds_per_prompt
    if seeds is not None and (seeds < 1 or sample_size % seeds or sample_size > seeds * len(prompts)):
        raise ValidationError(
            f"sample_size is {sample_size} and {len(prompts)} prompts of {seeds} seeds each are {len(prompts) * seeds} "
            "clips a condition",
            remedy=f"use sample_size={len(prompts) * max(seeds, 1)}, a smaller multiple of the seeds, or more prompts",
        )
    per_condition = sample_size // (seeds or 1)
    if per_condition >= len(prompts):
        return complete_trials(conditions, prompts, sample_size), []
    # A prompt that sees one condition compares nothing: fewer prompts are used where they would be so many.
    used = list(prompts[: max(1, per_condition * len(conditions) // 2)])
    note = [f"{len(prompts) - len(used)} prompts are not used: they would see one condition each."]
    notes = note if len(used) < len(prompts) else []
    if per_condition >= len(used):
        return complete_trials(conditions, used[:per_condition], sample_size), notes
    trials = incomplete_trials(conditions, used, per_condition, seeds or 1, wish.seed)
    if not is_connected(trials):
        raise ValidationError(
            f"with {per_condition} of {len(used)} prompts a condition, some conditions share no prompt with others",
            remedy="give a larger sample_size or fewer prompts",
        )
    return trials, notes


def _power(blocking: Any, trials: Sequence[Trial], metrics: list[str], wish: Wish) -> list[Any]:
    seeds = 1 + max(trial.index for trial in trials)
    if not wish.effect > 0:
        raise ValidationError(f"effect is {wish.effect}; a power is of a positive difference", remedy="give effect=0.5")
    if wish.pilot is not None:
        return list(pilot_power(blocking, wish.pilot, metrics, wish.effect, seeds, wish.alpha))
    return list(standardised_power(blocking, wish.effect, seeds, wish.alpha))


def _held_notes(held: Mapping[str, Level]) -> list[str]:
    return [f"{name} is held at {level}: nothing is learnt about it." for name, level in held.items()]


def _size_notes(common: int) -> list[str]:
    if common >= 2:
        return []
    return ["Two conditions share fewer than two prompts, so the design has no power that could be stated."]
