"""``vid-bench export``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from vid_diffusion_bench.cli.reply import Reply


def export(
    folder: Path | None = None,
    /,
    *,
    format: Literal["csv", "json", "parquet", "markdown", "latex"],  # noqa: A002 - the option's name
    output: Path,
    rows: Literal["metrics", "samples", "differences"] = "metrics",
) -> Reply:
    """Write a run's numbers to a file.

    Args:
        folder: Folder of a run. Default: the last run.
        format: What to write. Markdown and LaTeX are the ranking table, JSON is everything.
        output: The file to write.
        rows: For csv and parquet: one row a number, one a clip, or one a difference of two models. With
            differences, the other formats hold the comparison too.
    """
    from vid_diffusion_bench import report
    from vid_diffusion_bench.cli.last_run import last_run
    from vid_diffusion_bench.storage import load_result

    folder = folder or last_run()
    path = report.export(load_result(folder), format, output, rows=rows, folder=folder)
    return Reply({"output": str(path), "format": format, "run": str(folder)}, f"Wrote {path} from {folder}")
