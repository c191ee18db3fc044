"""One model taken apart: load, first call, steady calls; stages, steps, memory, energy, operations."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, median

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.checks import problem_of
from vid_diffusion_bench.engine.first_frames import with_first_frames
from vid_diffusion_bench.engine.generate import make_record
from vid_diffusion_bench.engine.levels import check_levels
from vid_diffusion_bench.engine.plan import PlannedModel, PlannedSample, make_plan
from vid_diffusion_bench.engine.power import disturbances
from vid_diffusion_bench.engine.starts import DRAWN, draw_starts
from vid_diffusion_bench.engine.summary import performance
from vid_diffusion_bench.exceptions import (
    GenerationCancelledError,
    GenerationError,
    GenerationTimeoutError,
    ModelLoadingError,
    ValidationError,
    VidBenchError,
)
from vid_diffusion_bench.models import ServedModel, StepCallback, VideoModel, get_model
from vid_diffusion_bench.optimization import BASELINE
from vid_diffusion_bench.profiling import (
    INTERVAL,
    CallProfile,
    LevelProfile,
    Measurement,
    PeakRate,
    ProfileReport,
    Sampler,
    StageProfile,
    StageTimer,
    TimedSpan,
    compile_seconds,
    count_parameters,
    count_work,
    measure,
    measure_peak,
    memory_samples,
    read_manifest,
    sample_memory,
)
from vid_diffusion_bench.profiling.work import COUNTED
from vid_diffusion_bench.results import ClipInfo, Cost, Manifest, SampleRecord
from vid_diffusion_bench.video import Video

Batch = tuple[PlannedSample, ...]
CUSTOM = "custom"
"""The level of a profile that has no name."""
SAMPLING_TOLERANCE = 0.02, 5_000_000
"""How far the sampled peak of memory may be above the kernel's (relative, bytes) before a warning says so."""


@dataclass
class _Job:
    """What the calls of one profile share."""

    planned: PlannedModel
    model: VideoModel
    config: BenchmarkConfig
    device: str
    manifest: Manifest
    sampler: Sampler
    listener: events.Listener
    stop: threading.Event
    peak: PeakRate
    detailed: bool
    total: int
    folder: Path
    began: float = field(default_factory=time.perf_counter)
    done: int = 0


def profile(
    config: BenchmarkConfig,
    *,
    levels: Sequence[str] | None = None,
    detailed: bool = False,
    listener: events.Listener = events.ignore,
    stop: threading.Event | None = None,
) -> ProfileReport:
    """Profile the one model of ``config`` on its prompts; nothing is stored and nothing is scored.

    The first call is the warm-up, at the same shape as all others; a second, unmeasured one counts operations. Every
    batch of the plan is then one steady call. A model that starts from an image or a clip and was given none starts
    from one that the built-in world renders: the time does not depend on what is seen in it. ``detailed`` keeps the
    memory's timeline of every call. ``levels`` are run one after the other; ``None`` is the one that ``config`` says.

    Raises:
        ValidationError: The request is impossible, or the model runs on a server; nothing was done.
        ModelLoadingError: The model cannot be opened or loaded here.
        GenerationError: A call failed.
        GenerationCancelledError: ``stop`` was set.
    """
    with tempfile.TemporaryDirectory() as folder:
        drawn = _drawn(config, Path(folder))
        asked = config.model_copy(update=drawn)
        return _profile(asked, levels, detailed, listener, stop or threading.Event(), Path(folder), drawn)


def _drawn(config: BenchmarkConfig, folder: Path) -> dict[str, str]:
    """What the model needs to start from and nobody gave, nor another model is to make."""
    model = get_model(config.models[0])
    if isinstance(model, ServedModel):
        raise ValidationError(
            f"{model.name} runs on a server, which shows neither its stages nor its memory",
            remedy="vid-bench benchmark times its requests; profile the model where its weights are",
        )
    if not model.needs or config.first_frame_model or config.images:
        return {}
    return draw_starts(model, config.parameters_set().over(model.defaults), folder)


