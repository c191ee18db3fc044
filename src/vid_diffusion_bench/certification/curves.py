"""Response curves: a small one for a cell of the matrix, and those of one metric for the plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from vid_diffusion_bench.certification.certificate import MetricCertificate, Response, RungInfo

COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
"""Okabe and Ito's palette, which colour-blind readers tell apart; yellow and black are left to the page."""
DASHES = ("solid", "dash", "dot")
WIDTH, HEIGHT, MARGIN = 64.0, 22.0, 3.0


def spark(response: Response) -> Markup:
    """The changes over the rungs as a line from 0, scaled to the largest of them; nothing where there are none."""
    changes = [0.0, *(rung.change for rung in response.rungs if rung.change is not None)]
    low, high = min(changes), max(changes)
    if len(changes) < 2 or low == high:
        return Markup("")
    step = (WIDTH - 2 * MARGIN) / (len(changes) - 1)
    scale = (HEIGHT - 2 * MARGIN) / (high - low)
    points = [(MARGIN + index * step, MARGIN + (high - change) * scale) for index, change in enumerate(changes)]
    zero = MARGIN + high * scale
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" aria-hidden="true"><line x1="0" x2="{}" y1="{}" y2="{}"/>'
        '<polyline points="{}"/><circle cx="{}" cy="{}" r="2.2"/></svg>'
    ).format(WIDTH, HEIGHT, WIDTH, round(zero, 1), round(zero, 1), line, *(round(at, 1) for at in points[-1]))


def figures(metrics: Sequence[MetricCertificate], distortions: Sequence[RungInfo]) -> dict[str, Any]:
    """Metric to Plotly figure: a curve a distortion, rungs evenly spaced, changes in yardsticks where there is one."""
    titles = {entry.name: entry.title for entry in distortions}
    return {metric.name: _figure(metric, titles) for metric in metrics if metric.responses}


def _figure(metric: MetricCertificate, titles: dict[str, str]) -> dict[str, Any]:
    traces = [
        _trace(response, titles[response.distortion], index, metric.yardstick)
        for index, response in enumerate(metric.responses)
    ]
    unit = "change in yardsticks" if metric.yardstick else f"change in {metric.unit or 'its own unit'}"
    ticks = {"tickvals": list(range(5)), "ticktext": ["undistorted", "1st", "2nd", "3rd", "4th strength"]}
    layout = {
        "xaxis": {**ticks, "range": [-0.1, 4.15], "zeroline": False},
        "yaxis": {"title": {"text": unit}, "zeroline": True},
    }
    return {"data": traces, "layout": layout}


def _trace(response: Response, title: str, index: int, yardstick: float | None) -> dict[str, Any]:
    seen = [rung for rung in response.rungs if rung.change is not None]
    color = COLORS[index % len(COLORS)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": title,
        "x": list(range(len(seen) + 1)),
        "y": [0.0, *((rung.change or 0.0) / (yardstick or 1.0) for rung in seen)],
        "text": ["undistorted", *(rung.strength for rung in seen)],
        "line": {"color": color, "dash": DASHES[index // len(COLORS) % len(DASHES)], "width": 2},
        "marker": {"size": 8, "symbol": index % 6},
        "hovertemplate": "%{text}<br>%{y:.3~g}<extra>%{fullData.name}</extra>",
    }
