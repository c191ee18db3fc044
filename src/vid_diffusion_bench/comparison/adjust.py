"""Many tests: p-values adjusted within a figure and across all, and who is better after that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vid_diffusion_bench.comparison.result import Difference, FigureComparison
from vid_diffusion_bench.statistics import benjamini_hochberg, holm


def adjusted(figures: Sequence[FigureComparison], alpha: float) -> list[FigureComparison]:
    """The same with Holm's p-values within each figure, Benjamini and Hochberg's across every test, and verdicts."""
    raw = [one.p_value for figure in figures for one in figure.differences if one.p_value is not None]
    across = iter(benjamini_hochberg(raw) if raw else [])
    return [_with_verdicts(figure, across, alpha) for figure in figures]


def _with_verdicts(figure: FigureComparison, across: Iterator[float], alpha: float) -> FigureComparison:
    tested = [one.p_value for one in figure.differences if one.p_value is not None]
    within = iter(holm(tested) if tested else [])
    found = []
    for one in figure.differences:
        if one.p_value is None:
            found.append(one)
            continue
        p_holm, q_value = next(within), next(across)
        better = _better(one, figure.higher_is_better) if p_holm <= alpha else None
        found.append(one.model_copy(update={"p_holm": p_holm, "q_value": q_value, "better": better}))
    return figure.model_copy(update={"differences": found})


def _better(one: Difference, higher_is_better: bool | None) -> str | None:
    if higher_is_better is None or not one.difference:
        return None
    return one.first if (one.difference > 0) == higher_is_better else one.second
