"""The table in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.report.footnotes import Footnotes
from vid_diffusion_bench.report.headline import headline, scope, verdict
from vid_diffusion_bench.report.numbers import duration
from vid_diffusion_bench.results import BenchmarkResult

_TITLES = {"quality": "Quality", "performance": "Speed and memory"}
_LABEL_WIDTH, _CELL_WIDTH = 24, 18


class ResultTable:
    """Metrics down, models across, best first; as many models side by side as the terminal is wide."""

    def __init__(self, result: BenchmarkResult) -> None:
        self.result = result
        self.board = Board.of(result)
        self.footnotes = Footnotes()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.footnotes = Footnotes()
        yield Text(headline(self.board), style="bold")
        yield Text(" ".join(filter(None, [verdict(self.board), f"{scope(self.result)}."])), style="dim")
        yield Text()
        labels = max(_LABEL_WIDTH, options.max_width // 3)
        across = max(1, (options.max_width - labels) // _CELL_WIDTH)
        for start in range(0, len(self.board.models), across):
            yield self._table(self.board.models[start : start + across], labels)
        yield Text()
        yield self._footer()

    def _table(self, models: list[str], labels: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        table.add_column("", no_wrap=True, max_width=labels)
        for model in models:
            rank = self.board.models.index(model) + 1
            table.add_column(Text(f"{rank} {model}", overflow="ellipsis"), justify="right", max_width=_CELL_WIDTH + 8)
        for name, title in _TITLES.items():
            self._add_group(table, title, [c for c in self.board.columns if c.group == name], models)
        return table

    def _add_group(self, table: Table, title: str, columns: list[Column], models: list[str]) -> None:
        if not columns:
            return
        if table.row_count:
            table.add_section()
        table.add_row(Text(title, style="bold cyan"))
        for column in columns:
            table.add_row(_label(column), *(self._cell(column, model) for model in models))

    def _cell(self, column: Column, model: str) -> Text:
        cell = column.cells.get(model)
        best = model in column.best
        text = Text.assemble(("★ " if best else "", "yellow"), (column.value(model), "bold green" if best else ""))
        if cell is None:
            return text.append(self.footnotes.mark("measured under another protocol, see its own row"))
        if cell.value is None:
            return text.append(self.footnotes.mark(cell.reason or ""))
        for warning in cell.warnings:
            text.append(self.footnotes.mark(warning))
        if beside := column.beside(model):
            text.append(f"\n{beside}", style="dim")
        return text

    def _footer(self) -> RenderableType:
        lines = [
            Text(
                "↑ higher is better, ↓ lower; [95 % confidence interval]; floor: real against real at that N; ★ best",
                style="dim",
            )
        ]
        lines += self.footnotes.lines()
        if len(self.result.manifests) == 1:
            manifest = next(iter(self.result.manifests.values()))
            lines.append(Text(f"On {manifest.device_name or manifest.processor}, {manifest.precision}", style="dim"))
        lines.append(Text(f"Took {duration(self.result.execution_time)}; status: {self.result.status}", style="dim"))
        return Group(*lines)


def table(result: BenchmarkResult) -> ResultTable:
    """A rich renderable of the result: ranking, intervals, and a footnote for every number that is missing."""
    return ResultTable(result)


def _label(column: Column) -> Text:
    text = Text(column.title)
    return text.append(f" {column.arrow}" if column.arrow else "", style="dim")
