"""Plots of a comparison as plain Plotly figures: differences with intervals, and the frontier with probabilities."""

from __future__ import annotations

from html import escape
from typing import Any

from vid_diffusion_bench.comparison import Comparison, FigureComparison, Objective
from vid_diffusion_bench.report import comparison_words as words
from vid_diffusion_bench.report.plots import SYMBOLS, color, frontier_line

_FOUND, _NOT_FOUND = "#0072B2", "#8A8A8A"


def difference_plots(comparison: Comparison) -> list[dict[str, Any]]:
    """A figure for each metric that has differences: a row a pair, its interval, and the line of no difference."""
    return [
        {"metric": figure.name, "figure": _differences(comparison, figure)}
        for figure in words.shown(comparison)
        if any(one.difference is not None for one in figure.differences)
    ]


def _differences(comparison: Comparison, figure: FigureComparison) -> dict[str, Any]:
    traces = []
    for one in reversed(figure.differences):
        if one.difference is None:
            continue
        found = words.sign(one, comparison.alpha) != "·"
        low, high = one.confidence_interval or (one.difference, one.difference)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [one.difference],
                "y": [escape(words.pair_title((one.first, one.second)))],
                "text": [words.p_text(one.p_holm)],
                "textposition": "top center",
                "cliponaxis": False,
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0.0, high - one.difference)],
                    "arrayminus": [max(0.0, one.difference - low)],
                    "thickness": 2,
                    "width": 6,
                    "visible": one.confidence_interval is not None,
                },
                "marker": {
                    "size": 12,
                    "color": _FOUND if found else _NOT_FOUND,
                    "symbol": "circle" if found else "circle-open",
                },
                "hovertemplate": f"{escape(figure.name)} %{{x:.4~g}}<br>%{{text}}<extra>%{{y}}</extra>",
            }
        )
    direction = {True: " · right: the first is better", False: " · left: the first is better", None: ""}
    unit = f", {figure.unit}" if figure.unit else ""
    title = f"difference in {figure.name}{unit}{direction[figure.higher_is_better]}"
    layout = {
        "showlegend": False,
        "xaxis": {"title": {"text": escape(title)}, "zeroline": True, "zerolinewidth": 2, "rangemode": "tozero"},
        "yaxis": {"type": "category", "range": [-0.6, len(traces) - 0.3]},
    }
    return {"data": traces, "layout": layout}


def frontier_plot(comparison: Comparison) -> dict[str, Any] | None:
    """The first two objectives: a point a model, with the probability that none beats it; ``None`` without two."""
    found = comparison.frontier
    if found.reason or len(found.objectives) < 2 or not found.members:
        return None
    up, right = found.objectives[:2]
    names = [subject.name for subject in comparison.subjects]
    front = [(one.values[right.name], one.values[up.name]) for one in found.members if one.on_front]
    line = frontier_line(front, larger_x_is_better=right.higher_is_better)
    middle = max(one.values[right.name] for one in found.members) / 2
    points = []
    for one in found.members:
        index = names.index(one.name)
        chance = "" if one.probability is None else f" {words.percent(one.probability)}"
        points.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": escape(one.name),
                "x": [one.values[right.name]],
                "y": [one.values[up.name]],
                "text": [f"{escape(one.name)}{chance}"],
                "textposition": "top right" if one.values[right.name] <= middle else "top left",
                "cliponaxis": False,
                "marker": {
                    "size": 14,
                    "color": color(index),
                    "symbol": SYMBOLS[index % len(SYMBOLS)],
                    "opacity": 1.0 if one.probability is None else 0.35 + 0.65 * one.probability,
                    "line": {"width": 3 if one.on_front else 0},
                },
                "hovertemplate": f"{escape(up.name)} %{{y:.4~g}}<br>{escape(right.name)} %{{x:.4~g}}"
                "<extra>%{fullData.name}</extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": _axis(right)}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": _axis(up)}},
        "showlegend": False,
    }
    return {"data": [line, *points] if len(found.objectives) == 2 else points, "layout": layout}


def _axis(objective: Objective) -> str:
    unit = "" if objective.name.endswith(f"_{objective.unit.lower()}") else objective.unit
    direction = "higher is better" if objective.higher_is_better else "lower is better"
    return escape(f"{' '.join(filter(None, [objective.name, unit]))} · {direction}")
