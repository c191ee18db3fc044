"""Plots as plain Plotly figures: data the page's script draws and colours for the theme."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from statistics import fmean
from typing import Any

from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.report.numbers import compact
from vid_diffusion_bench.results import BenchmarkResult, MetricResult

# Okabe and Ito's palette, which the common kinds of colour blindness keep apart; symbols say the same again.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#6E6E6E")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
# Paul Tol's high-contrast scheme, so that a stage is not taken for a model.
STAGE_PALETTE = ("#004488", "#DDAA33", "#BB5566", "#44AA99", "#8A8A8A", "#882255")
COSTS = ("avg_latency_ms", "peak_vram_gb", "peak_ram_gb")


def color(index: int) -> str:
    """Colour of the model at ``index`` in the order asked for, so that it does not change with the rank."""
    return PALETTE[index % len(PALETTE)]


def trade_offs(board: Board, names: list[str]) -> list[dict[str, Any]]:
    """Figures of each quality metric against each cost, with the Pareto frontier; the ranking metric first."""
    qualities = [c for c in board.group("quality") if c.measured and c.higher_is_better is not None]
    costs = [c for name in COSTS for c in board.columns if c.name == name and c.measured]
    return [
        {"quality": quality.title, "cost": cost.title, "figure": _scatter(board, quality, cost, names)}
        for quality in qualities
        for cost in costs
        if set(quality.measured) & set(cost.measured)
    ]


def _scatter(board: Board, quality: Column, cost: Column, names: list[str]) -> dict[str, Any]:
    front = board.frontier(quality, cost)
    middle = max(cell.value or 0.0 for cell in cost.measured.values()) / 2
    traces = [
        _point(quality, cost, model, names.index(model), on_front=model in front, middle=middle)
        for model in board.models
        if model in quality.measured and model in cost.measured
    ]
    return {
        "data": [frontier_line([_place(quality, cost, model) for model in front]), *traces],
        "layout": {
            "xaxis": {"title": {"text": _axis(cost)}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": _axis(quality)}},
            "showlegend": False,
        },
    }


def _place(quality: Column, cost: Column, model: str) -> tuple[float, float]:
    return cost.measured[model].value or 0.0, quality.measured[model].value or 0.0


def frontier_line(points: Iterable[tuple[float, float]], *, larger_x_is_better: bool = False) -> dict[str, Any]:
    """Steps along what is beaten by none of the ``points`` (x, y): what x buys lasts until the next point."""
    ordered = sorted(points)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto frontier",
        "x": [x for x, _ in ordered],
        "y": [y for _, y in ordered],
        "line": {"dash": "dot", "width": 2, "shape": "vh" if larger_x_is_better else "hv", "color": "#888888"},
        "hoverinfo": "skip",
    }


def _point(quality: Column, cost: Column, model: str, index: int, *, on_front: bool, middle: float) -> dict[str, Any]:
    """A point, its name beside it on the side where the plot has room."""
    x, y = cost.measured[model], quality.measured[model]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": escape(model),
        "x": [x.value],
        "y": [y.value],
        "error_x": _error_bar(x),
        "error_y": _error_bar(y),
        "text": [escape(model)],
        "textposition": "top right" if (x.value or 0.0) <= middle else "top left",
        "cliponaxis": False,
        "marker": {
            "size": 14,
            "color": color(index),
            "symbol": SYMBOLS[index % len(SYMBOLS)],
            "line": {"width": 3 if on_front else 0},
        },
        "hovertemplate": f"{quality.title} %{{y:.4~g}}<br>{cost.title} %{{x:.4~g}}"
        + ("<br>on the Pareto frontier" if on_front else "")
        + "<extra>%{fullData.name}</extra>",
    }


def _error_bar(cell: MetricResult) -> dict[str, Any]:
    if cell.confidence_interval is None or cell.value is None:
        return {"visible": False}
    low, high = cell.confidence_interval
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - cell.value)],
        "arrayminus": [max(0.0, cell.value - low)],
        "thickness": 1.5,
    }


def _axis(column: Column) -> str:
    direction = {True: "higher is better", False: "lower is better", None: ""}[column.higher_is_better]
    return " · ".join(filter(None, [" ".join(filter(None, [column.title, column.unit])), direction]))


def stage_times(result: BenchmarkResult, models: list[str]) -> dict[str, Any] | None:
    """Mean seconds a clip of each stage, stacked, a bar a model; ``None`` where no stage was timed."""
    means = {model: _stage_means(result, model) for model in reversed(models)}
    stages = list(dict.fromkeys(stage for times in means.values() for stage in times))
    if not stages:
        return None
    shown = [model for model, times in means.items() if times]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": stage.replace("_", " "),
            "y": [escape(model) for model in shown],
            "x": [means[model].get(stage, 0.0) for model in shown],
            "text": [f"{compact(means[model][stage])} s" if stage in means[model] else "" for model in shown],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "marker": {"color": STAGE_PALETTE[index % len(STAGE_PALETTE)]},
            "hovertemplate": "%{y}: %{x:.4~g} s<extra>%{fullData.name}</extra>",
        }
        for index, stage in enumerate(stages)
    ]
    layout = {
        "barmode": "stack",
        "legend": {"orientation": "h", "y": 1.2, "traceorder": "normal"},
        "uniformtext": {"minsize": 10, "mode": "hide"},
        "xaxis": {"title": {"text": "seconds a clip (mean)"}},
    }
    return {"data": traces, "layout": layout}


def untimed(result: BenchmarkResult, models: list[str]) -> list[str]:
    """Models that made clips but have no stages."""
    return [model for model in models if result.model(model).success_rate and not _stage_means(result, model)]


def _stage_means(result: BenchmarkResult, model: str) -> dict[str, float]:
    costs = [record.cost for record in result.model(model).records if record.status == "completed" and record.cost]
    stages = list(dict.fromkeys(stage for cost in costs for stage in cost.stages))
    return {stage: fmean(cost.stages.get(stage, 0.0) for cost in costs) for stage in stages}
