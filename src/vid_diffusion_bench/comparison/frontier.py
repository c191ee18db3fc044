"""Who is on the Pareto frontier, how surely, and who is best under a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.comparison.figures import Figure
from vid_diffusion_bench.comparison.matching import Matching
from vid_diffusion_bench.comparison.protocols import protocol_differences
from vid_diffusion_bench.comparison.result import Choice, Frontier, FrontierMember, Objective
from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import MetricResult, SampleRecord
from vid_diffusion_bench.statistics import (
    best_at_budget,
    cost_at_quality,
    front_probability,
    hypervolume,
    mean,
    pareto_front,
)

REFERENCE_RULE = "the worst value of each objective, a tenth of the objective's range further off"
GIVEN_RULE = "as given"
Conditions = Mapping[str, float]


@dataclass(frozen=True)
class _Table:
    """Objectives of the ``subjects`` (M,): ``points`` (M, D); over common samples (M, N, D) if there are any."""

    subjects: list[str]
    points: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64] | None
    prompts: list[str]
    reason: str | None = None


def frontier(
    objectives: Sequence[Figure],
    matching: Matching,
    *,
    budgets: Conditions,
    floors: Conditions,
    reference_point: Conditions,
) -> Frontier:
    """The frontier of ``objectives``.

    Where each clip contributes to every objective, values are means over the samples that all subjects have, and the
    probabilities are of resamples of the prompts, shared by all. Otherwise the runs' own values make the frontier and
    there is no probability.

    Args:
        objectives: Figures with a direction.
        matching: The samples.
        budgets: Most that an objective may cost: who is best in the others?
        floors: Least that an objective must reach: who is cheapest in the others?
        reference_point: The hypervolume's, by objective. Default: :data:`REFERENCE_RULE`.

    Raises:
        ValidationError: An objective has no direction, or a condition names none.
    """
    _check(objectives, budgets, floors, reference_point)
    axes = [_axis(one) for one in objectives]
    if len(objectives) < 2:
        return Frontier(objectives=axes, reason="a frontier needs two objectives that were measured")
    if reason := _incomparable(objectives):
        return Frontier(objectives=axes, reason=reason)
    table = _table(objectives, matching)
    if len(table.subjects) < 1:
        return Frontier(objectives=axes, reason=table.reason or "no model has a value of every objective")
    maximize = [axis.higher_is_better for axis in axes]
    limit = _limit(table.points, axes, reference_point)
    probabilities, why = _probabilities(table, maximize)
    on_front = pareto_front(table.points, maximize)
    return Frontier(
        objectives=axes,
        members=[
            FrontierMember(
                name=name,
                values={axis.name: float(value) for axis, value in zip(axes, point, strict=True)},
                on_front=bool(front),
                probability=None if probability is None else float(probability),
            )
            for name, point, front, probability in zip(
                table.subjects, table.points, on_front, probabilities, strict=True
            )
        ],
        n=0 if table.samples is None else table.samples.shape[1],
        prompts=len(set(table.prompts)),
        hypervolume=hypervolume(table.points, limit, maximize),
        reference_point={axis.name: value for axis, value in zip(axes, limit, strict=True)},
        reference_rule=_rule(axes, reference_point),
        probability_reason=why,
        choices=_choices(table, axes, budgets, floors),
    )


def _check(objectives: Sequence[Figure], *conditions: Conditions) -> None:
    for figure in objectives:
        if figure.higher_is_better is None:
            raise ValidationError(
                f"{figure.name} is no objective: no direction of it is better", remedy="choose one with a direction"
            )
    names = [figure.name for figure in objectives]
    for name in (name for condition in conditions for name in condition):
        if name not in names:
            raise ValidationError(f"{name} is no objective here", remedy=f"the objectives are {', '.join(names)}")


def _axis(figure: Figure) -> Objective:
    unit = figure.speaker.unit if figure.speaker else ""
    return Objective(name=figure.name, unit=unit, higher_is_better=figure.higher_is_better is True)


def _incomparable(objectives: Sequence[Figure]) -> str | None:
    for figure in objectives:
        measured = [one for one in figure.results.values() if one.value is not None]
        for other in measured[1:]:
            if differing := protocol_differences(measured[0], other):
                return f"{figure.name} was measured under different protocols: {'; '.join(_said(differing))}"
    return None


def _said(differing: Mapping[str, str]) -> list[str]:
    return [f"{name}: {text}" for name, text in differing.items()]


def _table(objectives: Sequence[Figure], matching: Matching) -> _Table:
    subjects = [subject for subject in matching.subjects if all(_measured(one, subject) for one in objectives)]
    if any(figure.scope == "set" for figure in objectives):
        names = " and ".join(figure.name for figure in objectives if figure.scope == "set")
        return _as_reported(
            objectives, subjects, f"{names}: a number of the whole set, of which no prompts can be drawn"
        )
    rows = [row for row in matching.common() if _complete(objectives, subjects, matching.subjects, row)]
    if not rows:
        return _as_reported(objectives, subjects, "no sample is common to all models with every objective")
    at = [matching.subjects.index(subject) for subject in subjects]
    samples = np.array(
        [
            [[figure.of(subject)(row[place]) for figure in objectives] for row in rows]
            for place, subject in zip(at, subjects, strict=True)
        ],
        np.float64,
    )
    points = np.array([[mean(samples[m, :, d].tolist()) for d in range(len(objectives))] for m in range(len(subjects))])
    return _Table([subject.name for subject in subjects], points, samples, [row[0].prompt_id for row in rows])


def _measured(figure: Figure, subject: Subject) -> MetricResult | None:
    result = figure.results.get(subject.name)
    return result if result is not None and result.value is not None else None


def _complete(
    objectives: Sequence[Figure],
    subjects: Sequence[Subject],
    all_subjects: Sequence[Subject],
    row: Sequence[SampleRecord],
) -> bool:
    chosen = [(subject, row[all_subjects.index(subject)]) for subject in subjects]
    return all(figure.of(subject)(record) is not None for subject, record in chosen for figure in objectives)


def _as_reported(objectives: Sequence[Figure], subjects: Sequence[Subject], reason: str) -> _Table:
    values = [[_measured(figure, subject) for figure in objectives] for subject in subjects]
    points = np.array([[one.value for one in row if one] for row in values], np.float64)
    return _Table([subject.name for subject in subjects], points, None, [], reason)


def _probabilities(table: _Table, maximize: list[bool]) -> tuple[Sequence[float | None], str | None]:
    nothing: list[float | None] = [None] * len(table.subjects)
    if table.samples is None:
        return nothing, table.reason
    if len(set(table.prompts)) < 2:
        return nothing, "samples of one prompt cannot be drawn again"
    return [*map(float, front_probability(table.samples, table.prompts, maximize))], None


def _limit(points: npt.NDArray[np.float64], axes: Sequence[Objective], given: Conditions) -> list[float]:
    """The hypervolume's reference point."""
    limit = []
    for at, axis in enumerate(axes):
        column = points[:, at]
        worst = column.min() if axis.higher_is_better else column.max()
        span = float(np.ptp(column)) or abs(float(worst)) or 1.0
        further = -0.1 * span if axis.higher_is_better else 0.1 * span
        limit.append(float(given.get(axis.name, worst + further)))
    return limit


