"""The gate's result in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.gate import words
from vid_diffusion_bench.gate.result import Check, GateResult
from vid_diffusion_bench.report.footnotes import Footnotes

_STYLES = {"pass": "bold green", "regression": "bold red", "not comparable": "bold yellow"}
_SIGN_STYLES = {"pass": "green", "regression": "bold red", "undecided": "yellow", "reported": ""}


class GateTable:
    """Verdict and reasons first, then a row a check."""

    def __init__(self, found: GateResult) -> None:
        self.found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, footnotes = self.found, Footnotes()
        yield Text(words.VERDICTS[found.verdict], style=_STYLES[found.verdict])
        for line in found.reasons:
            yield Text(line)
        yield Text("; ".join(words.pairing(found)), style="dim")
        if found.checks:
            yield Text()
            yield _table(found, footnotes)
            yield Text()
            yield Text(words.LEGEND, style="dim")
        yield from footnotes.lines()
        for line in [*found.cohort_differences, *found.warnings]:
            yield Text(f"! {line}", style="yellow")


def terminal(found: GateResult) -> RenderableType:
    """A rich renderable of the result."""
    return GateTable(found)


def _table(found: GateResult, footnotes: Footnotes) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column("", no_wrap=True)
    for title in ("baseline", "candidate", "difference", "limit"):
        table.add_column(title, justify="right")
    for group, title in words.TITLES.items():
        if checks := found.group(group):
            if table.row_count:
                table.add_section()
            table.add_row(Text(title, style="bold cyan", overflow="fold"))
            for check in checks:
                table.add_row(*_row(check, footnotes))
    return table


def _row(check: Check, footnotes: Footnotes) -> list[Text]:
    sign = words.SIGNS[check.outcome] or " "
    label = Text.assemble((f"{sign} ", _SIGN_STYLES[check.outcome]), words.name(check))
    for note in words.notes(check):
        label.append(footnotes.mark(note))
    cells = (words.value(check.baseline), words.value(check.candidate), words.difference(check), words.limit(check))
    return [label, *(Text(cell.replace(" [", "\n[")) for cell in cells)]
