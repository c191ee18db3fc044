"""From the changes on the rungs of one distortion to one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vid_diffusion_bench.certification.certificate import Answer, Expected

SLACK = 0.05
"""Share of the largest change by which a stronger rung may fall behind a weaker one and still be a step on."""
ROUNDING = 1e-9
"""The least change there is where a metric has no yardstick."""


@dataclass(frozen=True)
class Yardstick:
    """The size that a metric's changes are told in (``None``: there is none), what it is, and what counts.

    ``appreciable``: the share of ``size`` below which a change is none.
    """

    size: float | None
    what: str
    appreciable: float = 0.1

    @property
    def least(self) -> float:
        """The smallest change that counts."""
        return max(self.appreciable * (self.size or 0.0), ROUNDING)


@dataclass(frozen=True)
class Step:
    """The change on the rung of one ``strength``, and its interval."""

    strength: str
    change: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Judged:
    """The answer, its sentence, and whether the reader should be surprised."""

    answer: Answer
    finding: str
    surprising: bool


def classify(
    steps: Sequence[Step], unit: Yardstick, expected: Expected, missing: str | None, *, higher_is_better: bool | None
) -> Judged:
    """Judge the changes of one metric on the rungs of one distortion, weakest first.

    A rung counts as a change when it is at least the yardstick's appreciable share and its interval, where it has one,
    leaves out zero. The answer is a step-by-step one when no rung falls behind the one before by more than that, or by
    5 % of the largest change.
    """
    if not steps:
        return Judged("not measured", missing or "no value", surprising=True)
    if not any(_counts(step, unit.least) for step in steps):
        return _unmoved(steps, unit, expected)
    sign = 1.0 if max(step.change for step in steps) >= -min(step.change for step in steps) else -1.0
    turn = _turn([0.0, *(sign * step.change for step in steps)], unit.least)
    if turn is None and _counts(steps[-1], unit.least):
        return _steady(expected, higher_is_better, rising=sign > 0)
    where = f"turns back at {steps[(turn or len(steps)) - 1].strength}"
    return Judged("uneven", f"moves, but not step by step: {where}", surprising=expected != "either")


def _counts(step: Step, least: float) -> bool:
    certain = step.interval is None or step.interval[0] > 0 or step.interval[1] < 0
    return certain and abs(step.change) >= least


def _turn(changes: Sequence[float], least: float) -> int | None:
    """The first of ``changes``, from 0 on and mostly rising, that falls back by more than what counts as none."""
    slack = max(least, SLACK * max(changes))
    high = 0.0
    for index, change in enumerate(changes):
        if change < high - slack:
            return index
        high = max(high, change)
    return None


def _unmoved(steps: Sequence[Step], unit: Yardstick, expected: Expected) -> Judged:
    largest = max(abs(step.change) for step in steps)
    size = f"at most {largest / unit.size:.2g} of the yardstick" if unit.size else f"at most {largest:.2g}"
    noise = ", which its interval does not tell from zero" if largest >= unit.least else ""
    said = f"unmoved ({size}{noise})" if largest else "unmoved (not at all)"
    if expected in {"unmoved", "either"}:
        return Judged("unmoved", said + (", as expected" if expected == "unmoved" else ""), surprising=False)
    return Judged("unmoved", f"{said}, though it should get {expected}", surprising=True)


def _steady(expected: Expected, higher_is_better: bool | None, *, rising: bool) -> Judged:
    way = "rises" if rising else "falls"
    tone: Answer = "moves"
    if higher_is_better is not None:
        tone = "better" if rising == higher_is_better else "worse"
    said = f"{way} step by step" + ("" if tone == "moves" else f": the distorted clips count as {tone}")
    if expected == "unmoved":
        return Judged(tone, f"{said}, though this should leave it unmoved", surprising=True)
    if tone == expected:
        return Judged(tone, f"{said}, as expected", surprising=False)
    return Judged(tone, said, surprising=tone == "better" or expected != "either")
