"""``vid-bench report``."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.exceptions import ValidationError


def report(folder: Path | None = None, /, *, output: Path | None = None, max_prompts: int = 32) -> Reply:
    """Write the HTML report of a run: one file that opens from disk with no network.

    Args:
        folder: Folder of a run. Default: the last run.
        output: The file to write. Default: report.html in the run's folder.
        max_prompts: Prompts whose clips are put into the page.
    """
    if max_prompts < 0:
        raise ValidationError(f"--max-prompts is {max_prompts}", remedy="0 for none, or more")
    from vid_diffusion_bench import report as reports
    from vid_diffusion_bench.cli.last_run import last_run
    from vid_diffusion_bench.storage import load_result

    folder = folder or last_run()
    path = reports.html(load_result(folder), folder, output or folder / "report.html", max_prompts=max_prompts)
    return Reply({"report": str(path), "bytes": path.stat().st_size}, f"Report: {path}")