def _profile(
    config: BenchmarkConfig,
    levels: Sequence[str] | None,
    detailed: bool,
    listener: events.Listener,
    stop: threading.Event,
    folder: Path,
    drawn: dict[str, str],
) -> ProfileReport:
    plans = {name: make_plan(asked) for name, asked in _by_level(config, levels).items()}
    plan = next(iter(plans.values()))
    planned = plan.models[0]
    total = len(planned.samples) * len(plans)
    at = {name: found.models[0] for name, found in plans.items()}
    manifests = {name: read_manifest(plan.device, m.precision, m.profile.switches()) for name, m in at.items()}
    precisions = dict.fromkeys(m.precision for m in at.values())
    peaks = {name: PeakRate(**asdict(measure_peak(plan.device, name))) for name in precisions}
    listener(events.RunStarted(f"profile of {planned.name}", [planned.name], total, 0))
    with sample_memory(plan.device) as sampler:
        began, profiles = time.perf_counter(), list[LevelProfile]()
        for name, at_level in plans.items():
            done, found = len(profiles) * len(planned.samples), at_level.models[0]
            assert found.model is not None
            job = _Job(
                found, found.model, config, plan.device, manifests[name], sampler, listener, stop,
                peaks[found.precision], detailed, total, folder, began, done,
            )  # fmt: skip
            profiles.append(_profile_level(name, job))
    sample = planned.samples[0]
    return ProfileReport(
        model=planned.name,
        parameters=sample.request.parameters.model_dump(mode="json", exclude_none=True, exclude=set(drawn)),
        inputs={name: DRAWN if name in drawn else value for name, value in sample.inputs.items()},
        batch_size=config.batch_size,
        manifest=next(iter(manifests.values())),
        peak=peaks[planned.precision],
        levels=profiles,
        sampling_interval=INTERVAL,
        counted=COUNTED,
        detailed=detailed,
    )


def _by_level(config: BenchmarkConfig, levels: Sequence[str] | None) -> dict[str, BenchmarkConfig]:
    if levels is None:
        named = config.optimization or BASELINE
        return {named if isinstance(named, str) else CUSTOM: config}
    return {level: config.model_copy(update={"optimization": level}) for level in check_levels(levels)}


def _profile_level(level: str, job: _Job) -> LevelProfile:
    model, batches = job.model, _with_first_frames(job)
    job.listener(events.ModelLoading(job.planned.name))
    try:
        load = _load(job, batches)
        applied = model.provenance().get("optimization", {}).get("applied") or {}
        job.listener(events.ModelLoaded(job.planned.name, load.cost.latency))
        job.listener(events.WarmUpStarted(job.planned.name))
        first, _ = _call("first", batches[0], job)
        flops, why = _count(batches[0], job)
        records, steady = [], []
        for batch in batches:
            call, made = _call("steady", batch, job)
            steady.append(call)
            records += made
        parameters = count_parameters(model.stages())
    finally:
        model.unload()
    calls = [load, first, *steady]
    return LevelProfile(
        level=level,
        load_seconds=load.cost.latency,
        first_call_seconds=first.cost.latency,
        steady_seconds=(usual := median(call.cost.latency for call in steady)),
        first_call_extra=first.cost.latency - usual,
        compile_seconds=first.compile_seconds,
        step=median(steps) if (steps := [s for call in steady for s in call.cost.steps]) else None,
        stages=_stages(steady, flops, parameters, job.peak),
        performance=performance(records, {job.manifest.id: job.manifest}, load.cost.latency, job.config.prices),
        calls=calls,
        manifest=job.manifest,
        peak=job.peak,
        optimization=applied,
        flops_reason=why,
        warnings=_warnings(calls, steady, records),
    )


def _with_first_frames(job: _Job) -> list[Batch]:
    """The batches of the plan, with the images that another model makes for them; its time is in no figure."""

    def watch(sample: PlannedSample) -> StepCallback:
        return _on_step((sample,), job, None)

    with _named(GenerationError, "the first frames cannot be made"):
        batches = list(job.planned.batches)
        return with_first_frames(job.planned, batches, job.folder, job.device, job.listener, watch)


def _load(job: _Job, batches: Sequence[Batch]) -> CallProfile:
    start = time.perf_counter() - job.began
    with measure({}, job.device, job.sampler) as measured:
        _make_ready(job)
    job.model.check(batches[0][0].request.parameters, job.config.batch_size)
    return _as_call("load", start, measured, job, batch=())


def _make_ready(job: _Job) -> None:
    with _named(ModelLoadingError, f"{job.planned.name} cannot be loaded"):
        job.model.use_profile(job.planned.profile, job.device)
        job.model.load(job.device, job.planned.precision)


@contextmanager
def _named(kind: type[VidBenchError], what: str) -> Iterator[None]:
    """A model is foreign code: what it raises gets a name of ours."""
    try:
        yield
    except VidBenchError:
        raise
    except Exception as error:
        raise kind(f"{what}: {type(error).__name__}: {error}") from error


