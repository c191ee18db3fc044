"""From runs to a comparison: pair the samples, test every figure, rank, and draw the frontier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from vid_diffusion_bench.comparison.adjust import adjusted
from vid_diffusion_bench.comparison.differences import TESTS, check_margin, difference_of, paired_values
from vid_diffusion_bench.comparison.figures import LATENCY, Figure, dependence, find_figure, find_figures
from vid_diffusion_bench.comparison.frontier import frontier
from vid_diffusion_bench.comparison.looks import SEQUEL
from vid_diffusion_bench.comparison.matching import BY_PROMPT, Matching
from vid_diffusion_bench.comparison.pairs import has_clip
from vid_diffusion_bench.comparison.protocols import protocol_differences
from vid_diffusion_bench.comparison.ranking import ranks_of
from vid_diffusion_bench.comparison.result import (
    Comparison,
    Difference,
    FigureComparison,
    Frontier,
    Refusal,
    SequentialInfo,
)
from vid_diffusion_bench.comparison.set_features import SetFeatures
from vid_diffusion_bench.comparison.subjects import Run, Subject, find_subjects
from vid_diffusion_bench.comparison.whole_sets import RECOMPUTED, set_difference
from vid_diffusion_bench.exceptions import ValidationError

RANKED_BY: Final = "overall_score"
_TESTS: Final = (
    "Tests are two-sided, on each prompt's mean difference: paired t where Shapiro and Wilk's test does not refuse "
    "normality at 5 %, else a randomisation test that flips the prompts' signs."
)
_INTERVALS: Final = (
    "Differences are first - second over pairs, clips of one prompt a cluster; intervals: 95 %, bootstrap of prompts, "
    "2000 resamples, percentiles expanded for few prompts (Hesterberg 2015)."
)
_ASKED: Final = (
    "Tests are two-sided, on each prompt's mean difference: {0}, as asked; ranks go by the test of their own rule."
)
_CORRECTIONS: Final = (
    "p: Holm's correction over all pairs of one figure. q: Benjamini and Hochberg's over every test here.",
    "Probabilities (best, on the frontier) are shares of 2000 resamples of the prompts that all models have.",
)
_SETS: Final = (
    "Numbers of whole sets (FVD, FID, IS): permutation test; both sets against the same real clips, N against N; a "
    "fair coin for each prompt exchanges the labels; the statistic is the absolute difference of the two numbers."
)

_STOPPED: Final = (
    "the run stopped early on {0}: its look is the test; the intervals and p-values of {0} and what goes with it are "
    "those of a sample of fixed size, and look surer than they are"
)


@dataclass(frozen=True)
class Question:
    """What is asked of a comparison.

    Args:
        metrics: Figures to compare, by any spelling. Default: all that the runs have.
        objectives: Axes of the frontier. Default: the first quality figure that can be ranked, and latency.
        margins: By figure, in its unit: differences that would not matter, for equivalence and non-inferiority.
        budgets: By objective: the most it may be; who is best in the others?
        floors: By objective: what it must reach; who is cheapest in the others?
        reference_point: Of the hypervolume, by objective.
        alpha: Level of the verdicts, 0..1.
        test: ``auto``, or the test of every figure of single clips: ``t``, ``wilcoxon`` or ``sign-flip``. Wilcoxon's is
            of ranks and takes differences to be symmetric; choose before you look.
        compute_features: Compute features of clips for numbers of whole sets, where they are not kept.
    """

    metrics: Sequence[str] | None = None
    objectives: Sequence[str] | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)
    reference_point: Mapping[str, float] = field(default_factory=dict)
    alpha: float = 0.05
    test: str = "auto"
    compute_features: bool = False

    def check(self) -> None:
        """Refuse a level, a test or margins that are none."""
        if self.test not in TESTS:
            raise ValidationError(f"no test {self.test!r}", remedy=f"one of {', '.join(TESTS)}")
        if not 0 < self.alpha < 1:
            raise ValidationError(f"alpha is between 0 and 1, not {self.alpha}", remedy="0.05 is common")
        for name, margin in self.margins.items():
            check_margin(margin, name)


def compare(runs: Sequence[Run], models: Sequence[str] | None = None, question: Question | None = None) -> Comparison:
    """Compare every two models of ``runs``, pair by pair.

    Args:
        runs: Results, or folders of runs.
        models: Which models of them. Default: all.
        question: What is asked.

    Returns:
        The comparison; where nothing can be compared its ``reason`` says why, and so does every part's.

    Raises:
        ValidationError: No runs, an unknown model, a condition on what is no objective.
        MetricNotFoundError: A figure that no run has.
        BenchmarkNotFoundError: A folder holds no finished run.
        StorageError: A folder's result is damaged, or a run is writing to it.
    """
    asked = question or Question()
    asked.check()
    return compare_subjects(find_subjects(runs, models), asked)


def compare_subjects(subjects: Sequence[Subject], asked: Question) -> Comparison:
    """As :func:`compare`, of subjects that are found already."""
    matching = Matching(subjects)
    every = find_figures(subjects)
    chosen = every if asked.metrics is None else [find_figure(every, name) for name in dict.fromkeys(asked.metrics)]
    margins = {find_figure(every, name).name: margin for name, margin in asked.margins.items()}
    features = SetFeatures(compute=asked.compute_features, pairs=len(matching.pairs))
    sequential = _sequential(subjects)
    figures = [
        _figure(figure, matching, features, margins.get(figure.name), asked)
        for figure in chosen
        if matching.reason is None
    ]
    return Comparison(
        subjects=[subject.info() for subject in subjects],
        paired_by=matching.paired_by,
        pairs=matching.counts,
        figures=adjusted(figures, asked.alpha),
        frontier=_frontier(every, matching, asked),
        alpha=asked.alpha,
        methods=_methods(figures, asked),
        warnings=_warnings(subjects, matching),
        sequential=sequential,
        reason=matching.reason,
    )


def _methods(figures: Sequence[FigureComparison], asked: Question) -> list[str]:
    tests = _TESTS if asked.test == "auto" else _ASKED.format(asked.test)
    return [_INTERVALS, tests, *_CORRECTIONS, *([_SETS] if any(one.scope == "set" for one in figures) else [])]


def _figure(
    figure: Figure, matching: Matching, features: SetFeatures, margin: float | None, asked: Question
) -> FigureComparison:
    speaker = figure.speaker
    about = {**figure.about(), "fingerprint": speaker.protocol_fingerprint if speaker else None}
    measured = [one for one in matching.subjects if _has_value(figure, one)]
    if len(measured) < 2:
        return FigureComparison(**about, reason=_unmeasured(figure, matching.subjects))
    refused = [found for pair in combinations(measured, 2) if (found := _refusal(figure, *pair))]
    apart = {(one.first, one.second) for one in refused}
    differences = [
        _difference(figure, first, second, matching, features, margin, asked.test)
        for first, second in combinations(measured, 2)
        if (first.name, second.name) not in apart
    ]
    ranks, reason = ranks_of(figure, measured, matching, refused, asked.alpha)
    return FigureComparison(**about, differences=differences, refused=refused, ranks=ranks, ranks_reason=reason)


def _has_value(figure: Figure, subject: Subject) -> bool:
    result = figure.results.get(subject.name)
    return result is not None and result.value is not None


def _unmeasured(figure: Figure, subjects: Sequence[Subject]) -> str:
    missing = [
        f"{subject.name}: {result.reason if (result := figure.results.get(subject.name)) else 'not asked for'}"
        for subject in subjects
        if not _has_value(figure, subject)
    ]
    return "; ".join(missing)


def _refusal(figure: Figure, first: Subject, second: Subject) -> Refusal | None:
    differing = protocol_differences(figure.results[first.name], figure.results[second.name])
    if figure.scope == "set":
        differing = {name: text for name, text in differing.items() if name not in RECOMPUTED}
    return Refusal(first=first.name, second=second.name, differing=differing) if differing else None


def _difference(
    figure: Figure,
    first: Subject,
    second: Subject,
    matching: Matching,
    features: SetFeatures,
    margin: float | None,
    test: str,
) -> Difference:
    pairs = matching.pairs[first.name, second.name]
    if figure.scope == "set":
        return set_difference(figure, first, second, pairs, features)
    values = paired_values(figure, first, second, pairs)
    if dependent := dependence(figure, first, second):
        return Difference(first=first.name, second=second.name, n=len(values.first), reason=dependent)
    better = figure.higher_is_better
    return difference_of(first.name, second.name, values, higher_is_better=better, margin=margin, test=test)


def _frontier(figures: Sequence[Figure], matching: Matching, asked: Question) -> Frontier:
    if asked.objectives is None:
        axes = _default_axes(figures)
        for condition in (asked.budgets, asked.floors, asked.reference_point):
            axes += [figure for name in condition if (figure := find_figure(figures, name)) not in axes]
    else:
        axes = [find_figure(figures, name) for name in dict.fromkeys(asked.objectives)]
    resolved = [
        {find_figure(figures, name).name: value for name, value in condition.items()}
        for condition in (asked.budgets, asked.floors, asked.reference_point)
    ]
    return frontier(axes, matching, budgets=resolved[0], floors=resolved[1], reference_point=resolved[2])


def _default_axes(figures: Sequence[Figure]) -> list[Figure]:
    measured = [one for one in figures if one.speaker and one.speaker.value is not None]
    quality = [one for one in measured if one.group == "quality" and one.higher_is_better is not None]
    quality.sort(key=lambda figure: figure.name != RANKED_BY)
    return [*quality[:1], *(one for one in measured if one.name == LATENCY)]


def _sequential(subjects: Sequence[Subject]) -> SequentialInfo | None:
    """How the run went, where all subjects are of one that might stop early."""
    told = [subject.run.metadata.get(SEQUEL) for subject in subjects]
    if not told or told[0] is None or any(one != told[0] for one in told):
        return None
    return SequentialInfo.model_validate(told[0])


def _why_none(subject: Subject) -> str:
    failures = Counter(record.failure.message for record in subject.result.records if record.failure)
    return failures.most_common(1)[0][0] if failures else "no reason was kept"


def _warnings(subjects: Sequence[Subject], matching: Matching) -> list[str]:
    stopped = _sequential(subjects)
    lines = [_STOPPED.format(stopped.metric)] if stopped and stopped.stopped_early else []
    lines += [
        f"the run of {subject.name} is {subject.run.status}, not completed"
        for subject in subjects
        if subject.run.status != "completed"
    ]
    lines += [
        f"{subject.name} made no clip of {len(subject.result.records)} samples: {_why_none(subject)}"
        for subject in subjects
        if subject.result.records and not any(has_clip(record) for record in subject.result.records)
    ]
    for count in matching.counts:
        if count.differing:
            said = "; ".join(f"{name} {text}" for name, text in count.differing.items())
            lines.append(f"{count.first} and {count.second} were made with other parameters: {said}")
    if matching.paired_by == BY_PROMPT:
        lines.append(
            "some models share no seed, so all clips are paired by prompt and order: what a seed brings is noise here"
        )
    return lines
