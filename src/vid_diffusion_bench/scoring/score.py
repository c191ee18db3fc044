"""The scoring of clips by name of metric, with or without a real set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.metrics import Context, MetricRegistry, unavailable
from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip
from vid_diffusion_bench.scoring.one_pass import Pass, Progress, accumulate, no_progress, summarize
from vid_diffusion_bench.scoring.shards import accumulate_in_processes


def score(
    clips: Sequence[ScoringClip],
    metrics: Sequence[str],
    *,
    total: int | None = None,
    reference: Reference | None = None,
    reference_reason: str | None = None,
    subsample: bool = False,
    store: FeatureStore | None = None,
    workers: int = 1,
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
        subsample: Let set metrics cut the larger set to the size of the smaller; else unequal sizes have no value.
        store: Where features are looked up and kept.
        workers: Processes that measure; 1 is this one.
        progress: Called with clips done and their number, after each generated clip.
        reference_progress: The same for real clips.

    Raises:
        MetricNotFoundError: An unknown metric; raised before anything is decoded.
        ValidationError: Two clips share a key, or something cannot be sent to ``workers``.
    """
    chosen = {name: MetricRegistry.get(name) for name in metrics}
    _check_keys(clips)
    measure = accumulate if workers == 1 else partial(accumulate_in_processes, workers=workers)
    running = {name: metric for name, metric in chosen.items() if unavailable(metric) is None}
    wanted = {name: metric for name, metric in running.items() if metric.uses_reference}
    real = Pass()
    if reference is not None and wanted:
        _check_keys(reference.clips)
        real = measure(reference.clips, wanted, store=store, progress=reference_progress, reference=True)
    seen = measure(clips, running, store=store, progress=progress)
    context = _context(
        len(clips) if total is None else total, reference, reference_reason, real.broken, subsample=subsample
    )
    return summarize(clips, chosen, seen, real, context)


def _context(
    total: int, reference: Reference | None, reason: str | None, broken: dict[str, str], *, subsample: bool
) -> Callable[[str], Context]:
    lost = [f"{len(broken)} real clip{'s' * (len(broken) != 1)} could not be decoded"] if broken else []

    def context(name: str) -> Context:
        if reference is None:
            return Context(name, total, reference_reason=reason or "no real set was given")
        return Context(
            name,
            total,
            reference.fingerprint,
            reference.description,
            reason,
            lost,
            subsample=subsample or bool(reference.spare),
            spare=reference.spare,
        )

    return context


def _check_keys(clips: Sequence[ScoringClip]) -> None:
    keys = [clip.key for clip in clips]
    if len(set(keys)) < len(keys):
        raise ValidationError(f"two clips share a key: {sorted({key for key in keys if keys.count(key) > 1})}")
