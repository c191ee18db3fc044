"""Numbered notes under a table: each said once, marked wherever it holds."""

from __future__ import annotations

from rich.text import Text


class Footnotes:
    """Notes in the order in which they are first marked."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def mark(self, note: str) -> Text:
        """The mark of ``note``, to stand behind a number."""
        if note not in self.notes:
            self.notes.append(note)
        return Text(f" {_superscript(self.notes.index(note) + 1)}", style="yellow")

    def lines(self) -> list[Text]:
        """The notes, each behind its mark."""
        return [Text(f"{_superscript(number)} {note}", style="yellow") for number, note in enumerate(self.notes, 1)]


def _superscript(number: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number))
