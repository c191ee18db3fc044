"""``vid-bench analytics``: what a server's benchmarks showed, from its database itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from cyclopts import App

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import Reply
from vid_diffusion_bench.cli.server_database import opened_history

app = App(
    name="analytics",
    help="Reports and exports of a server's benchmarks, from the database of VIDBENCH_DATABASE_URL or "
    "VIDBENCH_DATA_ROOT.",
)


@app.command
def report(*, output: Path, period: Literal["1h", "24h", "7d", "30d"] = "30d", models: Names = None) -> Reply:
    """Write a PDF: how benchmarks ended, every metric by model with intervals and N, trends, paired tests.

    Args:
        output: The file to write.
        period: How far back.
        models: Which models. Default: those measured most, ten at most.
    """
    from vid_diffusion_bench.analytics import pdf
    from vid_diffusion_bench.analytics.report import report as made
    from vid_diffusion_bench.report.exporters import write_file

    with opened_history() as database:
        found = made(database, period, time.time(), models)
    write_file(output, pdf.render(found))
    data: dict[str, Any] = {
        "output": str(output),
        "period": period,
        "benchmarks": found.total,
        "models": found.models,
        "metrics": [part.metric for part in found.metrics],
    }
    return Reply(data, f"Wrote {output}: {len(found.metrics)} metrics of {', '.join(found.models)} over {period}")


@app.command
def export(
    *,
    format: Literal["prometheus", "csv", "parquet"],  # noqa: A002 - the option's name
    output: Path,
    period: Literal["1h", "24h", "7d", "30d"] = "30d",
    models: Names = None,
) -> Reply:
    """Write the figures of a period to a file: a row each for csv and parquet, the newest of each for prometheus.

    Args:
        format: What to write.
        output: The file to write.
        period: How far back.
        models: Which models. Default: all.
    """
    from vid_diffusion_bench.analytics import Span, read_figures
    from vid_diffusion_bench.analytics.export import render
    from vid_diffusion_bench.analytics.figures import read_ended
    from vid_diffusion_bench.models import canonical_name
    from vid_diffusion_bench.report.exporters import write_file

    names = [canonical_name(name) for name in models] if models else None
    with opened_history() as database:
        span = Span.of(period, time.time())
        figures, ended = read_figures(database, span, models=names), read_ended(database, span, models=names)
    write_file(output, render(figures, ended, format))
    data = {"output": str(output), "format": format, "period": period, "figures": len(figures)}
    return Reply(data, f"Wrote {output}: {len(figures)} figures of {len(ended)} benchmarks over {period}")
