"""One pass over the clips: each decoded once at most, each feature computed once, then every metric summed up.

Between clips only the metrics' rows are kept (numbers, one feature vector a clip, or a place in the feature store).
States of several shards, merged between :func:`accumulate` and :func:`summarize`, give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vid_diffusion_bench.exceptions import (
    InvalidVideoError,
    MissingDependencyError,
    ModelLoadingError,
)
from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.metrics import Context, Metric, Row, State
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.scoring.clips import Scores, ScoringClip

Progress = Callable[[int, int], None]
Metrics = Mapping[str, Metric]


def no_progress(done: int, total: int) -> None:
    """The progress listener that does nothing."""


@dataclass(frozen=True)
class Pass:
    """The states of a pass by metric, the clips that could not be decoded and why, and what their reader noted."""

    states: dict[str, State] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def merge(self, other: Pass) -> Pass:
        """The passes of two shards, or of the generated and the real set, as one."""
        empty = State()
        names = dict.fromkeys([*self.states, *other.states])
        states = {name: self.states.get(name, empty).merge(other.states.get(name, empty)) for name in names}
        return Pass(states, self.broken | other.broken, self.notes | other.notes)


def accumulate(
    clips: Sequence[ScoringClip],
    metrics: Metrics,
    *,
    store: FeatureStore | None = None,
    progress: Progress = no_progress,
    reference: bool = False,
) -> Pass:
    """Measure every clip by every metric; into the real side of the states if ``reference``."""
    states = {name: metric.empty() for name, metric in metrics.items()}
    broken: dict[str, str] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for done, entry in enumerate(clips, 1):
        try:
            notes[entry.key] = _update(states, metrics, entry, store, reference=reference)
        except InvalidVideoError as error:
            broken[entry.key] = error.message
            for state in states.values():
                rows = state.reference if reference else state.generated
                rows[entry.key] = Row(entry.cluster, None, "the clip cannot be decoded")
        progress(done, len(clips))
    return Pass(states, broken, {key: said for key, said in notes.items() if said})


def summarize(
    clips: Sequence[ScoringClip], chosen: Metrics, seen: Pass, real: Pass, context: Callable[[str], Context]
) -> Scores:
    """Every metric's result of the rows that were ``seen``, or why it cannot run here."""
    both = Pass(seen.states).merge(Pass(real.states))
    results, per_clip = {}, {}
    for name, metric in chosen.items():
        if name in both.states:
            results[name] = metric.compute(both.states[name], context(name))
            per_clip[name] = {key: row.score() for key, row in both.states[name].generated.items()}
        else:
            reason = unavailable(metric) or "it was not measured"
            results[name] = _absent_result(name, metric, reason, context(name).total or 0)
            per_clip[name] = {clip.key: Score(value=None, reason=reason) for clip in clips}
    return Scores(per_clip, results, seen.broken, real.broken, _by_note(seen), _by_note(real))


def _by_note(seen: Pass) -> dict[str, list[str]]:
    notes = sorted({note for said in seen.notes.values() for note in said})
    return {note: sorted(key for key, said in seen.notes.items() if note in said) for note in notes}


def _update(
    states: dict[str, State], metrics: Metrics, entry: ScoringClip, store: FeatureStore | None, *, reference: bool
) -> tuple[str, ...]:
    """Add one clip to every state and give its notes; one that cannot be decoded raises before a state has changed."""
    clip = entry.open(store)
    notes = clip.notes
    for name, metric in metrics.items():
        metric.update(states[name], clip, reference=reference)
    return notes


def lacking(metric: Metric) -> ModelLoadingError | MissingDependencyError | None:
    """What keeps ``metric`` from running here at all."""
    try:
        metric.check()
    except (ModelLoadingError, MissingDependencyError) as error:
        return error
    return None


def unavailable(metric: Metric) -> str | None:
    """Why ``metric`` cannot run here at all, with the remedy; ``None`` when it can."""
    error = lacking(metric)
    return ". ".join(filter(None, [error.message, error.remedy])) if error else None


def _absent_result(name: str, metric: Metric, reason: str, total: int) -> MetricResult:
    return MetricResult(
        name=name,
        label=metric.label,
        value=None,
        reason=reason,
        total=total,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        metadata={"coverage": 0.0 if total else None},
    )
