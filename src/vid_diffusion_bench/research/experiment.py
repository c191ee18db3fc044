"""What an experiment is: factors, conditions and an order of trials, as one frozen value with a fingerprint."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, computed_field

from vid_diffusion_bench.results import Value, fingerprint

Level = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr | None, Field()]
"""A value of a variable: a number, a text, a truth value, or ``None`` for "as the model has it"."""

DesignName = Literal["full_factorial", "fractional_factorial", "latin_hypercube"]
Target = Literal["model", "parameter", "optimization", "extra", "binding"]


class Factor(Value):
    """A variable of the experiment.

    ``target`` is what a level changes: the model, a field of the configuration, an optimisation switch, an argument of
    the pipeline's own call (``extra``), or what a binding of the user makes of it. ``levels`` are in the order given;
    a continuous factor has its ends there, and its conditions lie between them.
    """

    name: str
    target: Target
    levels: list[Level] = Field(min_length=2)
    continuous: bool = False


class Condition(Value):
    """One combination of levels. ``settings`` say it in the variables' names, ``fields`` in the configuration's."""

    id: str
    settings: dict[str, Level]
    fields: dict[str, Any]

    @property
    def text(self) -> str:
        """The settings in a line, for people."""
        return ", ".join(f"{name}={written(level)}" for name, level in self.settings.items())


class Trial(Value):
    """One clip: a prompt and the number of its seed (from 0) under a condition. The seed is the same in every one."""

    condition: str
    prompt: str
    index: int


class Blocking(Value):
    """How prompts, the blocks, meet conditions.

    Each prompt meets ``conditions_per_prompt`` (fewest, most) of them, and each pair of conditions meets in
    ``concurrence`` (fewest, most) prompts. ``complete``: every prompt sees every condition.
    """

    complete: bool
    prompts: int
    conditions_per_prompt: tuple[int, int]
    concurrence: tuple[int, int]


class Fraction(Value):
    """Which part of a two-level factorial is run.

    ``letters`` map A, B, C ... to factors; ``generators`` are written with them (``D=ABC``), as is the defining
    ``relation``. ``aliases`` map an effect to those of at most two factors that it cannot be told from.
    """

    letters: dict[str, str]
    generators: list[str]
    relation: list[str]
    resolution: int
    aliases: dict[str, list[str]]


class Power(Value):
    """The chance to find an effect in a two-sided test at ``alpha``.

    Without a pilot ``effect`` is standardised, the mean over the prompts of the difference of two levels' means divided
    by its standard deviation between prompts; with one it is a difference of two conditions in units of ``metric``.
    """

    basis: Literal["standardised", "pilot"]
    effect: float
    metric: str | None = None
    prompts: int
    seeds: int
    alpha: float
    power: float
    statement: str


class Experiment(Value):
    """A design, complete: nothing more is drawn when it is executed.

    ``held`` are variables of one level. ``parameters`` are fields of the configuration that all conditions share.
    ``trials`` are in the order they are made in: ``fully_randomised``, or randomised within blocks that one loaded
    model can make. ``notes`` say what the design cannot do.
    """

    research_question: str
    design: DesignName
    factors: list[Factor]
    held: dict[str, Level] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    metrics: list[str]
    sample_size: int
    seed: int
    prompts: list[str]
    prompt_set: str | None = None
    conditions: list[Condition]
    trials: list[Trial]
    fully_randomised: bool = False
    blocking: Blocking
    fraction: Fraction | None = None
    power: list[Power] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    schema_version: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fingerprint(self) -> str:
        """SHA-256 of the whole design but what is only said about it."""
        return fingerprint(self.model_dump(mode="json", exclude={"fingerprint", "notes", "power"}))

    def condition(self, name: str) -> Condition:
        return next(condition for condition in self.conditions if condition.id == name)


def written(level: Level) -> str:
    """A level as text: a float in its shortest form of six digits."""
    if isinstance(level, float) and math.isfinite(level):
        return f"{level:.6g}"
    return str(level)
