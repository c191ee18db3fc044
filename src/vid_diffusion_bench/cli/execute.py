"""Runs a configuration for a command: progress while it runs, Ctrl-C, the report, and what is printed at the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from vid_diffusion_bench.cli.interrupt import stop_on_interrupt
from vid_diffusion_bench.cli.last_run import remember
from vid_diffusion_bench.cli.options import RunOptions
from vid_diffusion_bench.cli.progress import Watcher, watch
from vid_diffusion_bench.cli.reply import DONE, FAILED, INTERRUPTED, Reply
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import BenchmarkResult

if TYPE_CHECKING:
    from vid_diffusion_bench.comparison import Comparison, Question

REPORT, COMPARISON = "report.html", "comparison.json"


@dataclass(frozen=True)
class Sequential:
    """A run that may stop early on ``metric``, in so many ``looks``, with a total error of ``alpha``."""

    metric: str
    looks: int
    alpha: float


def execute(
    config: BenchmarkConfig,
    options: RunOptions,
    copy_to: Path | None = None,
    *,
    question: Question | None = None,
    sequential: Sequential | None = None,
) -> Reply:
    """Run, write the report into the run's folder, and reply with the table; with a ``question``, compare too."""
    if sequential and not options.score:
        raise ValidationError("a run that is not scored cannot stop early", remedy="leave out --no-score")
    folder = Path(config.output_dir)
    with watch() as listener, stop_on_interrupt(listener.say) as stop:
        result = _run(config, options, sequential, listener, stop)
    return finish(result, folder, copy_to, question)


def _run(
    config: BenchmarkConfig,
    options: RunOptions,
    sequential: Sequential | None,
    listener: Watcher,
    stop: threading.Event,
) -> BenchmarkResult:
    from vid_diffusion_bench import engine

    if sequential is None:
        return engine.run(config, listener=listener, stop=stop, score=options.score, retry_failed=options.retry_failed)
    return engine.run_until_clear(
        config,
        sequential.metric,
        looks=sequential.looks,
        alpha=sequential.alpha,
        listener=listener,
        stop=stop,
        retry_failed=options.retry_failed,
    )


def finish(
    result: BenchmarkResult, folder: Path, copy_to: Path | None = None, question: Question | None = None
) -> Reply:
    """Write what people look at, and remember the folder as the last run.

    A comparison is written to ``comparison.json`` of the folder, and into the metadata of ``copy_to`` and the reply.
    """
    from vid_diffusion_bench import report

    found, complaint = _compared(result, folder, question)
    page = report.html(result, folder, folder / REPORT, comparison=found)
    remember(folder)
    told = result
    if found:
        report.write_file(folder / COMPARISON, f"{found.model_dump_json(indent=1)}\n".encode())
        told = result.model_copy(update={"metadata": {**result.metadata, "comparison": found.model_dump(mode="json")}})
    if copy_to:
        report.write_file(copy_to, told.model_dump_json(indent=1).encode())
    written = Text.assemble("Report: ", (str(page), "bold"), f"\nNumbers: {copy_to or folder / 'results.json'}")
    sheet = report.ContactSheet(result, folder)
    compared: list[RenderableType] = ["", report.comparison_table(found)] if found else []
    remarks = [*_remarks(result), *([Text(complaint, style="red")] if complaint else [])]
    view = Group("", report.table(result), *compared, "", sheet, *remarks, written)
    return Reply(told.model_dump(mode="json"), view, exit_code(result) or (FAILED if complaint else DONE))


def _compared(result: BenchmarkResult, folder: Path, question: Question | None) -> tuple[Comparison | None, str | None]:
    """The comparison of several models, where one was asked for; what cannot be answered of it is a complaint.

    Clips are made by now, so that a question without an answer must not cost the report.
    """
    if question is None or len(result.models) < 2 or result.status == "interrupted":
        return None, None
    from vid_diffusion_bench.comparison import Question, compare

    runs = [(result, folder)]
    try:
        return compare(runs, question=question), None
    except ValidationError as error:
        return compare(runs, question=Question(alpha=question.alpha)), f"Not answered. {error.message}"


def exit_code(result: BenchmarkResult) -> int:
    """Done only if the run went to its end and every model made at least one clip."""
    if result.status == "interrupted":
        return INTERRUPTED
    if result.status != "completed" or any(not model.success_rate for model in result.models):
        return FAILED
    return DONE


def _remarks(result: BenchmarkResult) -> list[Text]:
    """What must not be overlooked: models that failed, an unfinished run."""
    lines = [
        Text(f"{model.model_name} could not be run. {model.error.code}: {model.error.message}", style="red")
        for model in result.models
        if model.error
    ]
    if result.status == "interrupted":
        lines.append(Text("Interrupted; the same command continues where it stopped.", style="yellow"))
    return lines
