"""Plots of a search as plain Plotly figures; the page's script draws and colours them for the theme."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import Any

from vid_diffusion_bench.ai_optimization.result import Confirmed, OptimizationResult, Trial
from vid_diffusion_bench.report.plots import PALETTE

_TRIED, _BEST, _FRESH, _DEFAULT = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[7]


def figures(result: OptimizationResult) -> dict[str, Any]:
    """Every plot of the page by its place."""
    made: dict[str, Any] = {}
    for index, axis in enumerate(result.axes):
        made[f"history-{axis['name']}"] = history(result, index)
    if len(result.axes) > 1:
        made["front"] = front(result)
    if result.importance:
        made["importance"] = importance(result)
    for name in varied(result):
        made[f"parameter-{name}"] = parameter(result, name)
    return made


def words(setting: dict[str, Any]) -> str:
    """A setting as one line."""
    return ", ".join(f"{name} {_short(value)}" for name, value in setting.items()) or "the model's own"


def varied(result: OptimizationResult) -> list[str]:
    """Parameters that took more than one value."""
    settings = [trial.setting for trial in complete(result)]
    names = dict.fromkeys(name for setting in settings for name in setting)
    return [name for name in names if len({repr(setting.get(name)) for setting in settings}) > 1]


def complete(result: OptimizationResult) -> list[Trial]:
    """The settings that were measured on all prompts."""
    return [trial for trial in result.trials if trial.state == "complete"]


def history(result: OptimizationResult, axis: int) -> dict[str, Any]:
    """Value of each setting in the order tried, and the best so far."""
    trials = complete(result)
    numbers = [1 + result.trials.index(trial) for trial in trials]
    values = [trial.values[axis] for trial in trials]
    best = list(accumulate(values, max if result.axes[axis]["maximize"] else min))
    default = _value(result, axis)
    return {
        "data": [
            _points(numbers, values, "setting", _TRIED, [words(t.setting) for t in trials]),
            {"type": "scatter", "mode": "lines", "name": "best so far", "x": numbers, "y": best, "hoverinfo": "skip",
             "line": {"color": _BEST, "shape": "hv", "width": 2}},
            {"type": "scatter", "mode": "lines", "name": "the model's own", "x": [numbers[0], numbers[-1]],
             "y": [default, default], "line": {"color": _DEFAULT, "dash": "dot", "width": 2}, "hoverinfo": "skip"},
        ],
        "layout": {
            "xaxis": {"title": {"text": "setting, in the order tried"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": _name(result.axes[axis])}},
        },
    }  # fmt: skip


def front(result: OptimizationResult) -> dict[str, Any]:
    """The two axes against each other: what the search saw, and what fresh seeds say with their intervals."""
    trials = complete(result)
    texts = [words(trial.setting) for trial in trials]
    seen = _points([t.values[1] for t in trials], [t.values[0] for t in trials], "in the search", _TRIED, texts)
    seen["marker"] |= {"size": 8, "opacity": 0.5}
    fresh = [found for found in result.selection if found.measured]
    line = sorted((p for found in result.front if (p := _place(found))), key=lambda place: place[0])
    return {
        "data": [
            seen,
            {"type": "scatter", "mode": "lines", "name": "front on fresh seeds", "x": [x for x, _ in line],
             "y": [y for _, y in line], "line": {"dash": "dot", "width": 2, "shape": "hv", "color": _FRESH},
             "hoverinfo": "skip"},
            *(_confirmed(found) for found in fresh),
        ],
        "layout": {
            "xaxis": {"title": {"text": _title(result.axes[1])}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": _title(result.axes[0])}},
            "showlegend": False,
        },
    }  # fmt: skip


def importance(result: OptimizationResult) -> dict[str, Any]:
    """A bar a parameter, least important first so that the most important is on top; a colour an axis."""
    names = list(reversed(list(dict.fromkeys(name for shares in result.importance.values() for name in shares))))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": f"for {axis}",
                "y": [escape(name) for name in names],
                "x": [100 * shares.get(name, 0.0) for name in names],
                "marker": {"color": PALETTE[index]},
                "hovertemplate": "%{y}: %{x:.1f} %<extra>%{fullData.name}</extra>",
            }
            for index, (axis, shares) in enumerate(result.importance.items())
        ],
        "layout": {"xaxis": {"title": {"text": "importance in %"}, "rangemode": "tozero"}, "barmode": "group"},
    }


def parameter(result: OptimizationResult, name: str) -> dict[str, Any]:
    """The first axis against one parameter."""
    trials = [trial for trial in complete(result) if name in trial.setting]
    x = [trial.setting[name] for trial in trials]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in x)
    shown = x if numeric else [escape(str(value)) for value in x]
    texts = [words(trial.setting) for trial in trials]
    return {
        "data": [_points(shown, [trial.values[0] for trial in trials], "setting", _TRIED, texts)],
        "layout": {
            "xaxis": {"title": {"text": escape(name)}, "type": "linear" if numeric else "category"},
            "yaxis": {"title": {"text": _name(result.axes[0])}},
        },
    }


def _points(x: Sequence[Any], y: Sequence[float], name: str, color: str, texts: list[str]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "text": [escape(text) for text in texts],
        "marker": {"size": 9, "color": color},
        "hovertemplate": "%{text}<br>%{y:.4~g}<extra></extra>",
    }


def _confirmed(found: Confirmed) -> dict[str, Any]:
    own = not found.setting
    x, y = _place(found) or (None, None)
    spans = {c.axis: c.interval for c in found.comparisons}
    return {
        "type": "scatter",
        "mode": "markers+text" if own else "markers",
        "x": [x],
        "y": [y],
        "text": [escape(words(found.setting))],
        "textposition": "top center",
        "error_x": _bar(x, spans.get("latency")),
        "error_y": _bar(y, spans.get("quality")),
        "marker": {"size": 14, "color": _DEFAULT if own else _FRESH, "symbol": "diamond" if own else "circle",
                   "line": {"width": 3 if found.on_front else 0}},
        "hovertemplate": "%{text}, on fresh seeds<br>%{x:.4~g} ms, %{y:.4~g}<extra></extra>",
    }  # fmt: skip


def _place(found: Confirmed) -> tuple[float, float] | None:
    if found.measured is None or found.measured.quality is None:
        return None
    return found.measured.latency_ms, found.measured.quality


def _bar(value: float | None, interval: tuple[float, float] | None) -> dict[str, Any]:
    if value is None or interval is None:
        return {"visible": False}
    above, below = max(0.0, interval[1] - value), max(0.0, value - interval[0])
    return {"type": "data", "symmetric": False, "array": [above], "arrayminus": [below], "thickness": 1.2}


def _value(result: OptimizationResult, axis: int) -> float | None:
    """The default setting's figure on the seeds of the search."""
    name, default = result.axes[axis]["name"], result.default
    if name == "efficiency":
        return None if default.quality is None else 1000 * default.quality / default.latency_ms
    own = {"quality": default.quality, "latency": default.latency_ms, "memory": default.memory_gb, "balanced": 0.0}
    return own[name]


def _name(axis: dict[str, Any]) -> str:
    return f"{axis['name']} {axis['unit']}".strip()


def _title(axis: dict[str, Any]) -> str:
    return f"{axis['name']} {axis['unit']} · {'higher' if axis['maximize'] else 'lower'} is better".replace("  ", " ")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
