"""The main job: a plan, what of it is not made yet, the making, the scoring, the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.checks import failure_of
from vid_diffusion_bench.engine.generate import make_samples, unmade
from vid_diffusion_bench.engine.plan import Plan, PlannedModel, make_plan
from vid_diffusion_bench.engine.scored import score_models, unscored
from vid_diffusion_bench.engine.serving import check_serving, serve_samples
from vid_diffusion_bench.engine.serving_figures import served_performance
from vid_diffusion_bench.engine.session import Batch, Session
from vid_diffusion_bench.engine.summary import performance
from vid_diffusion_bench.exceptions import GenerationCancelledError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import ServedModel, VideoModel
from vid_diffusion_bench.profiling import sample_memory, thread_count
from vid_diffusion_bench.results import BenchmarkResult, Failure, Manifest, ModelResult, RunStatus, SampleRecord
from vid_diffusion_bench.storage import RunStore, StoredModel, load_result

_NOT_ASKED = "scoring was not asked for"
_STOPPED = "the run was stopped before it was scored; run it again to go on"


def run(
    config: BenchmarkConfig,
    *,
    listener: events.Listener = events.ignore,
    stop: threading.Event | None = None,
    score: bool = True,
    retry_failed: bool = False,
    opened: Mapping[str, VideoModel] | None = None,
) -> BenchmarkResult:
    """Run a benchmark in ``config.output_dir``; what an earlier run made there is not made again.

    A sample that failed is kept as it is unless ``retry_failed``; one whose model could not be loaded is always tried
    again. A stored clip that is missing or damaged is made again. Setting ``stop`` ends the run after the denoising
    step that is running, with everything measured kept and the status ``interrupted``. The status is ``failed`` when
    not one sample has a clip. Models that are ``opened`` already, by name, are not opened again, and are left loaded
    for the next run; theirs is no load time.

    Raises:
        ValidationError: The request is impossible; nothing was done.
        ModelNotFoundError: A model is not known; nothing was done.
        ModelLoadingError: None of the models can be opened here; nothing was done.
        RunLockedError: Another process is writing to the folder.
        StorageError: The folder cannot be written; what was measured before is kept.
    """
    started = time.perf_counter()
    stop = stop or threading.Event()
    plan = make_plan(config, opened)
    for planned in plan.models:
        check_serving(config, planned)
    with RunStore(config.output_dir) as store, store.attempt(config) as attempt:
        session = _begin(plan, config, store, listener, stop, retry_failed=retry_failed)
        session.kept = frozenset(opened or ())
        with sample_memory(plan.device) as session.sampler:
            result = _execute(plan, session, started, score=score)
        store.write_result(result)
        store.end(attempt, result.status, result.error_message)
    listener(events.RunCompleted(result))
    return result


def rescore(
    output_dir: Path | str,
    *,
    metrics: Sequence[str] | None = None,
    reference: str | None = None,
    subsample: bool | None = None,
    listener: events.Listener = events.ignore,
) -> BenchmarkResult:
    """Score the stored clips of a finished run again: by its own metrics, or by others, which join them.

    With another ``reference`` or ``subsample``, every metric is computed again, so that all of a result have the same
    real clips.

    Raises:
        BenchmarkNotFoundError: No run has ended there.
        MetricNotFoundError: No such metric.
        RunLockedError: A run is writing to the folder.
    """
    for metric in metrics or ():
        MetricRegistry.get(metric)
    load_result(output_dir)
    with RunStore(output_dir) as store:
        stored = load_result(output_dir)
        together = list(dict.fromkeys([*stored.config.metrics, *(metrics or ())]))
        changed = {"reference": reference, "subsample": subsample}
        changed = {name: value for name, value in changed.items() if value is not None}
        asked = together if changed or not metrics else list(metrics)
        stated = stored.config.model_dump(exclude_unset=True) | {"metrics": together}
        config = BenchmarkConfig.create(**stated | changed)
        models = score_models(stored.models, asked, config, store.clips, listener, threading.Event())
        threads: int | None = thread_count()
        if set(asked) != set(together) and threads != stored.scoring_threads:
            threads = None
        result = stored.model_copy(update={"models": models, "config": config, "scoring_threads": threads})
        store.write_result(result)
    return result


def _begin(
    plan: Plan,
    config: BenchmarkConfig,
    store: RunStore,
    listener: events.Listener,
    stop: threading.Event,
    *,
    retry_failed: bool,
) -> Session:
    """See what of the plan is there already."""
    samples = plan.samples
    ended = ended_samples({sample.key for sample in samples}, store, retry_failed=retry_failed)
    done = sum(sample.key in ended for sample in samples)
    names = [planned.name for planned in plan.models]
    listener(events.RunStarted(store.benchmark_id, names, len(samples), done))
    return Session(config, plan.device, store, listener, stop, len(samples), done, ended)


def ended_samples(keys: set[str], store: RunStore, *, retry_failed: bool) -> set[str]:
    """The keys of samples that need not be made: failures that are to stay, and clips that are still whole."""
    return {
        key
        for key, (record, file_sha256) in store.samples().items()
        if key in keys
        and (
            store.clips.is_intact(record.clip, file_sha256)
            if record.clip and record.status == "completed"
            else not retry_failed
        )
    }


def _execute(plan: Plan, session: Session, started: float, *, score: bool) -> BenchmarkResult:
    errors = {planned.name: make_pending(planned, session) for planned in plan.models}
    models = _model_results(plan, session, errors)
    lacking = session.stop.is_set() and sum(len(model.records) for model in models) < session.total
    models, scored = _scored(models, session, None if score and not lacking else _STOPPED if lacking else _NOT_ASKED)
    if scored and not session.config.save_videos:
        models = _without_clips(models, session)
    failures = [record.failure for model in models for record in model.records if record.failure]
    any_clip = any(record.status == "completed" for model in models for record in model.records)
    stopped = lacking or (score and not scored)
    status: RunStatus = "interrupted" if stopped else "completed" if any_clip else "failed"
    return BenchmarkResult(
        benchmark_id=session.store.benchmark_id,
        status=status,
        execution_time=time.perf_counter() - started,
        models=models,
        config=session.config,
        manifests=_manifests(models, session.store),
        scoring_threads=thread_count() if scored else None,
        error_message=failures[0].message if status == "failed" and failures else None,
    )


def make_pending(planned: PlannedModel, session: Session) -> Failure | None:
    """Make what is lacking of one model; why it could not be made ready, if it could not."""
    pending: list[Batch] = [
        batch for batch in planned.batches if any(sample.key not in session.ended for sample in batch)
    ]
    if not pending or session.stop.is_set():
        return None
    make = serve_samples if isinstance(planned.model, ServedModel) else make_samples
    failure = failure_of(planned.error, "load") if planned.error else make(planned, pending, session)
    if failure:
        session.listener(events.ModelFailed(planned.name, failure))
    return failure


def _model_results(plan: Plan, session: Session, errors: dict[str, Failure | None]) -> list[ModelResult]:
    stored = {key: record for key, (record, _) in session.store.samples().items() if key in session.ended}
    known, manifests = session.store.models(), session.store.manifests()
    results = []
    for planned in plan.models:
        error, about = errors[planned.name], known.get(planned.stored_as)
        records = records_of(planned, stored, error)
        load_seconds = about.load_seconds if about else None
        figures = (
            served_performance(planned.name, records, manifests, session.config)
            if isinstance(planned.model, ServedModel)
            else performance(records, manifests, load_seconds, session.config.prices)
        )
        result = ModelResult(
            model_name=planned.name,
            performance_results=figures,
            records=records,
            provenance=_provenance(planned, about),
            load_seconds=load_seconds,
            error=error,
        )
        results.append(result)
    return results


def _provenance(planned: PlannedModel, stored: StoredModel | None) -> dict[str, Any]:
    """The model's own word; what its profile did is known from the run that loaded it."""
    own = planned.model.provenance() if planned.model else {}
    before = stored.provenance.get("optimization") if stored else None
    return {**own, "optimization": before} if before and "optimization" in own else own


