"""What the table in the terminal and the Markdown summary say alike: titles, figures, limits, notes."""

from __future__ import annotations

from typing import Final

from vid_diffusion_bench.gate.result import Check, GateResult, Group, Outcome, Verdict
from vid_diffusion_bench.report import numbers
from vid_diffusion_bench.report.numbers import signed

TITLES: Final[dict[Group, str]] = {
    "samples": "Samples",
    "closeness": "Candidate's clips against the baseline's",
    "quality": "Quality, pair by pair",
    "cost": "Speed and memory",
}
VERDICTS: Final[dict[Verdict, str]] = {
    "pass": "The gate passes",
    "regression": "Regression",
    "not comparable": "Not comparable",
}
SIGNS: Final[dict[Outcome, str]] = {"pass": "✓", "regression": "✗", "undecided": "?", "reported": ""}
LEGEND: Final = (
    "Difference: candidate − baseline [95 % confidence interval, prompts resampled]; of the first group the value "
    "itself. Loss: its one-sided 95 % bound against the margin. ✓ within its limit, ✗ regression, ? undecided"
)


def name(check: Check) -> str:
    """The metric with its direction."""
    arrow = {True: " ↑", False: " ↓", None: ""}[check.higher_is_better]
    return f"{check.name}{arrow}"


def difference(check: Check) -> str:
    """``+0.012 [-0.001, +0.025]``; of closeness the interval alone."""
    if check.difference is None:
        return interval(check) if check.group == "closeness" else ""
    return " ".join(filter(None, [signed(check.difference), interval(check)]))


def interval(check: Check) -> str:
    """``[low, high]``, or nothing."""
    if check.confidence_interval is None:
        return ""
    write = numbers.compact if check.group == "closeness" else signed
    return f"[{', '.join(map(write, check.confidence_interval))}]"


def limit(check: Check) -> str:
    """What it was held against, and with which bound."""
    if check.limit is None or (check.outcome in ("reported", "undecided") and check.group != "cost"):
        return ""
    if check.group == "cost":
        return f"+{100 * (check.relative_limit or 0.0):g} % and +{check.limit:g}"
    if check.group == "samples":
        return f"at most {check.limit:g}"
    bound = numbers.compact(check.bound).replace("-", "−")
    if check.group == "quality":
        return f"loss {signed(check.bound or 0.0)} of {check.limit:g}"
    return f"{bound}, {'at least' if check.higher_is_better else 'at most'} {check.limit:g}"


def value(number: float | None) -> str:
    """Four significant digits; nothing where there is no number."""
    return numbers.compact(number).replace("-", "−") if number is not None else ""


def notes(check: Check) -> list[str]:
    """What has to be known beside the numbers."""
    missing = check.total - check.n if check.group == "quality" and check.n else 0
    partly = [f"{missing} of {check.total} pairs have no value and are left out"] if missing else []
    return [*([check.reason] if check.reason else []), *partly, *check.warnings]


def pairing(found: GateResult) -> list[str]:
    """How many samples met, and what became of the others; a line each."""
    of = found.pairing
    samples = f"baseline {of.baseline} samples, candidate {of.candidate}"
    lines = [f"{of.paired} pairs of {of.prompts} prompts ({samples}); {of.both_clips} with two clips"]
    lost = ", ".join(f"{count} {code}" for code, count in of.lost_to.items())
    counts = {
        f"have no clip in the candidate ({lost})": of.lost,
        "have no clip in the baseline": of.gained,
        "have no clip in either": of.neither,
        "of the baseline are not in the candidate": of.only_baseline,
        "of the candidate are not in the baseline": of.only_candidate,
        f"have other parameters and are no pairs ({', '.join(of.differing)})": of.other_parameters,
    }
    return lines + [f"{count} {what}" for what, count in counts.items() if count]
