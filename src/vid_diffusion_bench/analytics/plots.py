"""Trends drawn as vectors: a point a benchmark, a line a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from vid_diffusion_bench.analytics.figures import Figure
from vid_diffusion_bench.analytics.period import Span
from vid_diffusion_bench.report.plots import color

LEFT, BOTTOM, TOP, RIGHT = 46.0, 20.0, 6.0, 8.0
"""Points around the plot for its labels."""
TICKS: Final = 4
_GREY: Final = "#8a8f98"
_GRID: Final = "#e6e8eb"


def trend(series: dict[str, list[Figure]], span: Span, width: float, height: float) -> Any:
    """A ReportLab drawing of ``width`` x ``height`` points; time to the right, over the whole of ``span``."""
    from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, String
    from reportlab.lib.colors import HexColor

    drawing = Drawing(width, height)
    ticks = nice([figure.value for figures in series.values() for figure in figures])
    low, high = ticks[0], ticks[-1]

    def at(moment: float, value: float) -> tuple[float, float]:
        x = LEFT + (moment - span.start) / (span.end - span.start) * (width - LEFT - RIGHT)
        return x, BOTTOM + (value - low) / (high - low) * (height - BOTTOM - TOP)

    def text(x: float, y: float, words: str, anchor: str) -> None:
        drawing.add(String(x, y, words, fontName="Helvetica", fontSize=7, fillColor=HexColor(_GREY), textAnchor=anchor))

    for tick in ticks:
        _, y = at(span.start, tick)
        drawing.add(Line(LEFT, y, width - RIGHT, y, strokeColor=HexColor(_GRID), strokeWidth=0.6))
        text(LEFT - 5, y - 2.4, f"{tick:,.10g}", "end")
    for part in range(TICKS + 1):
        moment = span.start + part / TICKS * (span.end - span.start)
        x, _ = at(moment, low)
        text(x, 6, _day(moment, span), "start" if not part else "end" if part == TICKS else "middle")
    for index, figures in enumerate(series.values()):
        ink = HexColor(color(index))
        places = [at(figure.at, figure.value) for figure in figures]
        if len(places) > 1:
            path = [number for place in places for number in place]
            drawing.add(PolyLine(path, strokeColor=ink, strokeWidth=1.1, strokeLineJoin=1))
        for x, y in places:
            drawing.add(Circle(x, y, 1.9, fillColor=ink, strokeColor=HexColor("#ffffff"), strokeWidth=0.4))
    return drawing


def nice(values: Sequence[float]) -> list[float]:
    """About :data:`TICKS` round numbers that hold all of ``values`` between the first and the last."""
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _day(moment: float, span: Span) -> str:
    day = 86400.0
    shown = datetime.fromtimestamp(moment, UTC)
    return shown.strftime("%d %b" if span.end - span.start > 2 * day else "%H:%M")
