"""``vid-bench plan``."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import Reply


def plan(
    *runs: Path,
    metric: str,
    difference: float,
    models: Names = None,
    seeds: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> Reply:
    """How many prompts and seeds show a difference of two models, from the variance of a pilot at hand.

    Args:
        runs: Folders of the pilot: one run of both models, or one of each.
        metric: A metric of single clips, or a figure such as avg_latency_ms.
        difference: The smallest difference that matters, in the metric's unit.
        models: Which two models, where the pilot has more.
        seeds: Seeds a prompt. Default: several alternatives, where the pilot has several seeds a prompt.
        power: Chance of finding it, 0 to 1.
        alpha: Level of the test; divide it by the number of pairs of models that will be tested.
    """
    from vid_diffusion_bench import comparison
    from vid_diffusion_bench.report.comparison_plan import plan_view

    found = comparison.plan(runs, metric, difference, models=models, seeds=seeds, power=power, alpha=alpha)
    return Reply(found.model_dump(mode="json"), plan_view(found))
