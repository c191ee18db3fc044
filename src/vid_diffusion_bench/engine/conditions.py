"""Several configurations made together, clip by clip in a given order, in one folder: the engine of an experiment."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.engine.checks import failure_of
from vid_diffusion_bench.engine.plan import Decides, PlannedModel, make_batches, plan_model
from vid_diffusion_bench.engine.run import ended_samples, make_pending, records_of
from vid_diffusion_bench.engine.scored import score_models
from vid_diffusion_bench.engine.serving import check_serving
from vid_diffusion_bench.engine.session import Batch, Session
from vid_diffusion_bench.exceptions import GenerationCancelledError, ModelLoadingError, ValidationError
from vid_diffusion_bench.models import VideoModel, get_model
from vid_diffusion_bench.profiling import resolve_device, sample_memory
from vid_diffusion_bench.results import Failure, Manifest, ModelResult, fingerprint
from vid_diffusion_bench.storage import RunStore
from vid_diffusion_bench.video import find_videos

_WITHIN_A_MODEL = frozenset(GenerationParameters.model_fields) | {"models", "prompts"}


@dataclass(frozen=True)
class Made:
    """What came of the conditions.

    ``models`` are by condition; ``not_set`` says of a condition why it could not be set up. ``interrupted``: it was
    stopped, and samples it did not come to have no record.
    """

    models: dict[str, ModelResult]
    not_set: dict[str, str]
    manifests: dict[str, Manifest]
    interrupted: bool


def run_conditions(
    configs: Mapping[str, BenchmarkConfig],
    order: Sequence[tuple[str, str, int]],
    *,
    listener: events.Listener = events.ignore,
    stop: threading.Event | None = None,
    retry_failed: bool = False,
) -> Made:
    """Make and score every clip of ``configs``, each of one model, in ``order`` of (condition, prompt, index).

    All share the folder of the first. A model stays loaded while the next clip needs it loaded the same way. What an
    earlier call made there is not made again. A condition that its model cannot do, such as an argument that the
    pipeline does not take, leaves failed records with the reason; the others go on.

    Raises:
        ModelNotFoundError: A model is not known; nothing was done.
        ModelLoadingError: None of the models can be opened here; nothing was done.
        InvalidVideoError: The folder of real clips is missing or holds nothing.
        RunLockedError: Another process is writing to the folder.
        StorageError: The folder cannot be written; what was measured before is kept.
    """
    stop = stop or threading.Event()
    first = next(iter(configs.values()))
    if first.reference is not None:
        find_videos(first.reference)
    planned = _plan(configs)
    with RunStore(first.output_dir) as store, store.attempt(first) as attempt:
        made = _make_all(configs, planned, order, store, listener, stop, retry_failed=retry_failed)
        store.end(attempt, "interrupted" if made.interrupted else "completed")
    return made


def _plan(configs: Mapping[str, BenchmarkConfig]) -> dict[str, PlannedModel]:
    """Each condition's samples; its model is opened once for all conditions that can share it."""
    opened: dict[str, VideoModel | ModelLoadingError] = {}
    planned = {}
    for name, config in configs.items():
        block = block_of(config)
        if block not in opened:
            opened[block] = _open(config.models[0])
        planned[name] = _plan_condition(config, opened[block])
    errors = [model for model in opened.values() if isinstance(model, ModelLoadingError)]
    if len(errors) == len(opened):
        raise errors[0]
    return planned


def block_of(config: BenchmarkConfig) -> str:
    """Equal for configurations that one loaded model serves."""
    stated = config.model_dump(mode="json", exclude_unset=True)
    own = {name: value for name, value in stated.items() if name not in _WITHIN_A_MODEL}
    return fingerprint({**own, "model": config.models[0]})


def _open(name: str) -> VideoModel | ModelLoadingError:
    try:
        return get_model(name)
    except ModelLoadingError as error:
        return error


def _plan_condition(config: BenchmarkConfig, model: VideoModel | ModelLoadingError) -> PlannedModel:
    name = config.models[0]
    error: ModelLoadingError | ValidationError | None = model if isinstance(model, ModelLoadingError) else None
    if isinstance(model, VideoModel):
        try:
            planned = plan_model(name, model, config, resolve_device(config.device))
            check_serving(config, planned)
        except (ModelLoadingError, ValidationError) as caught:
            error = caught
        else:
            return planned
    assert error is not None
    batches = make_batches(name, config, config.parameters_set(), Decides({"not opened": name}))
    return PlannedModel(name, None, config.precision or "", batches, error)


