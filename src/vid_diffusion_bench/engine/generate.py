"""The making of one model's samples: load, warm up, then batch by batch: make, measure, check, store, commit."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from vid_diffusion_bench import events
from vid_diffusion_bench.config import prompt_id
from vid_diffusion_bench.engine.checks import failure_of, flags_of, problem_of
from vid_diffusion_bench.engine.first_frames import make_first_frames
from vid_diffusion_bench.engine.foresee import foresee
from vid_diffusion_bench.engine.pace import note
from vid_diffusion_bench.engine.plan import PlannedModel, PlannedSample
from vid_diffusion_bench.engine.session import Batch, Session, StepWatch
from vid_diffusion_bench.exceptions import GenerationCancelledError, InvalidOutputError
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.profiling import Measurement, measure, read_manifest
from vid_diffusion_bench.results import ClipInfo, Cost, Failure, SampleRecord
from vid_diffusion_bench.storage import StoredModel
from vid_diffusion_bench.video import Video

WARM_UP_SEED = 0


def make_samples(planned: PlannedModel, pending: list[Batch], session: Session) -> Failure | None:
    """Make and commit the ``pending`` batches of one model; why the model could not be made ready, if it could not."""
    model = planned.model
    assert model is not None
    stage = "load"
    try:
        if refused := foresee(planned, pending, session):
            return refused
        stage = "first_frame"
        pending = make_first_frames(planned, pending, session)
    except GenerationCancelledError:
        return None
    except Exception as error:  # noqa: BLE001 - a model is foreign code: what it raises is written down, the run goes on
        return failure_of(error, stage)
    session.listener(events.ModelLoading(planned.name))
    started = time.perf_counter()
    try:
        model.use_profile(planned.profile, session.device)
        was_loaded = model.is_loaded
        model.load(session.device, planned.precision)
        seconds = time.perf_counter() - started
        model.check(pending[0][0].request.parameters, session.config.batch_size)
    except Exception as error:  # noqa: BLE001 - a model is foreign code: what it raises is written down, the run goes on
        model.unload()
        return failure_of(error, "load")
    session.listener(events.ModelLoaded(planned.name, seconds))
    try:
        # What a model took that an earlier run left loaded, that run has written down.
        session.store.put_model(planned.stored_as, StoredModel(model.provenance(), None if was_loaded else seconds))
        _make_all(model, planned, pending, session)
    finally:
        if planned.name not in session.kept:
            model.unload()
    return None


def _make_all(model: VideoModel, planned: PlannedModel, pending: list[Batch], session: Session) -> None:
    manifest = read_manifest(session.device, planned.precision, planned.profile.switches())
    session.store.put_manifest(manifest)
    _warm_up(model, planned.name, pending[0], session)
    made: list[SampleRecord] = []
    for batch in pending:
        if session.stop.is_set():
            break
        try:
            records = _make(model, batch, session, manifest.id)
        except GenerationCancelledError:
            break
        session.store.commit(records)
        for record, _ in records:
            count_sample(record, session)
            made.append(record)
    note(model, session.device, planned.runs_as, made)


def count_sample(record: SampleRecord, session: Session) -> None:
    """Count a committed record, and tell the listener."""
    session.done += record.key not in session.ended
    session.ended.add(record.key)
    session.made.add(record.key)
    session.listener(events.SampleCompleted(record, session.done, session.total))


def _warm_up(model: VideoModel, name: str, batch: Batch, session: Session) -> None:
    """Unmeasured calls at the same shape. When one fails, so will the sample, and that is where it is written down."""
    requests = [replace(sample.request, seed=WARM_UP_SEED + index) for index, sample in enumerate(batch)]
    for _ in range(session.config.warmup):
        session.listener(events.WarmUpStarted(name))
        try:
            model.generate(requests, StepWatch(session, batch))
        except GenerationCancelledError:
            return
        except Exception as error:  # noqa: BLE001 - a model is foreign code
            session.listener(events.Warned(f"{name}: the warm-up failed: {failure_of(error, 'generate').message}"))
            return


def _make(model: VideoModel, batch: Batch, session: Session, manifest: str) -> list[tuple[SampleRecord, str | None]]:
    """One batch, ended: its records, each with the hash of its clip's file."""
    watch = StepWatch(session, batch)
    measured: Measurement | None = None
    try:
        with measure(model.stages(), session.device, session.sampler) as measured:
            watch.timer = measured.timer
            watch.started = time.monotonic()
            videos = model.generate([sample.request for sample in batch], watch)
        if len(videos) != len(batch):
            raise InvalidOutputError(f"the model made {len(videos)} clips for {len(batch)} requests")
    except GenerationCancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - a model is foreign code: what it raises is the sample's record
        failure = failure_of(error, "generate", watch.step or None)
        cost = measured.cost(len(batch)) if measured else None
        return [(make_record(sample, manifest, cost, failure), None) for sample in batch]
    cost = measured.cost(len(batch))
    return [store_clip(sample, video, cost, session, manifest) for sample, video in zip(batch, videos, strict=True)]


def store_clip(
    sample: PlannedSample, video: Video, cost: Cost, session: Session, manifest: str
) -> tuple[SampleRecord, str | None]:
    """Check a clip and store it; a black clip is stored too, so that it can be looked at."""
    failure = problem_of(video, sample.request.parameters)
    stored = session.store.clips.write(sample.key, video, preview=session.config.save_videos)
    record = make_record(sample, manifest, cost, failure, clip=stored.info, flags=flags_of(video))
    return record, stored.file_sha256


def make_record(
    sample: PlannedSample,
    manifest: str,
    cost: Cost | None,
    failure: Failure | None,
    *,
    clip: ClipInfo | None = None,
    flags: Iterable[str] = (),
) -> SampleRecord:
    """How a sample ended, as its record."""
    request = sample.request
    return SampleRecord(
        key=sample.key,
        model=sample.model,
        prompt=request.prompt,
        prompt_id=prompt_id(request.prompt),
        index=sample.index,
        seed=request.seed,
        parameters=request.parameters,
        inputs=sample.inputs,
        status="failed" if failure else "completed",
        failure=failure,
        clip=clip,
        cost=cost,
        flags=list(flags),
        manifest=manifest,
    )


def unmade(sample: PlannedSample, failure: Failure) -> SampleRecord:
    """The record of a sample whose model could not be made ready. It is not stored: the next run tries again."""
    return make_record(sample, "", None, failure)
