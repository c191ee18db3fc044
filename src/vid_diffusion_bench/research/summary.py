"""An analysis as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from vid_diffusion_bench.report.numbers import ABSENT, compact
from vid_diffusion_bench.research.experiment import written

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from vid_diffusion_bench.research.analysis import Contrast, Effect, ExperimentAnalysis, MetricAnalysis

CORRECTIONS = (
    "p: Holm within a metric; q: Benjamini–Hochberg over all; η²p: partial eta squared; g: Hedges' g of the prompts' "
    "differences; intervals 95 %, not corrected"
)
MOST_SAID = 3
"""Metrics that the headline names."""
_MARK = {True: "✓", False: "✗", None: "–"}


def summary(analysis: ExperimentAnalysis, width: int) -> str:
    """The whole analysis in plain text of at most ``width`` columns."""
    from rich.console import Console

    text = StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, no_color=True)
    for part in _parts(analysis):
        console.print(part)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def headline(analysis: ExperimentAnalysis) -> str:
    """What was found, in one sentence."""
    found = {
        metric.metric: [effect_name(effect) for effect in metric.effects if effect.significant]
        for metric in analysis.metrics
    }
    said = [f"{name} depends on {', '.join(effects)}" for name, effects in found.items() if effects]
    tested = [metric.metric for metric in analysis.metrics if metric.method]
    if not tested:
        return "Nothing could be tested"
    if not said:
        return f"No effect was found at {analysis.significance_level:g} on {', '.join(tested)}"
    more = f"; and {len(said) - MOST_SAID} more metrics" if len(said) > MOST_SAID else ""
    return "; ".join(said[:MOST_SAID]) + more


def _parts(analysis: ExperimentAnalysis) -> Iterator[RenderableType]:
    experiment = analysis.results.experiment
    yield f"{headline(analysis)}."
    clips = analysis.results.clips
    completed = sum(clip.status == "completed" for clip in clips)
    yield (
        f"“{experiment.research_question}” {experiment.design.replace('_', ' ')}, {len(experiment.conditions)} "
        f"conditions, {experiment.blocking.prompts} prompts, {completed} of {len(clips)} clips."
    )
    yield from (f"! {note}" for note in analysis.notes)
    for metric in analysis.metrics:
        yield ""
        yield from _metric(metric)
    yield ""
    yield _conditions(analysis)
    yield CORRECTIONS


def _metric(metric: MetricAnalysis) -> Iterator[RenderableType]:
    if metric.method is None:
        yield f"{metric.metric}: not tested: {metric.reason}."
        return
    clips = f"{metric.clips} of {metric.total} clips"
    yield f"{metric.metric}: {metric.method}, {metric.n_blocks} {metric.blocks}s, {clips}"
    yield _effects(metric)
    if metric.contrasts:
        yield _contrasts(metric)
    yield from (f"  {_MARK[check.holds]} {check.name}: {check.says}" for check in metric.checks)
    yield from (f"  ! {note}" for note in metric.notes)


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _effects(metric: MetricAnalysis) -> Table:
    table = _table("effect", "F", "df", "p", "p Holm", "q", "η²p", "")
    for effect in metric.effects:
        table.add_row(effect_name(effect), *effect_cells(effect))
    return table


def effect_name(effect: Effect) -> str:
    """The term, with what it cannot be told from."""
    return " = ".join([effect.term, *effect.aliases]).replace(":", " × ")


def effect_cells(effect: Effect) -> list[str]:
    """F, degrees of freedom, p, corrected p, q, partial eta squared, and whether it was found or why not tested."""
    if effect.p_value is None or effect.f is None or effect.df1 is None or effect.df2 is None:
        return [ABSENT] * 6 + [effect.reason or ""]
    scale = effect.epsilon or 1.0
    freedom = f"{effect.df1 * scale:.4g}, {effect.df2 * scale:.4g}"
    figures = [p_text(effect.p_value), p_text(effect.p_holm), p_text(effect.q_bh), f"{effect.partial_eta_squared:.3f}"]
    return [f"{effect.f:.3f}", freedom, *figures, "found" if effect.significant else ""]


def _contrasts(metric: MetricAnalysis) -> Table:
    table = _table("contrast", "difference", "95 % interval", "p", "p Holm", "g", "")
    for contrast in metric.contrasts:
        table.add_row(contrast_name(contrast), *contrast_cells(contrast))
    return table


def contrast_name(contrast: Contrast) -> str:
    """The factor and its two levels, in the order of the difference."""
    return f"{contrast.factor}: {contrast.second} − {contrast.first}"


def contrast_cells(contrast: Contrast) -> list[str]:
    """Difference, interval, p, corrected p, Hedges' g, and whether it was found or why there is no test."""
    bounds = f"{compact(contrast.interval[0])} to {compact(contrast.interval[1])}" if contrast.interval else ABSENT
    size = ABSENT if contrast.hedges_g is None else f"{contrast.hedges_g:.2f}"
    said = contrast.reason or ("found" if contrast.significant else "")
    return [compact(contrast.difference), bounds, p_text(contrast.p_value), p_text(contrast.p_holm), size, said]


def _conditions(analysis: ExperimentAnalysis) -> Table:
    experiment = analysis.results.experiment
    table = _table("condition", *(factor.name for factor in experiment.factors), "clips", *experiment.metrics)
    for condition in analysis.conditions:
        table.add_row(
            condition.id,
            *(written(condition.settings[factor.name]) for factor in experiment.factors),
            f"{condition.completed}/{condition.planned}",
            *(condition_value(analysis, condition.id, name) for name in experiment.metrics),
        )
    return table


def condition_value(analysis: ExperimentAnalysis, identity: str, metric: str) -> str:
    """The mean of the clips of a condition, or its value of a metric of sets; a dash where there is none."""
    condition = next(condition for condition in analysis.conditions if condition.id == identity)
    if metric in condition.means:
        return compact(condition.means[metric])
    whole = condition.whole_set.get(metric)
    return ABSENT if whole is None or whole.value is None else compact(whole.value)


def p_text(p: float | None) -> str:
    """A p-value with three decimals, or that it is smaller than they can show."""
    if p is None:
        return ABSENT
    return "<0.001" if p < 0.001 else f"{p:.3f}"
