"""The scoring of a run's records: every model's clips against the same real set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import GenerationCancelledError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.results import ModelResult, SampleRecord, Score
from vid_diffusion_bench.scoring import Scores, ScoringClip, absent_result, feature_store, score
from vid_diffusion_bench.scoring.reference import NO_REFERENCE, Pairs, find_reference
from vid_diffusion_bench.storage import ClipStore

BROKEN = "broken"
"""The flag of a record whose stored clip can no longer be read."""


def score_models(
    models: Sequence[ModelResult],
    metrics: Sequence[str],
    config: BenchmarkConfig,
    clips: ClipStore,
    listener: events.Listener,
    stop: threading.Event,
) -> list[ModelResult]:
    """The same results with every metric beside those they had, and with each record's own scores.

    Raises:
        GenerationCancelledError: ``stop`` was set.
        InvalidVideoError: The folder of real clips is missing or holds nothing.
    """
    records = [record for model in models for record in model.records]
    reference, pairs = find_reference(config.reference, records)
    store = feature_store()
    scored = []
    for model in models:
        scores = score(
            [_clip(record, clips, pairs) for record in model.records if record.status == "completed"],
            metrics,
            total=len(model.records),
            reference=reference,
            reference_reason=None if reference else NO_REFERENCE,
            subsample=config.subsample,
            store=store,
            progress=_progress(model.model_name, listener, stop),
            reference_progress=_progress("reference", listener, stop),
        )
        scored.append(_with_scores(model, scores))
    return scored


def unscored(models: Sequence[ModelResult], metrics: Sequence[str], reason: str) -> list[ModelResult]:
    """The same results with every metric absent for ``reason``."""
    absent = {name: absent_result(MetricRegistry.get(name), name, reason) for name in metrics}
    return [model.model_copy(update={"metric_results": absent}) for model in models]


def _clip(record: SampleRecord, clips: ClipStore, pairs: Pairs) -> ScoringClip:
    assert record.clip is not None, "a completed sample has a clip"
    load = partial(clips.read, record.clip)
    content = partial(clips.content, record.clip)
    return ScoringClip(record.key, record.prompt_id, record.prompt, load, pairs.get(record.prompt), content)


def _progress(model: str, listener: events.Listener, stop: threading.Event) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        listener(events.ScoringProgress(model, done, total))
        if stop.is_set():
            raise GenerationCancelledError("the run was asked to stop")

    return progress


def _with_scores(model: ModelResult, scores: Scores) -> ModelResult:
    records = [_with_own_scores(record, scores) for record in model.records]
    return model.model_copy(update={"metric_results": model.metric_results | scores.results, "records": records})


def _with_own_scores(record: SampleRecord, scores: Scores) -> SampleRecord:
    own: dict[str, Score] = {
        metric: by_key[record.key] for metric, by_key in scores.per_clip.items() if record.key in by_key
    }
    flags = [flag for flag in record.flags if flag != BROKEN] + [BROKEN] * (record.key in scores.broken)
    return record.model_copy(update={"scores": record.scores | own, "flags": flags})
