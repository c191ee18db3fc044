"""What a comparison finds, as values: whom it compares, one part a figure, the frontier, and how all was done.

Everything is plain JSON. A number that does not exist is ``None`` with a ``reason`` beside it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vid_diffusion_bench.results import Value

Group = Literal["quality", "performance"]
Scope = Literal["clip", "set"]
"""Whether a figure is a mean of numbers of single clips, or one number of a whole set."""


class SubjectInfo(Value):
    """One model of one run. ``name`` is unique in the comparison; ``clips`` of its ``samples`` were made."""

    name: str
    model: str
    run: str | None
    benchmark_id: str
    samples: int
    clips: int


class PairCount(Value):
    """How the samples of two subjects met. ``differing`` maps a generation parameter to both values in words."""

    first: str
    second: str
    pairs: int
    prompts: int
    both_clips: int
    differing: dict[str, str] = Field(default_factory=dict)


class Refusal(Value):
    """Two results that must not be compared: ``differing`` maps a field of the protocol to both values in words."""

    first: str
    second: str
    differing: dict[str, str]


class MarginTest(Value):
    """``first`` against ``second`` with a margin, in the figure's unit.

    ``equivalent``: the difference is surely within the margin either way (two one-sided tests, p-value ``p_value``).
    ``first_not_worse`` and ``second_not_worse``: non-inferiority of either, ``None`` where no direction is better.
    """

    margin: float
    equivalent: bool | None = None
    p_value: float | None = None
    first_not_worse: bool | None = None
    second_not_worse: bool | None = None
    reason: str | None = None


class Difference(Value):
    """``first`` - ``second`` over ``n`` pairs of ``prompts`` prompts.

    ``p_value`` is of ``test``; ``p_holm`` is adjusted within the figure (all pairs of it), ``q_value`` across every
    test of the comparison. ``better`` names the one that is better at the comparison's level by ``p_holm``.
    ``first_value`` and ``second_value`` are over the pairs alone. ``interval_caution`` says why the interval may hold
    less often than it claims.
    """

    first: str
    second: str
    n: int = 0
    prompts: int = 0
    first_value: float | None = None
    second_value: float | None = None
    difference: float | None = None
    confidence_interval: tuple[float, float] | None = None
    interval_reason: str | None = None
    interval_caution: str | None = None
    test: str | None = None
    test_reason: str | None = None
    statistic: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    q_value: float | None = None
    effect: str | None = None
    effect_size: float | None = None
    better: str | None = None
    margin: MarginTest | None = None
    reason: str | None = None


class RankInfo(Value):
    """A subject's place, the 95 % interval of it, and the share of resamples in which it is first."""

    name: str
    value: float
    rank: int
    interval: tuple[int, int]
    probability_best: float


class FigureComparison(Value):
    """One figure (a metric or a cost) of all subjects. ``reason`` says why a part is missing."""

    name: str
    label: str = ""
    group: Group
    scope: Scope
    unit: str = ""
    higher_is_better: bool | None = None
    fingerprint: str | None = None
    differences: list[Difference] = Field(default_factory=list)
    refused: list[Refusal] = Field(default_factory=list)
    ranks: list[RankInfo] = Field(default_factory=list)
    ranks_reason: str | None = None
    remark: str | None = None
    reason: str | None = None


class Objective(Value):
    """An axis of the frontier."""

    name: str
    unit: str = ""
    higher_is_better: bool


class FrontierMember(Value):
    """A subject and its values by objective; ``probability`` is the share of resamples in which none dominates it."""

    name: str
    values: dict[str, float]
    on_front: bool
    probability: float | None = None


class Choice(Value):
    """The best subject under a condition, in words; ``name`` is ``None`` when none meets it."""

    question: str
    name: str | None = None
    value: float | None = None
    reason: str | None = None


class Frontier(Value):
    """Subjects that no other beats in every objective.

    ``hypervolume`` is what the frontier dominates, up to ``reference_point``, in the product of the objectives' units.
    """

    objectives: list[Objective] = Field(default_factory=list)
    members: list[FrontierMember] = Field(default_factory=list)
    n: int = 0
    prompts: int = 0
    hypervolume: float | None = None
    reference_point: dict[str, float] = Field(default_factory=dict)
    reference_rule: str = ""
    probability_reason: str | None = None
    choices: list[Choice] = Field(default_factory=list)
    reason: str | None = None

    @property
    def front(self) -> list[str]:
        """Names on the frontier."""
        return [member.name for member in self.members if member.on_front]


class LookInfo(Value):
    """One look of a sequential run: after ``prompts`` prompts, ``statistic`` against ``boundary``.

    ``n`` prompts of them have the metric in both models. ``reason`` says why there is no statistic.
    """

    number: int
    prompts: int
    n: int
    statistic: float | None
    boundary: float
    stop: bool
    reason: str | None = None


class SequentialInfo(Value):
    """A run that might stop early: the metric, what was planned, the looks, and where it ended.

    ``difference_found`` is the verdict: a look passed its boundary.
    """

    metric: str
    planned_prompts: int
    used_prompts: int
    stopped_early: bool
    difference_found: bool
    looks: list[LookInfo]
    alpha: float
    method: str


class Comparison(Value):
    """All of it. ``paired_by`` is ``prompt and seed``, or ``prompt`` where two models share no seed."""

    subjects: list[SubjectInfo]
    paired_by: str = "prompt and seed"
    pairs: list[PairCount] = Field(default_factory=list)
    figures: list[FigureComparison] = Field(default_factory=list)
    frontier: Frontier = Field(default_factory=Frontier)
    alpha: float = 0.05
    methods: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    sequential: SequentialInfo | None = None
    reason: str | None = None

    def figure(self, name: str) -> FigureComparison | None:
        """The part of one figure, by its name."""
        return next((figure for figure in self.figures if figure.name == name), None)
