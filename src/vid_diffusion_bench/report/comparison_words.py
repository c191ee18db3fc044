"""What table, page and exports say alike of a comparison: columns of pairs, cells, verdicts, notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from vid_diffusion_bench.comparison import ALL_EQUAL, Comparison, Difference, FigureComparison
from vid_diffusion_bench.report.numbers import compact, signed

TITLE: Final = "Is the difference real?"
LEGEND: Final = (
    "Difference: first − second [95 % interval, prompts resampled]; p after Holm's correction over the pairs of a row; "
    "▲ the first is better, ▼ the second, ≠ they differ, · not found"
)
Pair = tuple[str, str]


def pairs(comparison: Comparison) -> list[Pair]:
    """Every two subjects, in their order."""
    return [(one.first, one.second) for one in comparison.pairs]


def pair_title(pair: Pair) -> str:
    """``first − second``."""
    return f"{pair[0]} − {pair[1]}"


def shown(comparison: Comparison) -> list[FigureComparison]:
    """Figures that two subjects or more have; those that say why nothing is known of them are left out."""
    return [figure for figure in comparison.figures if figure.differences or figure.refused]


def label(figure: FigureComparison) -> str:
    """The figure with its direction."""
    return f"{figure.name}{ {True: ' ↑', False: ' ↓', None: ''}[figure.higher_is_better] }"


def cell(figure: FigureComparison, pair: Pair) -> Difference | None:
    """The difference of two subjects, if there is one."""
    return next((one for one in figure.differences if (one.first, one.second) == pair), None)


def sign(one: Difference, alpha: float) -> str:
    """``▲`` the first is better, ``▼`` the second, ``≠`` different where no direction is better, ``·`` not found."""
    if one.better:
        return "▲" if one.better == one.first else "▼"
    return "≠" if one.p_holm is not None and one.p_holm <= alpha and one.difference else "·"


def bounds(one: Difference) -> str:
    """``[low, high]`` of a difference, signed."""
    return f"[{', '.join(map(signed, one.confidence_interval))}]" if one.confidence_interval else ""


def p_text(value: float | None) -> str:
    """``p = 0.012``, or ``p < 0.0001``."""
    if value is None:
        return ""
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.2g}"


def notes(figure: FigureComparison, pair: Pair) -> list[str]:
    """Why a cell has no number, no p-value or no interval, and what its interval cannot promise."""
    for refusal in figure.refused:
        if (refusal.first, refusal.second) == pair:
            said = "; ".join(f"{name} {text}" for name, text in list(refusal.differing.items())[:4])
            more = f" and {len(refusal.differing) - 4} more" if len(refusal.differing) > 4 else ""
            return [f"not compared, other protocols: {said}{more}"]
    one = cell(figure, pair)
    if one is None:
        return [figure.reason or "one of the two has no value"]
    found = [one.reason if one.reason != ALL_EQUAL else None, one.interval_caution]
    found += [one.interval_reason] if figure.scope == "clip" else []
    return [note for note in dict.fromkeys(found) if note]


def headline(comparison: Comparison) -> str:
    """What was found, in a sentence that claims no more."""
    if comparison.reason:
        return f"Nothing was compared: {comparison.reason}"
    tested = [one for figure in comparison.figures for one in figure.differences if one.p_value is not None]
    if not tested:
        return "Nothing could be tested"
    found = sum(sign(one, comparison.alpha) != "·" for one in tested)
    level = f"{100 * comparison.alpha:g} %"
    return f"{found} of {len(tested)} differences are more than chance at {level} (p after Holm, within each metric)"


def frontier_lines(comparison: Comparison) -> Iterator[str]:
    """The frontier with its probabilities, its volume, and who is best under the conditions."""
    found = comparison.frontier
    if found.reason or not found.members:
        if len(found.objectives) > 1 and found.reason:
            yield f"No frontier: {found.reason}"
        return
    axes = " and ".join(axis.name for axis in found.objectives)
    members = [
        f"{one.name} ({'on it' if one.on_front else 'off it'}"
        + (f", {percent(one.probability)} of resamples)" if one.probability is not None else ")")
        for one in found.members
    ]
    yield f"Pareto frontier of {axes}: {'; '.join(members)}"
    if found.probability_reason:
        yield f"No probabilities: {found.probability_reason}"
    if found.hypervolume is not None:
        point = ", ".join(f"{name} {compact(value)}" for name, value in found.reference_point.items())
        yield f"Hypervolume {compact(found.hypervolume)} to the point ({point}): {found.reference_rule}"
    for choice in found.choices:
        answer = f"{choice.name} ({compact(choice.value)})" if choice.name else choice.reason
        yield f"{choice.question}: {answer}"


def sequential_lines(comparison: Comparison) -> Iterator[str]:
    """How a run went that might stop early."""
    info = comparison.sequential
    if info is None:
        return
    verdict = "a difference was found" if info.difference_found else "no difference was found"
    stopped = "stopped early" if info.stopped_early else "went to its end"
    used = f"{info.used_prompts} of {info.planned_prompts} prompts"
    yield f"Sequential on {info.metric}: {stopped} after {used}; {verdict}"
    for look in info.looks:
        statistic = "no statistic" if look.statistic is None else f"z = {look.statistic:+.2f}"
        yield (
            f"  look {look.number}: {look.prompts} prompts, {statistic}, boundary ±{look.boundary:.2f}"
            + (": stop" if look.stop else "")
            + (f" ({look.reason})" if look.reason else "")
        )
    yield f"  {info.method}; total error {info.alpha:g}"


def margin_text(one: Difference) -> str:
    """What is known within the margin."""
    if one.margin is None:
        return ""
    if one.margin.equivalent is None:
        return f"within ±{one.margin.margin:g}: {one.margin.reason}"
    parts = [f"{'equivalent' if one.margin.equivalent else 'not shown equivalent'} within ±{one.margin.margin:g}"]
    if one.margin.first_not_worse:
        parts.append(f"{one.first} not worse")
    if one.margin.second_not_worse:
        parts.append(f"{one.second} not worse")
    return ", ".join(parts)


def rank_text(figure: FigureComparison) -> str:
    """``1 a (1–1, best in 100 %)`` of every model."""
    return "; ".join(
        f"{one.rank} {one.name} ({one.interval[0]}–{one.interval[1]}, best in {percent(one.probability_best)})"
        for one in figure.ranks
    )


def percent(share: float | None) -> str:
    """A share as whole per cent; never a rounded 0 or 100 that is none."""
    if share is None:
        return "—"
    text = f"{100 * share:.0f} %"
    if share not in (0.0, 1.0) and text in ("0 %", "100 %"):
        return "< 1 %" if share < 0.5 else "> 99 %"
    return text


def rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Flat rows with the same keys, one a difference."""
    for figure in comparison.figures:
        for one in figure.differences:
            low, high = one.confidence_interval or (None, None)
            yield {
                "kind": figure.group,
                "metric": figure.name,
                "label": figure.label or figure.name,
                "unit": figure.unit,
                "higher_is_better": figure.higher_is_better,
                "first": one.first,
                "second": one.second,
                "first_value": one.first_value,
                "second_value": one.second_value,
                "difference": one.difference,
                "ci_low": low,
                "ci_high": high,
                "ci_note": one.interval_reason or one.interval_caution,
                "n": one.n,
                "prompts": one.prompts,
                "test": one.test,
                "p_value": one.p_value,
                "p_holm": one.p_holm,
                "q_value": one.q_value,
                "effect": one.effect,
                "effect_size": one.effect_size,
                "better": one.better,
                "reason": one.reason,
                "protocol_fingerprint": figure.fingerprint,
            }
