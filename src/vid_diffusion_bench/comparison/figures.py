"""The figures of a comparison: which numbers two subjects have in common, and what each clip contributes to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vid_diffusion_bench.comparison.clip_costs import OF_A_CLIP, PEAKS, cost_of, money
from vid_diffusion_bench.comparison.pairs import has_clip
from vid_diffusion_bench.comparison.result import Group, Scope
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import MetricNotFoundError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.results import MetricResult, SampleRecord

LATENCY, SUCCESS, COST = "avg_latency_ms", "success_rate", "cost_per_clip"
OF_CLIPS = (*OF_A_CLIP, COST, *PEAKS, SUCCESS)
"""Performance figures to which each clip contributes a number."""
_OF_PEAKS = "means of the clips' peaks; the run's figure is the largest"
_ONE_AFTER_ANOTHER = (
    "the models ran one after the other: what else the machine did is in the difference, unseen by any test"
)
_REMARKS = {**dict.fromkeys(PEAKS, _OF_PEAKS), LATENCY: _ONE_AFTER_ANOTHER}


@dataclass(frozen=True)
class Figure:
    """One number of every subject. ``results``: by the subject's name, what its run says; ``of``: a clip's number."""

    name: str
    group: Group
    scope: Scope
    results: dict[str, MetricResult] = field(default_factory=dict)
    remark: str | None = None

    @property
    def speaker(self) -> MetricResult | None:
        """A result that speaks for all: the first with a value, or the first."""
        known = [result for result in self.results.values() if result.value is not None]
        return next(iter([*known, *self.results.values()]), None)

    @property
    def higher_is_better(self) -> bool | None:
        found = (one.higher_is_better for one in self.results.values() if one.higher_is_better is not None)
        return next(found, None)

    def about(self) -> dict[str, Any]:
        """What the value says of the figure itself."""
        speaker = self.speaker
        return {
            "name": self.name,
            "group": self.group,
            "scope": self.scope,
            "label": speaker.label if speaker else "",
            "unit": speaker.unit if speaker else "",
            "higher_is_better": self.higher_is_better,
            "remark": self.remark,
        }

    def of(self, subject: Subject) -> Callable[[SampleRecord], float | None]:
        """What a record of ``subject`` contributes; ``None`` where it has nothing."""
        if self.group == "quality":
            return lambda record: score.value if (score := record.scores.get(self.name)) else None
        if self.name == SUCCESS:
            return lambda record: float(has_clip(record))
        if self.name == COST:
            prices = subject.run.config.prices
            return lambda record: money(record.cost, prices) if has_clip(record) and record.cost else None
        return lambda record: cost_of(record.cost, self.name) if has_clip(record) and record.cost else None


def find_figures(subjects: Sequence[Subject]) -> list[Figure]:
    """Every figure that one subject or more has, quality first."""
    return [*_quality(subjects), *_performance(subjects)]


def find_figure(figures: Sequence[Figure], name: str) -> Figure:
    """The figure of this name, or of this metric by another spelling.

    Raises:
        MetricNotFoundError: There is none.
    """
    by_name = {figure.name: figure for figure in figures}
    if name in by_name:
        return by_name[name]
    resolved = _resolved(name)
    for figure in figures:
        if resolved and _resolved(figure.name) == resolved:
            return figure
    raise MetricNotFoundError(
        f"no run has a figure {name!r} that can be compared",
        remedy=f"the runs have {', '.join(by_name) or 'none'}; `vid-bench score RUN --metrics …` adds a metric",
        details={"metric": name, "available_metrics": list(by_name)},
    )


def _resolved(name: str) -> str | None:
    try:
        return MetricRegistry.resolve(name)
    except MetricNotFoundError:
        return None


def _quality(subjects: Sequence[Subject]) -> list[Figure]:
    names = dict.fromkeys(name for subject in subjects for name in subject.result.metric_results)
    return [Figure(name, "quality", _scope(name, subjects), _results(name, subjects)) for name in names]


def _results(name: str, subjects: Sequence[Subject]) -> dict[str, MetricResult]:
    by_name = ((subject.name, subject.result.metric_results.get(name)) for subject in subjects)
    return {subject: result for subject, result in by_name if result is not None}


def _scope(name: str, subjects: Sequence[Subject]) -> Scope:
    scores = (record.scores.get(name) for subject in subjects for record in subject.result.records)
    if any(score is not None and score.value is not None for score in scores):
        return "clip"
    results = _results(name, subjects).values()
    return "set" if any(result.value is not None for result in results) else "clip"


def _performance(subjects: Sequence[Subject]) -> list[Figure]:
    figures = []
    for name in OF_CLIPS:
        results = {
            subject.name: result
            for subject in subjects
            if (result := subject.result.performance_results.get(name)) is not None
        }
        served = name == COST and any(_is_served(subject) for subject in subjects)
        if results and not served and any(result.value is not None for result in results.values()):
            figures.append(Figure(name, "performance", "clip", results, _REMARKS.get(name)))
    return figures


def dependence(figure: Figure, *subjects: Subject) -> str | None:
    """Why the clips of a served model, which wait for each other, are no independent sample; ``None`` of others."""
    if figure.name != LATENCY:
        return None
    reasons = (figure.results[one.name].interval_reason for one in subjects if _is_served(one))
    return next((reason for reason in reasons if reason), None)


def _is_served(subject: Subject) -> bool:
    """Whether a server's price list, not this machine's time, decides what a clip costs."""
    return any(record.cost is not None and record.cost.serving is not None for record in subject.result.records)