def _call(kind: str, batch: Batch, job: _Job) -> tuple[CallProfile, list[SampleRecord]]:
    """One measured call, and the records of its clips."""
    start, compiled = time.perf_counter() - job.began, compile_seconds()
    with measure(job.model.stages(), job.device, job.sampler) as measured:
        videos = _generate(batch, job, measured.timer)
    call = _as_call(kind, start, measured, job, batch, compile_seconds() - compiled)
    if kind == "first":
        return call, []
    records = [_record(sample, video, call.cost, job) for sample, video in zip(batch, videos, strict=True)]
    for record in records:
        job.done += 1
        job.listener(events.SampleCompleted(record, job.done, job.total))
    return call, records


def _generate(batch: Batch, job: _Job, timer: StageTimer | None) -> list[Video]:
    with _named(GenerationError, f"{job.planned.name} failed"):
        return job.model.generate([sample.request for sample in batch], _on_step(batch, job, timer))


def _on_step(batch: Batch, job: _Job, timer: StageTimer | None) -> StepCallback:
    started, limit = time.monotonic(), job.config.timeout_seconds

    def on_step(step: int, total: int) -> None:
        if timer is not None:
            timer.step()
            job.listener(events.StepCompleted(job.planned.name, batch[0].request.prompt, step, total))
        if job.stop.is_set():
            raise GenerationCancelledError("the profile was asked to stop")
        if limit is not None and time.monotonic() - started > limit:
            raise GenerationTimeoutError(limit, step=step)

    return on_step


def _count(batch: Batch, job: _Job) -> tuple[dict[str, int], str | None]:
    """Operations of one call by stage, or why they cannot be counted."""
    stages = job.model.stages()
    if not stages:
        return {}, "the model shows no modules whose operations could be counted"
    try:
        with count_work(stages) as work:
            _generate(batch, job, None)
    except GenerationCancelledError:
        raise
    except GenerationError as error:
        return {}, f"the operations cannot be counted: {error.message}"
    return work.flops, None


def _as_call(
    kind: str, start: float, measured: Measurement, job: _Job, batch: Batch, compiled: float = 0.0
) -> CallProfile:
    return CallProfile(
        kind=kind,
        start=start,
        cost=measured.cost(max(1, len(batch))),
        prompts=[sample.request.prompt for sample in batch],
        compile_seconds=compiled,
        spans=[TimedSpan.of(span) for span in measured.times.spans],
        steps=[TimedSpan.of(span) for span in measured.times.step_spans],
        memory=memory_samples(measured.memory.window) if job.detailed else [],
    )


def _record(sample: PlannedSample, video: Video, cost: Cost, job: _Job) -> SampleRecord:
    clip = ClipInfo(
        sha256=video.sha256(), path=None, preview=None, num_frames=video.num_frames, height=video.height,
        width=video.width, fps=video.fps,
    )  # fmt: skip
    return make_record(sample, job.manifest.id, cost, problem_of(video, sample.request.parameters), clip=clip)


def _stages(
    steady: list[CallProfile], flops: dict[str, int], parameters: dict[str, int], peak: PeakRate
) -> list[StageProfile]:
    total = fmean(call.cost.latency for call in steady)
    names = dict.fromkeys(name for call in steady for name in call.cost.stages)
    stages = []
    for name in names:
        seconds = fmean(call.cost.stages.get(name, 0.0) for call in steady)
        rate = flops[name] / seconds if flops.get(name) and seconds else None
        stages.append(
            StageProfile(
                name=name,
                seconds=seconds,
                share=seconds / total,
                parameters=parameters.get(name),
                flops=flops.get(name, 0) if flops else None,
                flops_per_second=rate,
                peak_share=rate / peak.flops_per_second if rate else None,
            )
        )
    return stages


def _warnings(calls: list[CallProfile], steady: list[CallProfile], records: list[SampleRecord]) -> list[str]:
    warnings = disturbances([call.cost for call in steady])
    failures = [record.failure.message for record in records if record.failure]
    if failures:
        warnings.append(f"{len(failures)} of {len(records)} clips are not usable: {', '.join(dict.fromkeys(failures))}")
    if any(call.compile_seconds for call in steady):
        warnings.append("something was compiled again in a steady call: its time is not the steady state's")
    relative, absolute = SAMPLING_TOLERANCE
    for call in calls:
        exact, sampled = call.cost.peak_rss, call.cost.sampled_rss
        if exact is not None and sampled is not None and sampled - exact > max(relative * exact, absolute):
            warnings.append(
                f"{call.kind}: a sample of memory ({sampled:,} B) lies above the kernel's peak ({exact:,} B)"
            )
    return warnings
