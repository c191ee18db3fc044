"""A comparison as tables for papers and pages: figures down, pairs of models across."""

from __future__ import annotations

from vid_diffusion_bench.comparison import Comparison, Difference, FigureComparison
from vid_diffusion_bench.report import comparison_words as words
from vid_diffusion_bench.report.markup import latex_row, latex_table, latex_text, markdown_row, markdown_text
from vid_diffusion_bench.report.numbers import signed


def comparison_markdown(comparison: Comparison) -> str:
    """A table of GitHub's Markdown; differences that were found in bold."""
    columns = words.pairs(comparison)
    lines = [
        markdown_row(["metric", *(markdown_text(words.pair_title(pair)) for pair in columns)]),
        "| --- |" + " ---: |" * len(columns),
    ]
    for figure in words.shown(comparison):
        cells = [_markdown_cell(comparison, figure, pair) for pair in columns]
        lines.append(markdown_row([markdown_text(words.label(figure)), *cells]))
    notes = [f"- {markdown_text(note)}" for note in _notes(comparison)]
    told = [*words.frontier_lines(comparison), *words.sequential_lines(comparison), *comparison.warnings]
    head = [f"{words.headline(comparison)}.", ""]
    legend = ["", f"<sub>{markdown_text(words.LEGEND)}</sub>", ""]
    return "\n".join([*head, *lines, *legend, *(f"- {markdown_text(line)}" for line in told), *notes, ""])


def _markdown_cell(comparison: Comparison, figure: FigureComparison, pair: words.Pair) -> str:
    one = words.cell(figure, pair)
    if one is None or one.difference is None:
        return "—"
    mark = words.sign(one, comparison.alpha)
    value = f"{mark} {signed(one.difference)}"
    return f"{value if mark == '·' else f'**{value}**'} {markdown_text(_beside(one))}".strip()


def _beside(one: Difference) -> str:
    return " ".join(filter(None, [words.bounds(one), words.p_text(one.p_holm)]))


def comparison_latex(comparison: Comparison) -> str:
    r"""A ``booktabs`` table (``\usepackage{booktabs}``); differences that were found in bold, intervals small."""
    columns, rows = words.pairs(comparison), []
    for figure in words.shown(comparison):
        arrow = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}[figure.higher_is_better]
        cells = [_latex_cell(comparison, figure, pair) for pair in columns]
        rows.append(latex_row([latex_text(figure.name) + arrow, *cells]))
    head = ["Metric", *(latex_text(f"{first} - {second}") for first, second in columns)]
    return latex_table(_caption(comparison), head, [rows], _notes(comparison))


def _caption(comparison: Comparison) -> str:
    return f"Paired differences with 95 % intervals; bold: p <= {comparison.alpha:g} after Holm's correction in the row"


def _latex_cell(comparison: Comparison, figure: FigureComparison, pair: words.Pair) -> str:
    one = words.cell(figure, pair)
    if one is None or one.difference is None:
        return "---"
    value = f"${signed(one.difference).replace('−', '-')}$"
    bold = value if words.sign(one, comparison.alpha) == "·" else rf"$\mathbf{{{value[1:-1]}}}$"
    beside = _beside(one).replace("−", "-")
    return rf"{bold} {{\scriptsize {latex_text(beside).replace('<', '$<$')}}}" if beside else bold


def _notes(comparison: Comparison) -> list[str]:
    """Why something is missing, each once."""
    found = [
        f"{figure.name}, {words.pair_title(pair)}: {note}"
        for figure in words.shown(comparison)
        for pair in words.pairs(comparison)
        for note in words.notes(figure, pair)
    ]
    return list(dict.fromkeys(found))
