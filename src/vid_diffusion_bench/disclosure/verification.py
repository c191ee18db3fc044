"""What verifying finds: one check a kind of thing compared, each with the differences by name."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, computed_field

from vid_diffusion_bench.results import Value

Outcome = Literal["bit for bit", "within tolerance", "differs", "cannot be checked here"]
Part = Literal[
    "archive", "statement", "records", "figures", "clips", "reference", "scores", "certificates", "regenerated"
]
Verdict = Literal["verified", "partly verified", "does not agree"]

EXACT: Final[Outcome] = "bit for bit"
WITHIN: Final[Outcome] = "within tolerance"
DIFFERS: Final[Outcome] = "differs"
CANNOT: Final[Outcome] = "cannot be checked here"


class Difference(Value):
    """One thing that does not agree: ``what`` names the file, clip, prompt or number."""

    what: str
    stated: str | int | float | None = None
    found: str | int | float | None = None


class Check(Value):
    """``n`` things of one kind, compared.

    ``within tolerance``: not all were equal, and none is further apart than ``tolerance``, relative to the larger of
    the two; ``largest`` is the largest relative difference seen. ``detail`` says why something cannot be checked.
    """

    part: Part
    name: str
    outcome: Outcome
    n: int = 0
    detail: str = ""
    tolerance: float | None = None
    tolerance_reason: str = ""
    largest: float | None = None
    differences: list[Difference] = Field(default_factory=list)


class Verification(Value):
    """All of it. ``sha256`` is the hash of the bundle's manifest; ``notes`` say what a reader should know."""

    bundle: str
    sha256: str
    benchmark_id: str
    checks: list[Check]
    notes: list[str] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Verdict:
        """``partly verified``: nothing differs, and something could not be checked here."""
        outcomes = {check.outcome for check in self.checks}
        if DIFFERS in outcomes:
            return "does not agree"
        return "partly verified" if CANNOT in outcomes else "verified"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agrees(self) -> bool:
        """Whether nothing differs of what could be checked."""
        return self.verdict != "does not agree"

    @property
    def differences(self) -> list[Difference]:
        """Everything that does not agree."""
        return [difference for check in self.checks for difference in check.differences]


def check_of(
    part: Part, name: str, n: int, differences: list[Difference], *, detail: str = "", cannot: bool = False
) -> Check:
    """A check of things that are equal or not."""
    outcome = DIFFERS if differences else CANNOT if cannot else EXACT
    return Check(part=part, name=name, outcome=outcome, n=n, detail=detail, differences=differences)
