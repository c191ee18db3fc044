"""One pass over the clips: each decoded once, each feature computed once, then every metric summed up.

Between clips only the metrics' rows are kept (numbers, and one feature vector a clip for set metrics).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vid_diffusion_bench.exceptions import (
    InvalidVideoError,
    MissingDependencyError,
    ValidationError,
    WeightsNotFoundError,
)
from vid_diffusion_bench.metrics import Context, Metric, MetricRegistry, Row, State
from vid_diffusion_bench.results import MetricResult, Score, fingerprint
from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """The progress listener that does nothing."""


def score(
    clips: Sequence[ScoringClip],
    metrics: Sequence[str],
    *,
    total: int | None = None,
    reference: Reference | None = None,
    reference_reason: str | None = None,
    progress: Progress = no_progress,
    reference_progress: Progress = no_progress,
) -> Scores:
    """Score ``clips`` by every metric of ``metrics``.

    Args:
        clips: The generated clips; keys must differ.
        metrics: Names or aliases; results carry them as written.
        total: Clips planned, failed ones included: the denominator of coverage. Default: ``len(clips)``.
        reference: The real set, for metrics that compare sets.
        reference_reason: Why there is no ``reference``.
        progress: Called with clips done and their number, after each generated clip.
        reference_progress: The same for real clips; clips known from an earlier pass of this process are not repeated.

    Raises:
        MetricNotFoundError: An unknown metric; raised before anything is decoded.
        ValidationError: Two clips share a key.
    """
    chosen = {name: MetricRegistry.get(name) for name in metrics}
    _check_keys(clips)
    absent = {name: reason for name, metric in chosen.items() if (reason := _unavailable(metric))}
    running = {name: metric for name, metric in chosen.items() if name not in absent}
    real = _reference_rows(reference, running, reference_progress)
    pass_ = _pass_over(clips, running, progress, reference=False)
    context = _context(len(clips) if total is None else total, reference, reference_reason, real.broken)
    results = {}
    for name, metric in chosen.items():
        if name in absent:
            results[name] = _absent_result(name, metric, absent[name], context(name).total or 0)
            continue
        state = State(pass_.rows[name], real.rows.get(name, {}))
        results[name] = metric.compute(state, context(name))
    per_clip = {name: {key: row.score() for key, row in rows.items()} for name, rows in pass_.rows.items()}
    per_clip |= {name: {clip.key: Score(value=None, reason=why) for clip in clips} for name, why in absent.items()}
    return Scores(per_clip, results, pass_.broken, real.broken)


@dataclass(frozen=True)
class _Pass:
    """Rows by metric and clip key, and the clips that could not be decoded."""

    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def _pass_over(
    clips: Sequence[ScoringClip], metrics: dict[str, Metric], progress: Progress, *, reference: bool
) -> _Pass:
    states = {name: metric.empty() for name, metric in metrics.items()}
    broken: dict[str, str] = {}
    for done, entry in enumerate(clips, 1):
        try:
            _update(states, metrics, entry, reference=reference)
        except InvalidVideoError as error:
            broken[entry.key] = error.message
        progress(done, len(clips))
    rows = {name: state.reference if reference else state.generated for name, state in states.items()}
    lost = {entry.key: Row(entry.cluster, None, "the clip cannot be decoded") for entry in clips if entry.key in broken}
    return _Pass({name: seen | lost for name, seen in rows.items()}, broken)


def _update(states: dict[str, State], metrics: dict[str, Metric], entry: ScoringClip, *, reference: bool) -> None:
    """Add one clip to every state; a clip that cannot be decoded raises before any state has changed."""
    clip = entry.open()
    _ = clip.video
    for name, metric in metrics.items():
        metric.update(states[name], clip, reference=reference)


_KNOWN_REFERENCES: OrderedDict[str, _Pass] = OrderedDict()
"""Rows of the last real sets by the hash of their pixels and the metrics' protocols: several models share one set."""
_REFERENCES_KEPT = 4


def _reference_rows(reference: Reference | None, metrics: dict[str, Metric], progress: Progress) -> _Pass:
    wanted = {name: metric for name, metric in metrics.items() if metric.uses_reference}
    if reference is None or not wanted:
        return _Pass()
    _check_keys(reference.clips)
    key = fingerprint([reference.fingerprint, {name: metric.protocol() for name, metric in wanted.items()}])
    if key not in _KNOWN_REFERENCES:
        _KNOWN_REFERENCES[key] = _pass_over(reference.clips, wanted, progress, reference=True)
    _KNOWN_REFERENCES.move_to_end(key)
    while len(_KNOWN_REFERENCES) > _REFERENCES_KEPT:
        _KNOWN_REFERENCES.popitem(last=False)
    return _KNOWN_REFERENCES[key]


def _context(
    total: int, reference: Reference | None, reason: str | None, broken: dict[str, str]
) -> Callable[[str], Context]:
    lost = [f"{len(broken)} real clips could not be decoded"] if broken else []

    def context(name: str) -> Context:
        if reference is None:
            return Context(name, total, reference_reason=reason or "no real set was given")
        return Context(name, total, reference.fingerprint, reference.description, reason, lost)

    return context


def _unavailable(metric: Metric) -> str | None:
    """Why ``metric`` cannot run here at all."""
    try:
        metric.protocol()
    except (WeightsNotFoundError, MissingDependencyError) as error:
        return error.message
    return None


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


def _check_keys(clips: Sequence[ScoringClip]) -> None:
    keys = [clip.key for clip in clips]
    if len(set(keys)) < len(keys):
        raise ValidationError(f"two clips share a key: {sorted({key for key in keys if keys.count(key) > 1})}")
