"""A verification in the terminal: the verdict, what does not agree by name, then a row a check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.disclosure.verification import CANNOT, DIFFERS, EXACT, WITHIN, Check, Difference, Verification
from vid_diffusion_bench.report.footnotes import Footnotes

SHOWN: Final = 20
"""Differences that are printed; ``--json`` has them all."""
_OUTCOME_WIDTH: Final = len(WITHIN)
_WIDEST: Final = 1000
_STYLES: Final = {EXACT: "green", WITHIN: "green", DIFFERS: "bold red", CANNOT: "yellow"}
_VERDICTS: Final = {
    "verified": ("VERIFIED: everything agrees", "bold green"),
    "partly verified": (
        "PARTLY VERIFIED: nothing differs, and not everything could be checked here",
        "bold yellow",
    ),
    "does not agree": ("DOES NOT AGREE", "bold red"),
}


def terminal(found: Verification) -> RenderableType:
    """A rich renderable of the verification."""
    text, style = _VERDICTS[found.verdict]
    footnotes = Footnotes()
    table = _Checks([_row(check, footnotes) for check in found.checks])
    differences = found.differences
    more = len(differences) - SHOWN
    parts: list[RenderableType] = [
        Text(text, style=style),
        Text(f"run {printable(found.benchmark_id)}, bundle {found.sha256}", style="dim", overflow="fold"),
        *(_difference(entry) for entry in differences[:SHOWN]),
        *([Text(f"  and {more} more; --json lists them all", style="red")] if more > 0 else []),
        Text(),
        table,
        Text(),
        *footnotes.lines(),
        *(Text(f"! {printable(line)}", style="yellow") for line in found.notes),
    ]
    return Group(*parts)


def printable(text: str) -> str:
    """Without control characters: a bundle's texts are not to move the cursor of who reads them."""
    return "".join(character if character.isprintable() else " " for character in text)


def _difference(entry: Difference) -> Text:
    stated, seen = (str(value) for value in (entry.stated, entry.found))
    said = f": stated {stated}, found {seen}" if (entry.stated, entry.found) != (None, None) else ""
    return Text.assemble(("✗ ", "bold red"), printable(f"{entry.what}{said}"))


@dataclass(frozen=True)
class _Checks:
    """The table. Where it is wider than the terminal the outcomes are folded, so that names keep their room."""

    rows: Sequence[_Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        table = self._table()
        folded = console.measure(table, options=options.update(max_width=_WIDEST)).maximum > options.max_width
        yield self._table(_OUTCOME_WIDTH) if folded else table

    def _table(self, outcome_width: int | None = None) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        table.add_column("", no_wrap=True)
        table.add_column("checked", overflow="fold")
        table.add_column("outcome", overflow="fold", width=outcome_width)
        table.add_column("compared", justify="right")
        part = ""
        for row in self.rows:
            if part and row.part != part:
                table.add_section()
            shown, part = ("" if row.part == part else row.part), row.part
            table.add_row(Text(shown, style="bold cyan"), row.name, row.outcome, row.compared)
        return table


@dataclass(frozen=True)
class _Row:
    part: str
    name: Text
    outcome: Text
    compared: Text


def _row(check: Check, footnotes: Footnotes) -> _Row:
    outcome = Text(check.outcome, style=_STYLES[check.outcome])
    if check.outcome == DIFFERS:
        outcome.append(f": {len(check.differences)}")
    if check.outcome == WITHIN and check.tolerance is not None:
        note = f"relative tolerance {check.tolerance:g}: {check.tolerance_reason}"
        outcome.append(f" ({check.largest:.1g})").append(footnotes.mark(note))
    elif check.outcome == WITHIN:
        outcome.append(footnotes.mark(check.tolerance_reason))
    if check.detail:
        outcome.append(footnotes.mark(printable(check.detail)))
    return _Row(check.part, Text(printable(check.name)), outcome, Text(str(check.n or "")))
