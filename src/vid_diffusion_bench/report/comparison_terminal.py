"""A comparison in the terminal: figures down, pairs of models across, as many side by side as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.comparison import Comparison, FigureComparison
from vid_diffusion_bench.report import comparison_words as words
from vid_diffusion_bench.report.footnotes import Footnotes
from vid_diffusion_bench.report.numbers import signed

_LABEL_WIDTH, _CELL_WIDTH = 24, 24
_STYLES = {"▲": "bold green", "▼": "bold magenta", "≠": "bold", "·": "dim"}


class ComparisonTable:
    """Differences, then the frontier, the looks, and what has to be known beside them."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, footnotes = self.comparison, Footnotes()
        yield Text(words.TITLE, style="bold")
        yield Text(words.headline(found), style="dim")
        figures = words.shown(found)
        if figures:
            across = max(1, (options.max_width - _LABEL_WIDTH) // _CELL_WIDTH)
            columns = words.pairs(found)
            for start in range(0, len(columns), across):
                yield Text()
                yield _table(found, figures, columns[start : start + across], footnotes)
            yield Text()
            yield Text(words.LEGEND, style="dim")
        for line in [*words.frontier_lines(found), *words.sequential_lines(found)]:
            yield Text(line)
        for line in _margins(found):
            yield Text(line)
        yield from footnotes.lines()
        for line in found.warnings:
            yield Text(f"! {line}", style="yellow")


def comparison_table(comparison: Comparison) -> ComparisonTable:
    """A rich renderable of the comparison."""
    return ComparisonTable(comparison)


def _table(
    found: Comparison, figures: Sequence[FigureComparison], columns: Sequence[words.Pair], footnotes: Footnotes
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column("", no_wrap=True, max_width=_LABEL_WIDTH)
    for first, second in columns:
        table.add_column(Text(f"{first} −\n{second}", overflow="ellipsis"), justify="right", max_width=_CELL_WIDTH + 8)
    for group, title in (("quality", "Quality"), ("performance", "Speed and memory")):
        rows = [figure for figure in figures if figure.group == group]
        if not rows:
            continue
        if table.row_count:
            table.add_section()
        table.add_row(Text(title, style="bold cyan"))
        for figure in rows:
            name = Text(words.label(figure))
            if figure.remark:
                name.append(footnotes.mark(f"{figure.name}: {figure.remark}"))
            table.add_row(name, *(_cell(found, figure, pair, footnotes) for pair in columns))
    return table


def _cell(found: Comparison, figure: FigureComparison, pair: words.Pair, footnotes: Footnotes) -> Text:
    one = words.cell(figure, pair)
    text = Text()
    if one is None or one.difference is None:
        text.append("—")
    else:
        mark = words.sign(one, found.alpha)
        text.append(f"{mark} {signed(one.difference)}", style=_STYLES[mark])
        if one.p_holm is not None:
            text.append(f", {words.p_text(one.p_holm)}", style="dim")
    for note in words.notes(figure, pair):
        text.append(footnotes.mark(note))
    if one is not None and one.confidence_interval:
        text.append(f"\n{words.bounds(one)}", style="dim")
    return text


def _margins(found: Comparison) -> list[str]:
    return [
        f"{figure.name}, {words.pair_title((one.first, one.second))}: {words.margin_text(one)}"
        for figure in found.figures
        for one in figure.differences
        if one.margin
    ]