def records_of(planned: PlannedModel, stored: dict[str, SampleRecord], error: Failure | None) -> list[SampleRecord]:
    """The records in the order of the plan; samples that a stopped run did not come to have none."""
    records = []
    for sample in planned.samples:
        if sample.key in stored:
            records.append(stored[sample.key].model_copy(update={"model": planned.name}))
        elif error:
            records.append(unmade(sample, error))
    return records


def _scored(models: list[ModelResult], session: Session, why_not: str | None) -> tuple[list[ModelResult], bool]:
    config = session.config
    if why_not is None:
        try:
            clips = session.store.clips
            return score_models(models, config.metrics, config, clips, session.listener, session.stop), True
        except GenerationCancelledError:
            why_not = _STOPPED
    return unscored(models, config.metrics, why_not), False


def _without_clips(models: list[ModelResult], session: Session) -> list[ModelResult]:
    """Delete the clips that this run made and noted, now that they are scored."""

    def without(record: SampleRecord) -> SampleRecord:
        if record.clip is None or record.key not in session.made:
            return record
        session.store.clips.discard(record.clip)
        return record.model_copy(update={"clip": record.clip.model_copy(update={"path": None})})

    return [model.model_copy(update={"records": [without(r) for r in model.records]}) for model in models]


def _manifests(models: Sequence[ModelResult], store: RunStore) -> dict[str, Manifest]:
    used = {record.manifest for model in models for record in model.records}
    return {name: manifest for name, manifest in store.manifests().items() if name in used}
