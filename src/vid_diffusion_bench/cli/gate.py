"""``vid-bench gate``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import Reply


def gate(
    *,
    baseline: Path,
    candidate: Path,
    model: str | None = None,
    candidate_model: str | None = None,
    under_test: Names = None,
    only: Literal["quality", "cost"] | None = None,
    margin: Names = None,
    close: Names = None,
    limit: Names = None,
    max_lost: float = 0.0,
    markdown: Path | None = None,
) -> Reply:
    """Hold a run against a baseline on the same prompts and seeds: is it as good, and no dearer?

    Quality is tested pair by pair: the one-sided 95 % bound of the loss must stay within the metric's margin. Time,
    memory and energy are compared only within one cohort (hardware, software, recipe) and regress when they pass a
    relative and an absolute threshold. Exit codes: 0 pass, 3 regression, 4 not comparable.

    Args:
        baseline: Folder of the run to compare with.
        candidate: Folder of the run in question.
        model: The model to look at, where a run has several.
        candidate_model: What the candidate calls it, where the names differ.
        under_test: What need not agree: model, a generation parameter (num_inference_steps), precision, packages …
        only: quality or cost alone. Default: both, and neither may be left undecided.
        margin: Loss that a metric may show: clip_similarity=0.02.
        close: What the mean against the baseline's clips must keep: psnr=30, ssim=0.95, lpips=0.1. Default: no limit.
        limit: What a figure may grow by, past both is a regression: avg_latency_ms=10%,20.
        max_lost: Share of the baseline's clips that may fail in the candidate, 0 to 1.
        markdown: File for a summary to put on a pull request.
    """
    from vid_diffusion_bench import gate as gates
    from vid_diffusion_bench.cli.progress import watch
    from vid_diffusion_bench.gate.markdown import markdown as summary
    from vid_diffusion_bench.gate.terminal import terminal
    from vid_diffusion_bench.report.exporters import write_file

    limits = gates.Limits.parse(margin or (), close or (), limit or (), max_lost)
    with watch() as listener:
        found = gates.gate(
            baseline,
            candidate,
            model=model,
            candidate_model=candidate_model,
            under_test=under_test or (),
            limits=limits,
            only=only,
            progress=lambda done, total: listener.count("clips compared", done, total),
        )
    if markdown:
        write_file(markdown, summary(found).encode())
    return Reply(found.model_dump(mode="json"), terminal(found), found.exit_code)
