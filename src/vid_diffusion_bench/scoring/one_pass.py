"""One pass over the clips: each decoded once at most, each feature computed once, then every metric summed up.

Between clips only the metrics' rows are kept (numbers, one feature vector a clip, or a place in the feature store).
States of several shards, merged between :func:`accumulate` and :func:`summarize`, give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.features import Clip, FeatureStore, Kept
from vid_diffusion_bench.foreign import foreign
from vid_diffusion_bench.metrics import Context, Metric, Row, State, unavailable
from vid_diffusion_bench.metrics.availability import code
from vid_diffusion_bench.metrics.base import Rows
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.scoring.clips import Scores, ScoringClip
from vid_diffusion_bench.scoring.copies import copies_warning, real_ones_warning

Progress = Callable[[int, int], None]
Metrics = Mapping[str, Metric]


def no_progress(done: int, total: int) -> None:
    """The progress listener that does nothing."""


@dataclass(frozen=True)
class Pass:
    """The states of a pass by metric, the clips that could not be decoded and why, and what their reader noted.

    ``contents``: what the decoded clips hold, by key, where it is known (:class:`ScoringClip`).
    """

    states: dict[str, State] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)

    def merge(self, other: Pass) -> Pass:
        """The passes of two shards, or of the generated and the real set, as one."""
        empty = State()
        names = dict.fromkeys([*self.states, *other.states])
        states = {name: self.states.get(name, empty).merge(other.states.get(name, empty)) for name in names}
        return Pass(states, self.broken | other.broken, self.notes | other.notes, self.contents | other.contents)


def accumulate(
    clips: Sequence[ScoringClip],
    metrics: Metrics,
    *,
    store: FeatureStore | None = None,
    progress: Progress = no_progress,
    reference: bool = False,
) -> Pass:
    """Measure every clip by every metric; into the real side of the states if ``reference``."""
    whole = Pass({name: metric.empty() for name, metric in metrics.items()})
    for done, entry in enumerate(clips, 1):
        try:
            _add(entry.open(store), metrics, whole, reference=reference)
        except InvalidVideoError as error:
            whole.broken[entry.key] = error.message
            for state in whole.states.values():
                _rows(state, reference=reference)[entry.key] = Row(entry.cluster, None, "the clip cannot be decoded")
        progress(done, len(clips))
    return whole


def _add(clip: Clip, metrics: Metrics, whole: Pass, *, reference: bool) -> None:
    """Add one clip to everything; one that cannot be decoded raises before anything has changed."""
    if notes := clip.notes:
        whole.notes[clip.key] = notes
    if clip.content:
        whole.contents[clip.key] = clip.content
    for name, metric in metrics.items():
        _measure(metric, whole.states[name], clip, reference=reference)


def _rows(state: State, *, reference: bool) -> Rows:
    return state.reference if reference else state.generated


def summarize(
    clips: Sequence[ScoringClip], chosen: Metrics, seen: Pass, real: Pass, context: Callable[[str], Context]
) -> Scores:
    """Every metric's result of the rows that were ``seen``, or why it cannot run here."""
    both = Pass(seen.states).merge(Pass(real.states))
    results, per_clip = {}, {}
    same = [*real_ones_warning(seen.contents, real.contents), *copies_warning(seen.contents)]
    for name, metric in chosen.items():
        if name in both.states:
            about = context(name)
            if same and _compares_or_gathers(metric, both.states[name]):
                about = replace(about, warnings=[*about.warnings, *same])
            results[name] = computed(metric, both.states[name], about)
            per_clip[name] = {key: row.score() for key, row in both.states[name].generated.items()}
        else:
            reason = unavailable(metric) or "it was not measured"
            results[name] = absent_result(metric, name, reason, total=context(name).total or 0)
            per_clip[name] = {clip.key: Score(value=None, reason=reason) for clip in clips}
    return Scores(per_clip, results, seen.broken, real.broken, _by_note(seen), _by_note(real))


def _compares_or_gathers(metric: Metric, state: State) -> bool:
    """Whether the number is one of whole sets, in which a copy is no clip of its own."""
    gathered = (row.value for row in state.generated.values())
    return metric.uses_reference or any(isinstance(value, np.ndarray | Kept) for value in gathered)


def _by_note(seen: Pass) -> dict[str, list[str]]:
    notes = sorted({note for said in seen.notes.values() for note in said})
    return {note: sorted(key for key, said in seen.notes.items() if note in said) for note in notes}


def _measure(metric: Metric, state: State, clip: Clip, *, reference: bool) -> None:
    """Update ``state``; what the metric's code raises is the reason of this clip, and other metrics go on."""
    try:
        with foreign(f"{code(metric)} raised", passing=_REASONS):
            metric.update(state, clip, reference=reference)
    except MetricComputationError as error:
        _rows(state, reference=reference)[clip.key] = Row(clip.cluster, None, error.message, {}, clip.shape)


def computed(metric: Metric, state: State, context: Context) -> MetricResult:
    """The result of ``state``; what the metric's code raises is its reason."""
    try:
        with foreign(f"{code(metric)} raised", passing=_REASONS):
            result: Any = metric.compute(state, context)
        if isinstance(result, MetricResult):
            return result
        reason = f"{code(metric)} returned {type(result).__name__}, no MetricResult"
    except MetricComputationError as error:
        reason = error.message
    return absent_result(metric, context.name, reason, total=context.total or 0, n=_measured(state))


def _measured(state: State) -> int:
    return sum(row.value is not None for row in state.generated.values())


_REASONS = (MemoryError, MetricComputationError)
"""What passes the edge to a metric's code as it is; the latter is how a metric says a reason."""


def absent_result(metric: Metric, name: str, reason: str, *, total: int = 0, n: int = 0) -> MetricResult:
    """No value of ``metric``, asked for as ``name``; ``n`` of ``total`` clips were measured all the same."""
    return MetricResult(
        name=name,
        label=metric.label,
        value=None,
        reason=reason,
        n=n,
        total=total,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        metadata={"coverage": n / total if total else None},
    )
