"""A served model's samples: requests go out by arrival, and each answer is checked, stored and committed."""

from __future__ import annotations

import time
from contextlib import closing

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.arrivals import Arrivals, plan_arrivals
from vid_diffusion_bench.engine.checks import failure_of
from vid_diffusion_bench.engine.generate import count_sample, make_record, store_clip
from vid_diffusion_bench.engine.plan import PlannedModel, PlannedSample
from vid_diffusion_bench.engine.sending import Order, Outcome, send_all
from vid_diffusion_bench.engine.serving_figures import ELSEWHERE
from vid_diffusion_bench.engine.session import Batch, Session
from vid_diffusion_bench.exceptions import ValidationError, VidBenchError
from vid_diffusion_bench.models.served import REMOTE, ServedModel
from vid_diffusion_bench.profiling import read_manifest
from vid_diffusion_bench.results import Cost, Failure, Manifest, SampleRecord
from vid_diffusion_bench.storage import StoredModel

_ASKED = "a server, asked from this machine"
_OPTIONS = ("arrival", "concurrency", "slo_seconds")


def check_serving(config: BenchmarkConfig, planned: PlannedModel) -> None:
    """Raise :class:`ValidationError` for arrivals at a model that runs in this process, or that cannot be planned."""
    if isinstance(planned.model, ServedModel):
        plan_arrivals(config, len(planned.samples))
    elif planned.model and (given := [name for name in _OPTIONS if getattr(config, name) is not None]):
        raise ValidationError(
            f"{planned.name} runs in this process, one call at a time: {', '.join(given)} is only for served models",
            remedy="leave it out, or serve the model and name it as endpoint:http://HOST:PORT/v1#MODEL",
        )


def serve_samples(planned: PlannedModel, pending: list[Batch], session: Session) -> Failure | None:
    """Have the ``pending`` samples made by a server and commit them; why the server cannot be asked, if it cannot."""
    model = planned.model
    assert isinstance(model, ServedModel)
    session.listener(events.ModelLoading(planned.name))
    started = time.perf_counter()
    try:
        model.load(session.device, planned.precision)
    except VidBenchError as error:
        return failure_of(error, "load")
    session.listener(events.ModelLoaded(planned.name, time.perf_counter() - started))
    session.store.put_model(planned.name, StoredModel(model.provenance()))
    manifest = _manifest()
    session.store.put_manifest(manifest)
    arrivals = plan_arrivals(session.config, len(planned.samples))
    _say_if_mixed(planned, arrivals, session)
    with closing(send_all(model, _order(planned, pending, arrivals, session))) as outcomes:
        for outcome in outcomes:
            entry = _end(model, outcome, session, manifest.id)
            session.store.commit([entry])
            count_sample(entry[0], session)
    return None


def _manifest() -> Manifest:
    """The client's machine; what the server is made of is not known."""
    return read_manifest("cpu", REMOTE).model_copy(update={"device": REMOTE, "device_name": _ASKED})


def _order(planned: PlannedModel, pending: list[Batch], arrivals: Arrivals, session: Session) -> Order:
    """The pending samples at the times that the whole plan gives them, from the first of them on."""
    wanted = {sample.key for batch in pending for sample in batch}
    chosen = [(place, sample) for place, sample in enumerate(planned.samples) if sample.key in wanted]
    due = None
    if arrivals.times is not None:
        due = [arrivals.times[place] - arrivals.times[chosen[0][0]] for place, _ in chosen]
    if session.config.warmup:
        session.listener(events.WarmUpStarted(planned.name))

    def warm_up_failed(error: Exception) -> None:
        message = failure_of(error, "generate").message
        session.listener(events.Warned(f"{planned.name}: the warm-up failed: {message}"))

    return Order(
        samples=[sample for _, sample in chosen],
        due=due,
        arrivals=arrivals,
        warmup=session.config.warmup,
        timeout_seconds=session.config.timeout_seconds,
        stop=session.stop,
        warm_up_failed=warm_up_failed,
    )


def _say_if_mixed(planned: PlannedModel, arrivals: Arrivals, session: Session) -> None:
    """Clips of an earlier run are not made again, so their times are of its arrivals."""
    keys = {sample.key for sample in planned.samples} & session.ended
    earlier = [record for key, (record, _) in session.store.samples().items() if key in keys]
    if any(
        record.cost and record.cost.serving and record.cost.serving.process != arrivals.process for record in earlier
    ):
        message = f"{planned.name}: clips are here whose requests arrived differently; measure into another folder"
        session.listener(events.Warned(message))


def _end(model: ServedModel, outcome: Outcome, session: Session, manifest: str) -> tuple[SampleRecord, str | None]:
    cost = _cost(outcome)
    if outcome.answer is None:
        return _failed(outcome.sample, outcome.error, "generate", cost, manifest)
    try:
        video = model.decode(outcome.answer, outcome.sample.request)
    except VidBenchError as error:
        return _failed(outcome.sample, error, "check", cost, manifest)
    return store_clip(outcome.sample, video, cost, session, manifest)


def _failed(
    sample: PlannedSample, error: Exception | None, stage: str, cost: Cost, manifest: str
) -> tuple[SampleRecord, None]:
    assert error is not None, "a request without an answer has an error"
    return make_record(sample, manifest, cost, failure_of(error, stage)), None


def _cost(outcome: Outcome) -> Cost:
    absent = ("peak_rss", "peak_vram", "energy_joules")
    return Cost(
        latency=max(0.0, outcome.serving.latency),
        serving=outcome.serving,
        reasons=dict.fromkeys(absent, ELSEWHERE),
    )
