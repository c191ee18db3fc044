"""Text on its way into Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def markdown_row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def markdown_text(text: str) -> str:
    """``text`` on one line, as it is, inside GitHub's Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|])", r"\\\1", " ".join(text.split()))


def latex_table(caption: str, head: Sequence[str], groups: Iterable[Sequence[str]], notes: Iterable[str]) -> str:
    r"""A table for ``\usepackage{booktabs}``; ``head`` and ``groups`` of rows are LaTeX, ``notes`` comments."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        latex_row(head),
    ]
    for rows in groups:
        lines += [r"\midrule", *rows]
    lines += [r"\bottomrule", r"\end{tabular}", *(f"% {latex_text(note)}" for note in notes)]
    return "\n".join([*lines, r"\end{table}", ""])


def latex_row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return " & ".join(cells) + r" \\"


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    character: rf"\{character}" for character in "&%$#_{}"
}


def latex_text(text: str) -> str:
    """``text`` on one line, as it is, inside LaTeX."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _LATEX[found[0]], " ".join(text.split()))
