"""Text on its way into Markdown and LaTeX."""

from __future__ import annotations

import re


def markdown_row(cells: list[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def markdown_text(text: str) -> str:
    """``text`` on one line, as it is, inside GitHub's Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|])", r"\\\1", " ".join(text.split()))


def latex_row(cells: list[str]) -> str:
    """A row of a table."""
    return " & ".join(cells) + r" \\"


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    character: rf"\{character}" for character in "&%$#_{}"
}


def latex_text(text: str) -> str:
    """``text`` on one line, as it is, inside LaTeX."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _LATEX[found[0]], " ".join(text.split()))
