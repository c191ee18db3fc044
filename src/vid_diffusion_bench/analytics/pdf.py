"""A report as PDF, by ReportLab: tables with intervals and N, and a plot of each metric over time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.analytics.plots import trend
from vid_diffusion_bench.analytics.report import MetricPart, MetricRow, Report
from vid_diffusion_bench.exceptions import MissingDependencyError
from vid_diffusion_bench.report.plots import color

ABSENT: Final = "\u2013"
MARGIN, WIDTH = 42.0, 595.28 - 2 * 48.0
"""Points; A4 is 595.28 wide, and the frame has padding."""
_PADDING: Final = 6.0
"""Of ReportLab's frames."""
PLOT_HEIGHT: Final = 118.0
_INK, _GREY, _RULE, _HEAD = "#1c1f24", "#5c636e", "#d5d9de", "#f3f5f7"


def render(found: Report) -> bytes:
    """The PDF.

    Raises:
        MissingDependencyError: ReportLab is not installed.
    """
    try:
        from reportlab.platypus import SimpleDocTemplate
    except ImportError as error:
        raise MissingDependencyError(
            "PDF reports need ReportLab", remedy="pip install 'vid-diffusion-bench[pdf]'"
        ) from error
    target = io.BytesIO()
    around = {f"{side}Margin": MARGIN for side in ("left", "right", "top", "bottom")}
    document = SimpleDocTemplate(target, pagesize=(595.28, 841.89), title=f"Benchmarks, {found.period}", **around)
    document.build(list(_Writer().story(found)), onFirstPage=_foot, onLaterPages=_foot)
    return target.getvalue()


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.setFillColor(_GREY)
    canvas.drawString(
        MARGIN + _PADDING, 26, f"vid-bench {__version__} \u00b7 95 % intervals \u00b7 one protocol a table"
    )
    canvas.drawRightString(MARGIN + _PADDING + WIDTH, 26, f"page {document.page}")


