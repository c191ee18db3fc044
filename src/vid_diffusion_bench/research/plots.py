"""Plots of an analysis, as plain Plotly figures that the report's page draws."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from vid_diffusion_bench.report.plots import PALETTE, SYMBOLS
from vid_diffusion_bench.research.analysis import LevelMean, MetricAnalysis

Figure = dict[str, Any]


def main_effects(metric: MetricAnalysis) -> dict[str, Figure]:
    """A figure a factor: the mean at each level with its interval."""
    factors = dict.fromkeys(mean.factors[0] for mean in metric.means if len(mean.factors) == 1)
    return {
        factor: _lines([("", [mean for mean in metric.means if mean.factors == [factor]])], factor, metric.metric)
        for factor in factors
    }


def interactions(metric: MetricAnalysis) -> dict[str, Figure]:
    """A figure a pair of factors: the first across, a line for each level of the second."""
    pairs = dict.fromkeys(tuple(mean.factors) for mean in metric.means if len(mean.factors) == 2)
    figures = {}
    for first, second in pairs:
        cells = [mean for mean in metric.means if mean.factors == [first, second]]
        levels = dict.fromkeys(cell.levels[1] for cell in cells)
        lines = [(f"{second} = {level}", [cell for cell in cells if cell.levels[1] == level]) for level in levels]
        figures[f"{first}:{second}"] = _lines(lines, first, metric.metric)
    return figures


def _lines(lines: list[tuple[str, list[LevelMean]]], factor: str, metric: str) -> Figure:
    numeric = all(mean.x is not None for _, means in lines for mean in means)
    traces = [_line(name, means, number, numeric=numeric) for number, (name, means) in enumerate(lines)]
    levels = [mean.levels[0] for mean in lines[0][1]]
    ticks = {"tickvals": [mean.x for mean in lines[0][1]], "ticktext": levels} if numeric else {"type": "category"}
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": escape(factor)}, **ticks},
            "yaxis": {"title": {"text": escape(metric)}},
            "showlegend": len(lines) > 1,
        },
    }


def _line(name: str, means: list[LevelMean], number: int, *, numeric: bool) -> Figure:
    bars = [(m.interval[1] - m.mean, m.mean - m.interval[0]) if m.interval else (0.0, 0.0) for m in means]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escape(name),
        "x": [m.x if numeric else escape(m.levels[0]) for m in means],
        "y": [m.mean for m in means],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [up for up, _ in bars],
            "arrayminus": [down for _, down in bars],
            "thickness": 1.5,
        },
        "line": {"color": PALETTE[number % len(PALETTE)], "width": 2},
        "marker": {"size": 10, "symbol": SYMBOLS[number % len(SYMBOLS)]},
        "hovertemplate": "%{x}: %{y:.4~g}<extra>%{fullData.name}</extra>",
    }


def residuals(metric: MetricAnalysis) -> Figure | None:
    """Residuals against fitted values, coloured by condition; ``None`` where there are none."""
    conditions = list(dict.fromkeys(entry.condition for entry in metric.residuals))
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": condition,
            "x": [entry.fitted for entry in metric.residuals if entry.condition == condition],
            "y": [entry.residual for entry in metric.residuals if entry.condition == condition],
            "text": [escape(entry.block[:80]) for entry in metric.residuals if entry.condition == condition],
            "marker": {"size": 6, "color": PALETTE[number % len(PALETTE)], "opacity": 0.7},
            "hovertemplate": "%{text}<br>fitted %{x:.4~g}, residual %{y:.4~g}<extra>%{fullData.name}</extra>",
        }
        for number, condition in enumerate(conditions)
    ]
    layout = {
        "xaxis": {"title": {"text": "fitted"}},
        "yaxis": {"title": {"text": "residual"}},
        "showlegend": len(conditions) <= 6,
    }
    return {"data": traces, "layout": layout} if traces else None


def quantiles(metric: MetricAnalysis) -> Figure | None:
    """Residuals in their order against normal quantiles; on the line they are normal."""
    from scipy.special import ndtri

    values = np.sort([entry.residual for entry in metric.residuals])
    if len(values) < 3 or not np.ptp(values):
        return None
    # Blom's plotting positions (1958).
    expected = ndtri((np.arange(1, len(values) + 1) - 0.375) / (len(values) + 0.25)) * values.std(ddof=1)
    ends = [float(expected[0]), float(expected[-1])]
    dots = {"type": "scatter", "mode": "markers", "name": "residuals", "x": expected.tolist(), "y": values.tolist()}
    line = {"type": "scatter", "mode": "lines", "name": "normal", "x": ends, "y": ends, "hoverinfo": "skip"}
    return {
        "data": [
            {**line, "line": {"dash": "dot", "width": 2, "color": "#888888"}},
            {**dots, "marker": {"size": 6, "color": PALETTE[0], "opacity": 0.7}},
        ],
        "layout": {
            "xaxis": {"title": {"text": "normal quantile × standard deviation"}},
            "yaxis": {"title": {"text": "residual"}},
            "showlegend": False,
        },
    }
