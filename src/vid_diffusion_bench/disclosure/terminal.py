"""A verification in the terminal: the verdict, what does not agree by name, then a row a check."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.disclosure.verification import CANNOT, DIFFERS, EXACT, WITHIN, Check, Difference, Verification
from vid_diffusion_bench.report.footnotes import Footnotes

SHOWN: Final = 20
"""Differences that are printed; ``--json`` has them all."""
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
    table = _table(found.checks, footnotes)
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


def _table(checks: list[Check], footnotes: Footnotes) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for title in ("", "checked", "outcome"):
        table.add_column(title, overflow="fold")
    table.add_column("compared", justify="right")
    part = ""
    for check in checks:
        if part and check.part != part:
            table.add_section()
        shown, part = ("" if check.part == part else check.part), check.part
        table.add_row(Text(shown, style="bold cyan"), *_row(check, footnotes))
    return table


def _row(check: Check, footnotes: Footnotes) -> list[Text]:
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
    return [Text(printable(check.name)), outcome, Text(str(check.n or ""))]
