"""From a configuration to samples: model x prompt x repeat, each with the hash of all that decides its pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters, derive_seed
from vid_diffusion_bench.exceptions import ModelLoadingError, ModelNotFoundError, ValidationError, VidBenchError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import (
    GenerationRequest,
    ServedModel,
    VideoModel,
    get_first_frame_model,
    get_model,
)
from vid_diffusion_bench.models.conditioning import CONDITIONS
from vid_diffusion_bench.models.lora import Lora
from vid_diffusion_bench.models.served import REMOTE
from vid_diffusion_bench.optimization import OptimizationProfile, check_precision
from vid_diffusion_bench.profiling import device_type, resolve_device
from vid_diffusion_bench.results import fingerprint
from vid_diffusion_bench.video import find_videos

if TYPE_CHECKING:
    from vid_diffusion_bench.models.first_frame import FirstFrameModel


@dataclass(frozen=True)
class PlannedSample:
    """One clip to make. ``index`` counts the samples of one prompt; ``key`` is the same wherever the pixels are.

    ``inputs`` says what the clip starts from, by name: the file's SHA-256, or the model that makes its first frame.
    """

    key: str
    model: str
    index: int
    request: GenerationRequest
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedModel:
    """One model of a run, by the name it was asked for under, and its samples in batches.

    ``profile`` is what is switched on in it.

    ``model`` is ``None`` when it cannot be opened here; ``error`` then says why, and its samples are failures.
    ``first_frame`` makes what its samples start from, where the user gave nothing.
    """

    name: str
    model: VideoModel | None
    precision: str
    batches: tuple[tuple[PlannedSample, ...], ...]
    error: ModelLoadingError | ValidationError | None = None
    first_frame: FirstFrameModel | None = None
    profile: OptimizationProfile = field(default_factory=OptimizationProfile)

    @property
    def stored_as(self) -> str:
        """The name its loading is kept under: with other switches it loads in another time."""
        return f"{self.name}{self._suffix}"

    @property
    def runs_as(self) -> str:
        """The name its pace is kept under: the precision, and the switches if there are any."""
        return f"{self.precision}{self._suffix}"

    @property
    def _suffix(self) -> str:
        switches = self.profile.switches()
        return f" {fingerprint(switches)[:12]}" if switches else ""

    @property
    def samples(self) -> list[PlannedSample]:
        return [sample for batch in self.batches for sample in batch]


@dataclass(frozen=True)
class Plan:
    """All samples of a run, on ``device``."""

    device: str
    models: tuple[PlannedModel, ...]

    @property
    def samples(self) -> list[PlannedSample]:
        return [sample for model in self.models for sample in model.samples]


def make_plan(config: BenchmarkConfig, opened: Mapping[str, VideoModel] | None = None) -> Plan:
    """Open every model and lay out every sample. Whatever is wrong with the request is raised here, before any work.

    Models that are ``opened`` already, by name, are taken as they are.

    Raises:
        MetricNotFoundError: No such metric.
        InvalidVideoError: The folder of real clips is missing or holds nothing.
        ModelNotFoundError: The only thing wrong is that one model is not known.
        ValidationError: What was asked for is impossible; with several mistakes, all are named.
        ModelLoadingError: Not one of the models can be opened here.
    """
    for metric in config.metrics:
        MetricRegistry.get(metric)
    if config.reference is not None:
        find_videos(config.reference)
    if config.precision is not None:
        check_precision(config.precision)
    problems: list[VidBenchError] = []
    found = _find(config.models, problems, opened or {})
    if not any(isinstance(model, VideoModel) for model in found.values()):
        # Nothing can be done: say so before the device is asked for, which imports torch.
        _raise(problems, found)
    device = resolve_device(config.device)
    planned = {name: _plan(name, model, config, device, problems) for name, model in found.items()}
    _raise(problems, {name: plan.error or plan for name, plan in planned.items()})
    return Plan(device, tuple(planned.values()))


def _find(
    names: Sequence[str], problems: list[VidBenchError], opened: Mapping[str, VideoModel]
) -> dict[str, VideoModel | ModelLoadingError]:
    """Every model that is known, or why it cannot be opened here; names that are not known go to ``problems``."""
    found: dict[str, VideoModel | ModelLoadingError] = {}
    for name in names:
        try:
            found[name] = opened.get(name) or get_model(name)
        except ModelLoadingError as error:
            found[name] = error
        except (ModelNotFoundError, ValidationError) as error:
            problems.append(error)
    return found


def _plan(
    name: str,
    model: VideoModel | ModelLoadingError,
    config: BenchmarkConfig,
    device: str,
    problems: list[VidBenchError],
) -> PlannedModel:
    error = model if isinstance(model, ModelLoadingError) else None
    if isinstance(model, VideoModel):
        try:
            return plan_model(name, model, config, device)
        except ModelLoadingError as caught:
            error = caught
        except ValidationError as problem:
            problems.append(problem)
    batches = make_batches(name, config, config.parameters_set(), Decides({"not opened": name}))
    return PlannedModel(name, None, config.precision or "", batches, error)


def _raise(problems: list[VidBenchError], opened: Mapping[str, object]) -> None:
    """Raise what is wrong with the request; that a model cannot be opened is wrong only if none can."""
    errors = [error for error in opened.values() if isinstance(error, ModelLoadingError)]
    if not problems and len(errors) == len(opened):
        raise errors[0]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        remedies = [problem.remedy for problem in problems if problem.remedy]
        raise ValidationError(
            "; ".join(dict.fromkeys(problem.message for problem in problems)),
            remedy=" ".join(dict.fromkeys(remedies)),
            details={"problems": [problem.to_dict() for problem in problems]},
        )


def plan_model(name: str, model: VideoModel, config: BenchmarkConfig, device: str) -> PlannedModel:
    """Lay out the samples of one opened model.

    Raises:
        ModelLoadingError: It cannot be opened here after all.
        ValidationError: It cannot do what is asked.
    """
    parameters = config.parameters_set().over(model.defaults)
    profile = config.profile_on(device)
    model.use_profile(profile, device)
    precision = config.precision or profile.loads_in or model.default_precision(device_type(device))
    try:
        model.use_loras([Lora.parse(text) for text in config.lora])
        first_frame = _first_frame_model(model, config, parameters)
        inputs = {path: _inputs(model, config, _with_image(parameters, path)) for path in _images(config, parameters)}
    except ValidationError as error:
        raise ValidationError(f"{name}: {error.message}", remedy=error.remedy, details=error.details) from error
    if first_frame:
        maker = {"first_frame": first_frame.identity(), "precision": first_frame.default_precision(device_type(device))}
        inputs = {path: files if path else {**files, "image": maker} for path, files in inputs.items()}
    decides = {
        "model": model.identity(),
        "parameters": _plain(parameters, next(iter(inputs.values()))),
        "precision": precision,
        "device": REMOTE if isinstance(model, ServedModel) else device_type(device),
        **({"optimization": switches} if (switches := profile.switches()) else {}),
    }
    batches = make_batches(name, config, parameters, Decides(decides, inputs))
    return PlannedModel(name, model, precision, batches, first_frame=first_frame, profile=profile)


def _images(config: BenchmarkConfig, parameters: GenerationParameters) -> list[str | None]:
    """The images that the prompts start from, each once; ``None`` where a prompt has none."""
    return list(dict.fromkeys(config.images.get(prompt, parameters.image) for prompt in config.prompts))


def _with_image(parameters: GenerationParameters, image: str | None) -> GenerationParameters:
    return parameters.model_copy(update={"image": image})


def _inputs(model: VideoModel, config: BenchmarkConfig, parameters: GenerationParameters) -> dict[str, Any]:
    """The content of the files that a clip starts from, once the model has accepted them."""
    model.check(parameters, config.batch_size)
    return dict(model.inputs(parameters))


def _first_frame_model(
    model: VideoModel, config: BenchmarkConfig, parameters: GenerationParameters
) -> FirstFrameModel | None:
    """What makes the images that the prompts do not have, if ``model`` starts from one."""
    if "video" in model.needs and parameters.video is None:
        raise ValidationError("starts from a video and was given none", remedy="give --video FILE")
    if "image" not in model.needs or None not in _images(config, parameters):
        return None
    if config.first_frame_model is None:
        raise ValidationError(
            "starts from an image and was given only text",
            remedy="give --image FILE, or --first-frame-model with a text-to-image model that makes it",
        )
    return get_first_frame_model(config.first_frame_model)


def _plain(parameters: GenerationParameters, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as plain data, without the paths of files: what is in them is told by the inputs."""
    extra = {name: value for name, value in parameters.extra.items() if name not in inputs}
    try:
        return parameters.model_copy(update={"extra": extra}).model_dump(mode="json", exclude=set(CONDITIONS))
    except PydanticSerializationError as error:
        raise ValidationError(
            f"extra holds something that cannot be written down: {error}", remedy="numbers, texts and lists of them"
        ) from error


