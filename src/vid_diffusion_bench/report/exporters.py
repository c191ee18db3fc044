"""Files of numbers: JSON, CSV and Parquet for programs, Markdown and LaTeX tables for papers and pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args

from vid_diffusion_bench.comparison import Comparison, compare
from vid_diffusion_bench.exceptions import MissingDependencyError, StorageError, ValidationError
from vid_diffusion_bench.report import comparison_words
from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.report.comparison_exports import comparison_latex, comparison_markdown
from vid_diffusion_bench.report.markup import latex_row, latex_table, latex_text, markdown_row, markdown_text
from vid_diffusion_bench.results import BenchmarkResult, SampleRecord

Format = Literal["csv", "json", "parquet", "markdown", "latex"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
Rows = Literal["metrics", "samples", "differences"]


def export(
    result: BenchmarkResult,
    format: str,  # noqa: A002
    path: Path | str,
    *,
    rows: Rows = "metrics",
    folder: Path | str | None = None,
) -> Path:
    """Write ``result`` to ``path`` and give the path back.

    ``csv`` and ``parquet`` hold one row a number (``rows="metrics"``), one a clip (``rows="samples"``) or one a
    difference of two models (``rows="differences"``); ``json`` is the whole result, ``markdown`` and ``latex`` are the
    ranking table, or, with ``differences``, the comparison. ``folder`` is where the run lies, if not where it was made.

    Raises:
        ValidationError: No such format, or differences of models that have no prompts in common.
        MissingDependencyError: ``parquet`` without pyarrow.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    if format not in FORMATS:
        raise ValidationError(f"no export format {format!r}", remedy=f"formats are {', '.join(FORMATS)}")
    if rows == "differences":
        comparison = compare([(result, Path(folder))] if folder else [result])
        write_file(path, render_comparison(comparison, format))
    else:
        write_file(path, _render(result, format, rows))
    return path


def render_comparison(comparison: Comparison, format: str) -> bytes:  # noqa: A002
    """A comparison in one of :data:`FORMATS`.

    Raises:
        ValidationError: Nothing was compared.
        MissingDependencyError: ``parquet`` without pyarrow.
    """
    if comparison.reason:
        raise ValidationError(f"no differences: {comparison.reason}", remedy="give runs of two models or more")
    match format:
        case "json":
            return f"{comparison.model_dump_json(indent=2)}\n".encode()
        case "csv":
            return _csv(list(comparison_words.rows(comparison)))
        case "parquet":
            return _parquet(list(comparison_words.rows(comparison)))
        case "markdown":
            return comparison_markdown(comparison).encode()
        case _:
            return comparison_latex(comparison).encode()


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and the folder it lies in.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


def _render(result: BenchmarkResult, format: str, rows: Rows) -> bytes:  # noqa: A002
    match format:
        case "json":
            return f"{result.model_dump_json(indent=2)}\n".encode()
        case "csv":
            return _csv(list(table_rows(result, rows)))
        case "parquet":
            return _parquet(list(table_rows(result, rows)))
        case "markdown":
            return markdown(result).encode()
        case _:
            return latex(result).encode()


def table_rows(result: BenchmarkResult, rows: Rows) -> Iterator[dict[str, Any]]:
    """Flat rows with the same keys in each: one a number, or one a clip."""
    return _metric_rows(result) if rows == "metrics" else _sample_rows(result)


def _metric_rows(result: BenchmarkResult) -> Iterator[dict[str, Any]]:
    for model in result.models:
        for kind, numbers in (("quality", model.metric_results), ("performance", model.performance_results)):
            for name, cell in numbers.items():
                low, high = cell.confidence_interval or (None, None)
                yield {
                    "model": model.model_name,
                    "kind": kind,
                    "metric": name,
                    "label": cell.label or name,
                    "value": cell.value,
                    "ci_low": low,
                    "ci_high": high,
                    "n": cell.n,
                    "total": cell.total,
                    "unit": cell.unit,
                    "higher_is_better": cell.higher_is_better,
                    "reason": cell.reason or cell.interval_reason,
                    "protocol_fingerprint": cell.protocol_fingerprint,
                    "benchmark_id": result.benchmark_id,
                }


