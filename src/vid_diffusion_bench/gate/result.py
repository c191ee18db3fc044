"""What a gate finds: one check a number, how the samples were paired, and the verdict."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, computed_field

from vid_diffusion_bench.comparison.pairs import Pairing
from vid_diffusion_bench.results import Value

Group = Literal["samples", "closeness", "quality", "cost"]
Outcome = Literal["pass", "regression", "undecided", "reported"]
Verdict = Literal["pass", "regression", "not comparable"]
Part = Literal["quality", "cost"]

EXIT_CODES: Final[dict[Verdict, int]] = {"pass": 0, "regression": 3, "not comparable": 4}
DECIDED: Final[tuple[Outcome, ...]] = ("pass", "regression")


class Check(Value):
    """One number of the candidate beside the baseline's.

    ``difference`` is candidate - baseline, over pairs where the number belongs to a clip, with ``confidence_interval``
    (95 %, prompts resampled); of ``closeness`` there is no baseline and the interval is of the value. ``bound`` is the
    one-sided 95 % bound that is held against ``limit``: of the loss for ``quality``, of the value for ``closeness``.
    A ``cost`` passes ``limit`` and ``relative_limit`` or is no regression. ``n`` pairs of ``total`` went into it.
    ``undecided`` and ``reported`` have their ``reason``.
    """

    name: str
    group: Group
    outcome: Outcome
    label: str = ""
    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    confidence_interval: tuple[float, float] | None = None
    bound: float | None = None
    limit: float | None = None
    relative_limit: float | None = None
    unit: str = ""
    higher_is_better: bool | None = None
    n: int = 0
    total: int = 0
    reason: str | None = None
    warnings: list[str] = Field(default_factory=list)


class Side(Value):
    """A run that takes part."""

    folder: str
    benchmark_id: str
    model: str
    status: str
    created_at: str


class GateResult(Value):
    """All of it. ``reasons`` say in words what made the verdict; ``cohort_differences`` why costs do not compare."""

    verdict: Verdict
    reasons: list[str]
    baseline: Side
    candidate: Side
    pairing: Pairing
    checks: list[Check]
    asked: list[Part]
    under_test: list[str]
    cohort_differences: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> int:
        """0 pass, 3 regression, 4 not comparable."""
        return EXIT_CODES[self.verdict]

    def group(self, name: Group) -> list[Check]:
        return [check for check in self.checks if check.group == name]
