"""The result in one sentence that claims no more than the numbers carry."""

from __future__ import annotations

from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.results import BenchmarkResult, MetricResult


def headline(board: Board) -> str:
    """Who is first, by what, and whether the intervals set them apart from the next."""
    column = board.ranked_by
    if column is None:
        return "Nothing could be measured"
    first, *others = column.order()
    value = f"{column.title} {column.value(first)}"
    if not others:
        return f"{first}: {value}"
    if tied := [model for model in others if _overlap(column.cells[first], column.cells[model])]:
        return f"{first} is first by {column.title}, not clearly ahead of {' and '.join(tied[:2])}"
    return f"{first} leads with {value}"


def verdict(board: Board) -> str:
    """The second sentence: the runner-up and the two intervals."""
    column = board.ranked_by
    if column is None or len(column.order()) < 2:
        return ""
    first, second = column.order()[:2]
    apart = "overlap" if _overlap(column.cells[first], column.cells[second]) else "do not overlap"
    if not (column.cells[first].confidence_interval and column.cells[second].confidence_interval):
        return f"{second} follows with {column.value(second)}; without intervals for both the order may be chance."
    return f"{_stated(column, first)} against {_stated(column, second)} for {second}: the 95 % intervals {apart}."


def scope(result: BenchmarkResult) -> str:
    """What was measured: ``3 models × 24 prompts, 72 of 72 clips usable``."""
    records = [record for model in result.models for record in model.records]
    usable = sum(record.status == "completed" for record in records)
    prompts = len(set(result.config.prompts))
    repeats = result.config.samples_per_prompt
    parts = [_count(len(result.models), "model"), _count(prompts, "prompt")]
    if repeats > 1:
        parts.append(_count(repeats, "seed"))
    return f"{' × '.join(parts)}: {usable} of {_count(len(records), 'clip')} usable"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _stated(column: Column, model: str) -> str:
    return f"{column.value(model)} {column.interval(model)}".strip()


def _overlap(one: MetricResult, other: MetricResult) -> bool:
    """Whether the intervals meet; results without an interval are never set apart."""
    if one.confidence_interval is None or other.confidence_interval is None:
        return True
    return (
        one.confidence_interval[0] <= other.confidence_interval[1]
        and other.confidence_interval[0] <= one.confidence_interval[1]
    )
