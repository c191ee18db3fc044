"""``vid-bench metrics``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import DONE, FAILED, Reply
from vid_diffusion_bench.exceptions import MetricComputationError, VidBenchError

if TYPE_CHECKING:
    from rich.text import Text

    from vid_diffusion_bench.metrics import Metric

app = App(name="metrics", help="List and explain metrics; compute them on any folders of videos.")
WITHOUT_REFERENCE = ("temporal_consistency", "temporal_flickering", "dynamic_degree", "motion_smoothness")
WITH_REFERENCE = ("fvd", *WITHOUT_REFERENCE)


@app.command(name="list")
def list_all() -> Reply:
    """List the metrics, their variants, and whether each could run now."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.metrics import MetricRegistry

    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [_described(name, metric) for name, metric in MetricRegistry.every().items()]
    lines = [_listed(row) for row in sorted(rows, key=lambda row: _order(row, rows))]
    for at, title in enumerate(("metric", "status", "what it is")):
        # The last column gives way where the terminal is narrow.
        least = None if title == "what it is" else max(cell.cell_len for cell in [Text(title), *(x[at] for x in lines)])
        table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=least)
    for line in lines:
        table.add_row(*line)
    more = "Ask for a variant as metric:variant; `vid-bench metrics info NAME` says more."
    note = Text(f"\n↑ higher is better, ↓ lower. {more}", style="dim")
    broken = [f"{row['name']}: {row['unavailable']}" for row in rows if row["unavailable"] and not row["needs"]]
    return Reply({"metrics": rows}, Group(table, *([Text("")] * bool(broken)), *broken, note))


def _listed(row: dict[str, Any]) -> list[Text]:
    from rich.text import Text

    arrow = {True: " ↑", False: " ↓", None: ""}[row["higher_is_better"]]
    _, _, variant = row["name"].partition(":")
    name = Text(f"  :{variant}") if variant else Text.assemble(row["name"], (arrow, "dim"))
    if row["needs"]:
        status = Text(f"needs {row['needs']}", style="yellow")
    elif row["unavailable"]:
        status = Text("broken", style="red")
    else:
        status = Text("ready", style="green")
    return [name, status, Text() if variant else Text(_first_line(row))]


def _order(row: dict[str, Any], rows: list[dict[str, Any]]) -> int:
    """Variants stand under their metric."""
    metric = row["name"].partition(":")[0]
    return next(index for index, other in enumerate(rows) if other["name"].partition(":")[0] == metric)


def _first_line(described: dict[str, Any]) -> str:
    return " ".join(str(described["description"]).split("\n\n")[0].replace("``", "").split())


@app.command
def info(name: str, /) -> Reply:
    """Explain a metric: its formula, what it needs, how it is summed up.

    Args:
        name: A name or alias.
    """
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.metrics import MetricRegistry

    described = _described(MetricRegistry.resolve(name), MetricRegistry.get(name))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for field, value in described.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        if value not in (None, "", []):
            table.add_row(Text(field.replace("_", " "), style="bold"), Text(text, overflow="fold"))
    return Reply(described, table)


def _described(name: str, metric: Metric) -> dict[str, Any]:
    from vid_diffusion_bench.metrics import BrokenMetric, lacking
    from vid_diffusion_bench.metrics.availability import with_remedy

    lacks = lacking(metric)
    broken = isinstance(metric, BrokenMetric) or isinstance(lacks, MetricComputationError)
    return {
        "name": name,
        "label": metric.label,
        "description": (inspect.getdoc(type(metric)) or "").partition("\n\nArgs:")[0],
        "formula": metric.formula,
        "aggregation": metric.aggregation,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "extractors": list(metric.needs),
        "uses_reference": metric.uses_reference,
        "version": metric.version,
        "needs": _needed(lacks) if lacks and not broken else None,
        "unavailable": with_remedy(lacks) if lacks else None,
    }


def _needed(lacks: VidBenchError) -> str:
    """The weights or the library, by name."""
    return str(lacks.details.get("weights") or lacks.details.get("dependency") or lacks.message)


@app.command
def compute(
    *, generated: Path, real: Path | None = None, metrics: Names = None, subsample: bool = False, workers: int = 1
) -> Reply:
    """Score a folder of video files, by itself or against a folder of real ones.

    Clips are mp4, webm, mov, avi, gif and mkv files, or folders of still frames. Prompts are read from prompts.json
    (file name to prompt) or NAME.txt beside the clips. A broken file is named, counted and skipped.

    Args:
        generated: Folder of the videos to score.
        real: Folder of real videos, for metrics that compare; paired metrics take the file of the same name.
        metrics: Metrics by name. Default: those that need neither prompts nor pairs.
        subsample: Let set metrics cut the larger folder to the size of the smaller.
        workers: Processes that score; they share the cores.
    """
    from rich.console import Group

    from vid_diffusion_bench.cli.progress import scoring

    names = metrics or list(WITH_REFERENCE if real else WITHOUT_REFERENCE)
    with scoring(generated, real) as (progress, reference_progress):
        from vid_diffusion_bench.scoring import score_folders

        scores = score_folders(
            real,
            generated,
            names,
            subsample=subsample,
            workers=workers,
            progress=progress,
            reference_progress=reference_progress,
        )
    data = {
        "results": {name: result.model_dump(mode="json") for name, result in scores.results.items()},
        "broken": scores.broken,
        "broken_reference": scores.broken_reference,
        "notes": scores.notes,
        "notes_reference": scores.notes_reference,
    }
    broken = [*scores.broken.items(), *((f"{key} (real)", why) for key, why in scores.broken_reference.items())]
    lines = [f"skipped {key}: {why}" for key, why in broken]
    noted = [(scores.notes, "clip"), (scores.notes_reference, "real clip")]
    lines += [
        f"note, {len(keys)} {what}{'s' * (len(keys) != 1)}: {note}"
        for notes, what in noted
        for note, keys in notes.items()
    ]
    measured = any(result.value is not None for result in scores.results.values())
    return Reply(data, Group(*lines, _table(scores.results)), DONE if measured else FAILED)


def _table(results: dict[str, Any]) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.report import numbers
    from vid_diffusion_bench.report.footnotes import Footnotes

    footnotes = Footnotes()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("metric", "value", "95 % interval, or N and floor", "clips"):
        table.add_column(title, justify="left" if title == "metric" else "right", no_wrap=title == "metric")
    for result in results.values():
        digits = numbers.decimals([result])
        value = Text(numbers.number(result.value, digits))
        for note in filter(None, [result.reason, *result.warnings]):
            value.append(footnotes.mark(note))
        arrow = {True: " ↑", False: " ↓", None: ""}[result.higher_is_better]
        beside = numbers.beside(result, digits) or numbers.ABSENT
        table.add_row(Text(f"{result.label}{arrow}"), value, beside, f"{result.n} of {result.total}")
    return Group(table, Text(), *footnotes.lines())


app.command("vid_diffusion_bench.cli.certify:certify", name="certify")
