"""The HTML report: one file that opens from disk, with no network."""

from __future__ import annotations

import base64
import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.comparison import Comparison, compare
from vid_diffusion_bench.report import comparison_words, numbers, plots
from vid_diffusion_bench.report.board import LATENCY, Board, Column
from vid_diffusion_bench.report.clips import gallery
from vid_diffusion_bench.report.comparison_plots import difference_plots, frontier_plot
from vid_diffusion_bench.report.exporters import write_file
from vid_diffusion_bench.report.frame import assets, render
from vid_diffusion_bench.report.headline import headline, scope, verdict
from vid_diffusion_bench.results import BenchmarkResult, SampleRecord

MAX_PROMPTS = 32
MAX_CLIP_BYTES = 24_000_000
MAX_SAMPLE_ROWS = 2_000


def html(
    result: BenchmarkResult,
    run_folder: Path | str,
    path: Path | str,
    *,
    max_prompts: int = MAX_PROMPTS,
    comparison: Comparison | None = None,
) -> Path:
    """Write the report of ``result`` to ``path``; previews are read from ``run_folder``.

    At most ``max_prompts`` prompts play on the page (it says so when there are more, and where the rest is). The
    ``comparison`` of several models is made if it is not given.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(path)
    page = render("report.html.j2", _context(result, Path(run_folder), path, max_prompts, comparison))
    write_file(path, page.encode("utf-8", "replace"))
    return path


def _context(
    result: BenchmarkResult, folder: Path, path: Path, max_prompts: int, comparison: Comparison | None
) -> dict[str, Any]:
    board = Board.of(result)
    if comparison is None and len(result.models) > 1:
        comparison = compare([(result, folder)])
    names = [model.model_name for model in result.models]
    records = [record for model in result.models for record in model.records]
    return {
        "result": result,
        "version": __version__,
        "board": board,
        "groups": {"Quality": board.group("quality"), "Speed and memory": board.group("performance")},
        "headline": headline(board),
        "verdict": verdict(board),
        "scope": scope(result),
        "cards": _cards(result, board),
        "colors": {name: plots.color(index) for index, name in enumerate(names)},
        "bar": _bar,
        "gallery": gallery(result, board.models, folder, max_prompts=max_prompts, max_bytes=MAX_CLIP_BYTES),
        "folder": quote(os.path.relpath(folder / "previews", path.parent).replace(os.sep, "/")),
        "score_names": _score_names(records),
        "samples": sorted(records, key=lambda record: (record.prompt, record.index, board.models.index(record.model))),
        "max_samples": MAX_SAMPLE_ROWS,
        "failures": _failures(records),
        "figures": {
            "trade_offs": plots.trade_offs(board, names),
            "stages": plots.stage_times(result, board.models),
            "untimed": plots.untimed(result, board.models),
            "differences": difference_plots(comparison) if comparison else [],
            "plots": {"frontier-plot": frontier_plot(comparison) if comparison else None},
        },
        "comparison": comparison,
        "words": comparison_words,
        "config_yaml": config_yaml(result),
        "config_uri": "data:text/yaml;base64," + base64.b64encode(config_yaml(result).encode()).decode(),
        **assets(),
    }


def _cards(result: BenchmarkResult, board: Board) -> list[tuple[str, str, str]]:
    """The figures at the top: title, value, remark."""
    cards = []
    if board.ranked_by:
        first = board.ranked_by.order()[0]
        cards.append((f"Best {board.ranked_by.title}", board.ranked_by.value(first), first))
    latency = board.column(LATENCY)
    if latency:
        fastest = latency.order()[0]
        seconds = (latency.cells[fastest].value or 0.0) / 1000
        cards.append(("Fastest clip (mean)", numbers.duration(seconds), fastest))
    if board.ranked_by and latency and board.ranked_by is not latency:
        front = board.frontier(board.ranked_by, latency)
        cards.append(("On the Pareto frontier", f"{len(front)} of {len(board.models)}", ", ".join(front)))
    records = [record for model in result.models for record in model.records]
    usable = sum(record.status == "completed" for record in records)
    cards.append(("Usable clips", f"{usable:,} of {len(records):,}", "failed ones count in the coverage"))
    return [*cards, ("Time taken", numbers.duration(result.execution_time), f"status: {result.status}")]


def _score_names(records: list[SampleRecord]) -> list[str]:
    """Metrics that have a value for at least one clip (set metrics have none)."""
    scored = [(name, score) for record in records for name, score in record.scores.items()]
    return list(dict.fromkeys(name for name, score in scored if score.value is not None))


def _bar(column: Column, model: str) -> dict[str, float] | None:
    """Where a model's interval lies on its column's axis, in per cent; ``None`` where there is nothing to draw."""
    cell, span = column.cells.get(model), column.span()
    if cell is None or cell.value is None or span is None or span[0] == span[1]:
        return None
    low, high = cell.confidence_interval or (cell.value, cell.value)
    scale = 100 / (span[1] - span[0])
    return {name: round((at - span[0]) * scale, 2) for name, at in (("low", low), ("at", cell.value), ("high", high))}


def _failures(records: list[SampleRecord]) -> list[tuple[str, int, list[SampleRecord]]]:
    """Failed samples by code, the most frequent first."""
    failed = [record for record in records if record.failure]
    counts = Counter(record.failure.code for record in failed if record.failure)
    return [(code, n, [r for r in failed if r.failure and r.failure.code == code]) for code, n in counts.most_common()]


def config_yaml(result: BenchmarkResult) -> str:
    """The configuration as the YAML that ``vid-bench run --config`` takes."""
    fields = result.config.model_dump(mode="json", include=result.config.model_fields_set)
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
