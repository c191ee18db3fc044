"""Runs a configuration for a command: progress while it runs, Ctrl-C, the report, and what is printed at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.console import Group
from rich.text import Text

from vid_diffusion_bench.cli.interrupt import stop_on_interrupt
from vid_diffusion_bench.cli.last_run import remember
from vid_diffusion_bench.cli.options import RunOptions
from vid_diffusion_bench.cli.progress import watch
from vid_diffusion_bench.cli.reply import DONE, FAILED, INTERRUPTED, Reply
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.results import BenchmarkResult

REPORT = "report.html"


def execute(config: BenchmarkConfig, options: RunOptions, copy_to: Path | None = None) -> Reply:
    """Run, write the report into the run's folder, and reply with the table."""
    folder = Path(config.output_dir)
    with watch() as listener, stop_on_interrupt(listener.say) as stop:
        from vid_diffusion_bench import engine

        result = engine.run(
            config, listener=listener, stop=stop, score=options.score, retry_failed=options.retry_failed
        )
    return finish(result, folder, copy_to)


def finish(result: BenchmarkResult, folder: Path, copy_to: Path | None = None) -> Reply:
    """Write what people look at, and remember the folder as the last run."""
    from vid_diffusion_bench import report

    page = report.html(result, folder, folder / REPORT)
    remember(folder)
    if copy_to:
        _copy(folder / "results.json", copy_to)
    written = Text.assemble("Report: ", (str(page), "bold"), f"\nNumbers: {copy_to or folder / 'results.json'}")
    sheet = report.ContactSheet(result, folder)
    view = Group("", report.table(result), "", sheet, *_remarks(result), written)
    return Reply(result.model_dump(mode="json"), view, exit_code(result))


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


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}") from error
