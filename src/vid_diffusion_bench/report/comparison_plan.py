"""A plan in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vid_diffusion_bench.comparison import SamplePlan
from vid_diffusion_bench.report.numbers import compact, signed


def plan_view(plan: SamplePlan) -> RenderableType:
    """What is needed, and what that rests on."""
    head = Text(
        f"To see a difference of {plan.difference:g} in {plan.metric} between {plan.first} and {plan.second} "
        f"with power {plan.power:g} at level {plan.alpha:.3g}:",
        style="bold",
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for title in ("prompts", "seeds each", "clips a model", "power"):
        table.add_column(title, justify="right")
    for size in plan.sizes:
        table.add_row(f"{size.prompts:,}", str(size.seeds), f"{size.samples:,}", f"{size.power:.3f}")
    within = "" if plan.within is None else f", {compact(plan.within)} within one, from seed to seed"
    rests = Text(
        f"From {plan.pilot_pairs} pairs of {plan.pilot_prompts} prompts: mean difference "
        f"{signed(plan.observed_difference)}, variance {compact(plan.between)} between prompts{within}",
        style="dim",
    )
    return Group(head, "", table, "", rests, *(Text(f"! {line}", style="yellow") for line in plan.remarks))