def _sample_rows(result: BenchmarkResult) -> Iterator[dict[str, Any]]:
    records = [record for model in result.models for record in model.records]
    metrics = sorted({name for record in records for name in record.scores})
    stages = sorted({name for record in records if record.cost for name in record.cost.stages})
    for record in records:
        yield _sample_row(record, metrics, stages)


def _sample_row(record: SampleRecord, metrics: list[str], stages: list[str]) -> dict[str, Any]:
    cost, clip, failure = record.cost, record.clip, record.failure
    row: dict[str, Any] = {
        "key": record.key,
        "model": record.model,
        "prompt_id": record.prompt_id,
        "prompt": record.prompt,
        "index": record.index,
        "seed": record.seed,
        "status": record.status,
        "failure_code": failure.code if failure else None,
        "failure": failure.message if failure else None,
        "clip_sha256": clip.sha256 if clip else None,
        "latency_s": cost.latency if cost else None,
        "batch_size": cost.batch_size if cost else None,
        "peak_rss_bytes": cost.peak_rss if cost else None,
        "peak_vram_bytes": cost.peak_vram if cost else None,
        "flags": " ".join(record.flags),
    }
    row |= {f"stage_{name}_s": cost.stages.get(name) if cost else None for name in stages}
    scores = {name: record.scores.get(name) for name in metrics}
    return row | {name: score.value if score else None for name, score in scores.items()}


def _csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError("Parquet files need pyarrow", remedy="pip install pyarrow") from error
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


def markdown(result: BenchmarkResult) -> str:
    """The ranking as a table of GitHub's Markdown: a row a metric, a column a model, best in bold."""
    board = Board.of(result)
    lines = [markdown_row(["metric", *map(markdown_text, board.models)]), "| --- |" + " ---: |" * len(board.models)]
    for column in board.columns:
        label = " ".join(filter(None, [column.title, column.unit, column.arrow]))
        lines.append(markdown_row([label, *(_markdown_cell(column, model) for model in board.models)]))
    notes = [f"- `{name}`: {markdown_text(reason)}" for name, reason in _reasons(board)]
    return "\n".join([*lines, *(["", "Not measured:", "", *notes] if notes else []), ""])


def _markdown_cell(column: Column, model: str) -> str:
    value = f"**{column.value(model)}**" if model in column.best else column.value(model)
    return f"{value} {column.interval(model)}".strip()


def latex(result: BenchmarkResult) -> str:
    r"""The ranking as a ``booktabs`` table (``\usepackage{booktabs}``), best in bold, intervals small."""
    board = Board.of(result)
    groups = [[column for column in board.columns if column.group == group] for group in ("quality", "performance")]
    rows = [[latex_row(_latex_cells(column, board.models)) for column in columns] for columns in groups if columns]
    head = ["Metric", *map(latex_text, board.models)]
    notes = [f"{name}: {reason}" for name, reason in _reasons(board)]
    return latex_table(f"Benchmark {result.benchmark_id}", head, rows, notes)


def _latex_cells(column: Column, models: list[str]) -> list[str]:
    arrow = {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "": ""}[column.arrow]
    unit = f"({latex_text(column.unit)})" if column.unit else ""
    return [" ".join(filter(None, [latex_text(column.title), unit, arrow])), *(_latex_cell(column, m) for m in models)]


def _latex_cell(column: Column, model: str) -> str:
    value = column.value(model).replace("—", "---")
    bold = rf"\textbf{{{value}}}" if model in column.best else value
    bounds = column.interval(model)
    return rf"{bold} {{\scriptsize {bounds}}}" if bounds else bold


def _reasons(board: Board) -> list[tuple[str, str]]:
    """What was not measured and why, each once."""
    cells = [cell for column in board.columns for cell in column.cells.values() if cell.value is None]
    return list(dict.fromkeys((cell.name, cell.reason or "") for cell in cells))
