"""``vid-bench score``."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import Reply


def score(
    folder: Path | None = None,
    /,
    *,
    metrics: Names = None,
    reference: Path | None = None,
    subsample: bool | None = None,
) -> Reply:
    """Score the stored clips of a run again: with the same metrics the same bits, with others a metric added later.

    Args:
        folder: Folder of a run. Default: the last run.
        metrics: Metrics by name. Default: those of the run.
        reference: Folder of real videos for set metrics. Default: that of the run.
        subsample: Let set metrics cut the larger set to the size of the smaller. Default: as the run.
    """
    from vid_diffusion_bench.cli.execute import finish
    from vid_diffusion_bench.cli.last_run import last_run
    from vid_diffusion_bench.cli.progress import watch

    folder = folder or last_run()
    with watch() as listener:
        from vid_diffusion_bench import engine

        result = engine.rescore(
            folder,
            metrics=metrics,
            reference=str(reference) if reference else None,
            subsample=subsample,
            listener=listener,
        )
    return finish(result, folder)