@dataclass(frozen=True)
class Decides:
    """What decides the pixels beside prompt and seed: the same for all samples, and by the image they start from."""

    common: dict[str, Any]
    inputs: Mapping[str | None, dict[str, Any]] = field(default_factory=dict)

    def of(self, request: GenerationRequest) -> dict[str, Any]:
        """The inputs of one sample."""
        return self.inputs.get(request.parameters.image, {})


def make_batches(
    name: str, config: BenchmarkConfig, parameters: GenerationParameters, decides: Decides
) -> tuple[tuple[PlannedSample, ...], ...]:
    """The samples of one model, in the batches they are made in."""
    requests = list(_requests(config, parameters))
    chunks = [requests[start : start + config.batch_size] for start in range(0, len(requests), config.batch_size)]
    return tuple(
        tuple(
            PlannedSample(
                sample_key(decides, request, [mate for _, mate in chunk]), name, index, request, decides.of(request)
            )
            for index, request in chunk
        )
        for chunk in chunks
    )


def _requests(config: BenchmarkConfig, parameters: GenerationParameters) -> Iterator[tuple[int, GenerationRequest]]:
    """(index within its prompt, request) of every sample. A prompt written twice gets further samples, not the same."""
    made: Counter[str] = Counter()
    for prompt in config.prompts:
        own = _with_image(parameters, config.images.get(prompt, parameters.image))
        for _ in range(config.samples_per_prompt):
            index = made[prompt]
            yield index, GenerationRequest(prompt, derive_seed(config.base_seed, prompt, index), own)
            made[prompt] += 1


def sample_key(decides: Decides, request: GenerationRequest, batch: Sequence[GenerationRequest]) -> str:
    """SHA-256 of everything that decides the pixels of ``request``.

    Clips of a batch share the arithmetic, and the same clip comes out a few levels different beside others; so where
    there are others, they are part of the key.
    """
    own = {"inputs": decides.of(request), "prompt": request.prompt, "seed": request.seed}
    others = [_mate(decides, mate) for mate in batch] if len(batch) > 1 else None
    return fingerprint({**decides.common, **own, "batch": others})


def _mate(decides: Decides, request: GenerationRequest) -> list[Any]:
    inputs = decides.of(request) if len(decides.inputs) > 1 else None
    return [request.prompt, request.seed, *([inputs] if inputs else [])]