class _Writer:
    """Makes flowables in one style."""

    def __init__(self) -> None:
        from reportlab.lib.styles import ParagraphStyle

        plain = ParagraphStyle("plain", fontName="Helvetica", fontSize=8.5, leading=11, textColor=_INK)
        self._styles = {
            "plain": plain,
            "title": ParagraphStyle("title", plain, fontName="Helvetica-Bold", fontSize=20, leading=25),
            "heading": ParagraphStyle(
                "heading", plain, fontName="Helvetica-Bold", fontSize=12, leading=15, spaceBefore=14, spaceAfter=3
            ),
            "note": ParagraphStyle(
                "note", plain, fontSize=7.5, leading=9.5, textColor=_GREY, spaceBefore=2, spaceAfter=3
            ),
            "cell": ParagraphStyle("cell", plain, fontSize=8, leading=9.5),
            "big": ParagraphStyle("big", plain, fontName="Helvetica-Bold", fontSize=16, leading=19),
        }

    def story(self, found: Report) -> Iterator[Any]:
        """Everything, from top to bottom."""
        from reportlab.platypus import KeepTogether, Spacer

        yield self._text("Benchmark analytics", "title")
        since, until = (datetime.fromtimestamp(at, UTC).strftime("%d %B %Y, %H:%M") for at in vars(found.span).values())
        yield self._text(f"{since} to {until} UTC ({found.period})", "plain")
        yield Spacer(0, 10)
        yield self._headline(found)
        yield KeepTogether([self._text("Models", "heading"), self._outcomes(found)])
        yield self._text(
            "Success is the share of completed among completed and failed benchmarks, with Wilson's interval.", "note"
        )
        for part in found.metrics:
            yield KeepTogether(list(self._metric(part, found)))

    def _headline(self, found: Report) -> Any:
        shown = [
            (f"{found.total:,}", "benchmarks ended"),
            (_change(found.usage_change), "against the period before"),
            (_percent(found.success_rate), "succeeded"),
            (f"{len(found.models)}", "models"),
            (f"{len(found.metrics)}", "metrics"),
        ]
        cells = [[self._text(value, "big"), self._text(name, "note")] for value, name in shown]
        return self._table([cells], [WIDTH / len(cells)] * len(cells), head=False)

    def _outcomes(self, found: Report) -> Any:
        head = ["model", "completed", "failed", "cancelled", "success", "95 % interval"]
        rows = [
            [
                self._model(row.model, index), f"{row.completed}", f"{row.failed}", f"{row.cancelled}",
                _percent(row.success_rate),
                f"{_percent(row.interval[0])} to {_percent(row.interval[1])}" if row.interval else ABSENT,
            ]
            for index, row in enumerate(found.outcomes)
        ]  # fmt: skip
        return self._table([head, *rows], [WIDTH - 360, 65, 55, 65, 60, 115])

    def _metric(self, part: MetricPart, found: Report) -> Iterator[Any]:
        from reportlab.platypus import Spacer

        better = {True: ", higher is better", False: ", lower is better", None: ""}[part.higher_is_better]
        yield self._text(f"{part.metric}{f' ({part.unit})' if part.unit else ''}", "heading")
        yield self._text(f"protocol {part.protocol}{better}", "note")
        head = ["model", "mean", "95 % interval", "benchmarks", "clips", "vs before"]
        rows = [self._metric_row(row, index) for index, row in enumerate(part.rows)]
        yield self._table([head, *rows], [WIDTH - 360, 70, 125, 65, 45, 55])
        yield Spacer(0, 6)
        yield trend(part.series, found.span, WIDTH, PLOT_HEIGHT)
        for words in _notes(part):
            yield self._text(words, "note")

    def _metric_row(self, row: MetricRow, index: int) -> list[Any]:
        bounds = f"{_number(row.interval[0])} to {_number(row.interval[1])}" if row.interval else ABSENT
        mean = ABSENT if row.found.value is None else _number(row.found.value)
        return [self._model(row.model, index), mean, bounds, f"{row.found.n}", f"{row.clips}", _change(row.change)]

    def _model(self, name: str, index: int) -> Any:
        from reportlab.platypus import Paragraph

        dot = f'<font color="{color(index)}">\u2022</font>'
        return Paragraph(f"{dot} {escape(name)}", self._styles["cell"])

    def _text(self, words: str, style: str) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph(escape(words), self._styles[style])

    def _table(self, rows: Sequence[Sequence[Any]], widths: Sequence[float], *, head: bool = True) -> Any:
        from reportlab.platypus import Table, TableStyle

        rules = [
            ("FONT", (0, 0), (-1, -1), "Helvetica", 8),
            ("TEXTCOLOR", (0, 0), (-1, -1), _INK),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
        if head:
            rules += [("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 7.5), ("BACKGROUND", (0, 0), (-1, 0), _HEAD)]
        else:
            rules += [("BACKGROUND", (0, 0), (-1, -1), _HEAD), ("BOTTOMPADDING", (0, 0), (-1, -1), 7)]
        return Table(rows, widths, style=TableStyle(rules), repeatRows=int(head), hAlign="LEFT")


def _notes(part: MetricPart) -> Iterator[str]:
    """What goes with the table: why intervals are missing, what was tested, what was left out."""
    for row in part.rows:
        if row.why:
            yield f"{row.model}: no interval, {row.why}."
    yield from _tests(part)
    if part.others:
        left = ", ".join(f"{name} ({count})" for name, count in sorted(part.others.items()))
        yield f"Left out, of other protocols: {left}."


def _tests(part: MetricPart) -> Iterator[str]:
    if part.pairs and all(pair.p_value is None and not pair.n for pair in part.pairs):
        yield "No paired test: no two models have values of single clips with the same prompts and seeds."
        return
    for pair in part.pairs:
        names = f"{pair.models[0]} \u2212 {pair.models[1]}"
        if pair.p_value is None:
            yield f"{names}: not tested; {pair.reason}."
            continue
        bounds = f" [{_number(pair.interval[0])}, {_number(pair.interval[1])}]" if pair.interval else ""
        verdict = "a difference" if pair.significant else "no difference shown"
        yield (
            f"{names}: {_number(pair.difference or 0.0)}{bounds} over {pair.n} clips of {pair.prompts} prompts with "
            f"the same seeds; {pair.test}, p = {pair.p_value:.2g} (Holm): {verdict}."
        )


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _change(share: float | None) -> str:
    return ABSENT if share is None else f"{100 * share:+.1f} %"


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{100 * share:.1f} %"