def _make_all(
    configs: Mapping[str, BenchmarkConfig],
    planned: Mapping[str, PlannedModel],
    order: Sequence[tuple[str, str, int]],
    store: RunStore,
    listener: events.Listener,
    stop: threading.Event,
    *,
    retry_failed: bool,
) -> Made:
    keys = {sample.key for model in planned.values() for sample in model.samples}
    ended = ended_samples(keys, store, retry_failed=retry_failed)
    names = list(dict.fromkeys(model.name for model in planned.values()))
    listener(events.RunStarted(store.benchmark_id, names, len(keys), len(ended)))
    first = next(iter(configs.values()))
    session = Session(first, resolve_device(first.device), store, listener, stop, len(keys), len(ended), ended)
    failures: dict[str, Failure] = {}
    with sample_memory(session.device) as session.sampler:
        for conditions, batches in _stretches(configs, planned, order):
            failure = _make_stretch(conditions, batches, configs, planned, session)
            failures |= dict.fromkeys(conditions, failure) if failure else {}
    return _results(configs, planned, failures, session)


Stretch = tuple[list[str], list[Batch]]


def _stretches(
    configs: Mapping[str, BenchmarkConfig],
    planned: Mapping[str, PlannedModel],
    order: Sequence[tuple[str, str, int]],
) -> Iterator[Stretch]:
    """The batches in order, cut where another model is to be loaded; a batch comes when its first sample does."""
    batch_of = {
        (name, sample.request.prompt, sample.index): batch
        for name, model in planned.items()
        if not model.error
        for batch in model.batches
        for sample in batch
    }
    blocks = {name: block_of(config) for name, config in configs.items()}
    due: dict[tuple[str, ...], tuple[str, Batch]] = {}
    for trial in order:
        if batch := batch_of.get(trial):
            due.setdefault(tuple(sample.key for sample in batch), (trial[0], batch))
    for _, stretch in groupby(due.values(), key=lambda entry: blocks[entry[0]]):
        entries = list(stretch)
        yield list(dict.fromkeys(name for name, _ in entries)), [batch for _, batch in entries]


def _make_stretch(
    conditions: list[str],
    batches: list[Batch],
    configs: Mapping[str, BenchmarkConfig],
    planned: Mapping[str, PlannedModel],
    session: Session,
) -> Failure | None:
    """Make what is lacking of one loaded model; why it could not be made ready, if it could not."""
    config = configs[conditions[0]]
    session.config, session.device = config, resolve_device(config.device)
    return make_pending(replace(planned[conditions[0]], batches=tuple(batches)), session)


def _results(
    configs: Mapping[str, BenchmarkConfig],
    planned: Mapping[str, PlannedModel],
    failures: Mapping[str, Failure],
    session: Session,
) -> Made:
    kept = session.store.samples()
    stored = {key: record for key, (record, _) in kept.items() if key in session.ended}
    models, not_set = {}, {}
    for name, model in planned.items():
        error = failure_of(model.error, "load") if model.error else failures.get(name)
        if error:
            not_set[name] = error.message
        records = records_of(model, stored, error)
        models[name] = ModelResult(model_name=model.name, records=records, error=error)
    lacking = sum(len(model.records) for model in models.values()) < sum(len(m.samples) for m in planned.values())
    interrupted = session.stop.is_set() and lacking
    if not interrupted:
        models, interrupted = _scored(configs, models, session)
    used = {record.manifest for model in models.values() for record in model.records}
    manifests = {name: manifest for name, manifest in session.store.manifests().items() if name in used}
    return Made(models, not_set, manifests, interrupted)


def _scored(
    configs: Mapping[str, BenchmarkConfig], models: dict[str, ModelResult], session: Session
) -> tuple[dict[str, ModelResult], bool]:
    scored = {}
    for name, model in models.items():
        config = configs[name]
        if not config.metrics:
            scored[name] = model
            continue
        try:
            (scored[name],) = score_models(
                [model], config.metrics, config, session.store.clips, session.listener, session.stop
            )
        except GenerationCancelledError:
            return models, True
    return scored, False