def _rule(axes: Sequence[Objective], given: Conditions) -> str:
    own = [axis.name for axis in axes if axis.name not in given]
    if not own:
        return GIVEN_RULE
    return f"{GIVEN_RULE}; of {' and '.join(own)} {REFERENCE_RULE}" if given else REFERENCE_RULE


def _choices(table: _Table, axes: Sequence[Objective], budgets: Conditions, floors: Conditions) -> list[Choice]:
    """The answer to each condition for each other objective."""
    found = []
    for name, budget in budgets.items():
        at = [axis.name for axis in axes].index(name)
        found += [_best_within(table, axes, at, goal, budget) for goal in range(len(axes)) if goal != at]
    for name, floor in floors.items():
        at = [axis.name for axis in axes].index(name)
        found += [_least_reaching(table, axes, at, goal, floor) for goal in range(len(axes)) if goal != at]
    return found


def _best_within(table: _Table, axes: Sequence[Objective], at: int, goal: int, budget: float) -> Choice:
    """Who is best in ``goal`` among those with at most ``budget`` (at least, where larger is better) in ``at``."""
    sign = -1.0 if axes[at].higher_is_better else 1.0
    word = "at least" if axes[at].higher_is_better else "at most"
    index = best_at_budget(
        table.points[:, goal].tolist(),
        (sign * table.points[:, at]).tolist(),
        sign * budget,
        higher_is_better=axes[goal].higher_is_better,
    )
    return _choice(f"best {axes[goal].name} with {axes[at].name} {word} {budget:g}", index, table, goal)


def _least_reaching(table: _Table, axes: Sequence[Objective], at: int, goal: int, floor: float) -> Choice:
    """Who is cheapest in ``goal`` among those as good as ``floor`` in ``at``."""
    sign = -1.0 if axes[goal].higher_is_better else 1.0
    word = "at least" if axes[at].higher_is_better else "at most"
    index = cost_at_quality(
        table.points[:, at].tolist(),
        (sign * table.points[:, goal]).tolist(),
        floor,
        higher_is_better=axes[at].higher_is_better,
    )
    return _choice(f"best {axes[goal].name} with {axes[at].name} {word} {floor:g}", index, table, goal)


def _choice(question: str, index: int | None, table: _Table, goal: int) -> Choice:
    if index is None:
        return Choice(question=question, reason="no model meets the condition")
    return Choice(question=question, name=table.subjects[index], value=float(table.points[index, goal]))
