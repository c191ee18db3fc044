"""The gate's result as a comment on a pull request: verdict first, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vid_diffusion_bench.gate import words
from vid_diffusion_bench.gate.result import Check, GateResult, Verdict
from vid_diffusion_bench.report.markup import markdown_text

_MARKS: Final[dict[Verdict, str]] = {"pass": "✅", "regression": "❌", "not comparable": "⚠️"}


def markdown(found: GateResult) -> str:
    """The summary, with a line break at its end."""
    lines = [f"## {_MARKS[found.verdict]} {words.VERDICTS[found.verdict]}", ""]
    lines += [f"{markdown_text(reason)}  " for reason in found.reasons]
    lines += ["", f"{markdown_text('; '.join(words.pairing(found)))}.", ""]
    lines += _table(found)
    if notes := list(_notes(found)):
        lines += ["<details><summary>Notes</summary>", "", *notes, "", "</details>", ""]
    sides = (("baseline", found.baseline), ("candidate", found.candidate))
    lines.append(
        " · ".join(f"{name}: {markdown_text(side.model)}, {markdown_text(side.benchmark_id)}" for name, side in sides)
    )
    return "\n".join(lines) + "\n"


def _table(found: GateResult) -> list[str]:
    if not found.checks:
        return []
    head = ["| | check | baseline | candidate | difference | limit |", "| :-: | --- | --: | --: | --: | --: |"]
    return [*head, *_rows(found), "", f"<sub>{markdown_text(words.LEGEND)}</sub>", ""]


def _rows(found: GateResult) -> Iterator[str]:
    for group, title in words.TITLES.items():
        checks = found.group(group)
        if checks:
            yield f"| | **{title}** | | | | |"
        yield from map(_row, checks)


def _row(check: Check) -> str:
    name = markdown_text(words.name(check))
    cells = (
        words.SIGNS[check.outcome],
        f"**{name}**" if check.outcome == "regression" else name,
        *map(
            markdown_text,
            (words.value(check.baseline), words.value(check.candidate), words.difference(check), words.limit(check)),
        ),
    )
    return f"| {' | '.join(cells)} |"


def _notes(found: GateResult) -> Iterator[str]:
    for check in found.checks:
        if notes := words.notes(check):
            yield f"- {markdown_text(check.name)}: {markdown_text('; '.join(notes))}"
    for line in [*found.cohort_differences, *found.warnings]:
        yield f"- {markdown_text(line)}"
