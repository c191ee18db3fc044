"""From checks to one verdict and its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from vid_diffusion_bench.comparison.pairs import Pairing
from vid_diffusion_bench.gate.result import DECIDED, Check, Group, Part, Verdict

GROUPS: dict[Part, tuple[Group, ...]] = {"quality": ("closeness", "quality"), "cost": ("cost",)}


def decide(
    checks: Sequence[Check], pairing: Pairing, asked: Sequence[Part], differences: Sequence[str], names: str | None
) -> tuple[Verdict, list[str]]:
    """The verdict.

    One regression is enough. Without any, the runs are not comparable when no sample was paired, or when of a part that
    was asked nothing could be decided: nobody should read that a change is no slower where its speed was not judged.
    """
    if not pairing.paired:
        return "not comparable", [names or _unpaired(pairing)]
    if regressed := [check for check in checks if check.outcome == "regression"]:
        return "regression", _regressions(regressed)
    passed = sum(check.outcome == "pass" for check in checks)
    said = f"{passed} of {len(checks)} checks decided, none worse than allowed"
    open_parts = [part for part in asked if not any(_decided(check, part) for check in checks)]
    if not open_parts:
        return "pass", [said]
    reasons = [_open(part, checks, differences) for part in open_parts]
    if others := [part for part in asked if part not in open_parts]:
        reasons.append(f"{said}; --only {others[0]} judges {others[0]} alone")
    return "not comparable", reasons


def _regressions(checks: Sequence[Check]) -> list[str]:
    """What is worse than allowed, apart from what has only not been shown to be as good."""
    unproven = [check.name for check in checks if _mean_is_within(check)]
    worse = [check.name for check in checks if check.name not in unproven]
    reasons = [f"worse than allowed: {', '.join(worse)}"] if worse else []
    if unproven:
        reasons.append(f"within the margin on average, but that is not shown at 95 %: {', '.join(unproven)}")
    return reasons


def _mean_is_within(check: Check) -> bool:
    if check.group != "quality" or check.difference is None or check.limit is None:
        return False
    return (-check.difference if check.higher_is_better else check.difference) <= check.limit


def _decided(check: Check, part: Part) -> bool:
    return check.group in GROUPS[part] and check.outcome in DECIDED


def _unpaired(pairing: Pairing) -> str:
    if pairing.other_parameters:
        said = "; ".join(f"{name} is {text}" for name, text in pairing.differing.items())
        return (
            f"the {pairing.other_parameters} samples of equal prompt and seed were made with other parameters: {said}; "
            f"--under-test {' '.join(pairing.differing)} compares them all the same"
        )
    return (
        f"no prompt and seed is in both runs ({pairing.baseline} samples in the baseline, {pairing.candidate} in "
        "the candidate)"
    )


def _open(part: Part, checks: Sequence[Check], differences: Sequence[str]) -> str:
    """Why nothing of a part could be decided."""
    if part == "cost" and differences:
        return f"costs do not compare: {'; '.join(differences)}"
    reasons = [check.reason for check in checks if check.group in GROUPS[part] and check.outcome == "undecided"]
    return f"no {part} check could be decided: {'; '.join(dict.fromkeys(filter(None, reasons))) or 'none is measured'}"
