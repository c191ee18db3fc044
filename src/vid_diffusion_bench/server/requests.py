"""From a request to a benchmark that can be queued: what is wrong with it is said now."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from vid_diffusion_bench.auth import Principal
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import InvalidPromptError, PermissionDeniedError, ValidationError
from vid_diffusion_bench.jobs import NewJob
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import ModelRegistry, canonical_name, model_info
from vid_diffusion_bench.prompts.check import check_prompt
from vid_diffusion_bench.server.paths import inside
from vid_diffusion_bench.server.schemas.benchmarks import BenchmarkRequest, EvaluateRequest, Parameters
from vid_diffusion_bench.server.settings import ServerSettings

PRIORITIES: Final = {"low": -10, "normal": 0, "high": 10}
_PATHS: Final = ("image", "video", "reference")


def new_job(request: BenchmarkRequest, caller: Principal, settings: ServerSettings) -> NewJob:
    """The benchmark that ``request`` asks for.

    Raises:
        ValidationError: It contradicts itself, or cannot be.
        ModelNotFoundError: A model is not known.
        PermissionDeniedError: A model or path that this server does not give.
    """
    models = _models(request)
    for model in models:
        check_model(model, settings)
    check_prompts(request.prompts, settings)
    for metric in request.metrics or ():
        MetricRegistry.resolve(metric)
    wanted = request.evaluation_settings
    fields: dict[str, Any] = {"models": models, "prompts": request.prompts, **_parameters(request, settings)}
    fields |= {"metrics": request.metrics} if request.metrics else {}
    fields |= {"optimization": wanted.optimization_level} if wanted.optimization_level else {}
    config = BenchmarkConfig.create(**fields, save_videos=wanted.save_videos)
    return NewJob(
        owner=caller.user_id,
        name=request.name,
        models=models,
        config=config.model_dump(mode="json", exclude_unset=True),
        options={"compute_metrics": wanted.compute_metrics, "timeout_seconds": wanted.timeout_seconds},
        metadata=request.metadata,
        priority=PRIORITIES[request.priority],
        total_samples=len(models) * len(config.prompts) * config.samples_per_prompt,
    )


def of_one_model(request: EvaluateRequest, model: str) -> BenchmarkRequest:
    """R09 as R01."""
    return BenchmarkRequest(model_name=model, **dict(request))


def check_model(reference: str, settings: ServerSettings) -> None:
    """That this server may run a model: one known by name, or of a place that its settings open.

    Raises:
        ModelNotFoundError: It is not known.
        PermissionDeniedError: It is on the hub, at an endpoint or in a folder that is not open.
    """
    if reference.startswith("hf:"):
        if not settings.hub_models:
            raise PermissionDeniedError("this server runs no models of the hub", remedy="VIDBENCH_HUB_MODELS=true")
        model_info(reference)
    elif reference.startswith("endpoint:"):
        _check_endpoint(reference, settings)
    else:
        ModelRegistry.resolve(reference)


def _check_endpoint(reference: str, settings: ServerSettings) -> None:
    from vid_diffusion_bench.models.endpoint.reference import parse_reference

    asked = parse_reference(reference)
    if asked.key_variable:
        raise PermissionDeniedError("a request names no variable of this server's environment")
    place = urlsplit(asked.url)
    if not {place.netloc, place.hostname} & set(settings.endpoint_hosts):
        raise PermissionDeniedError(
            f"this server asks no endpoint at {place.hostname}", remedy="VIDBENCH_ENDPOINT_HOSTS='[\"HOST:PORT\"]'"
        )


def check_prompts(prompts: list[str], settings: ServerSettings) -> None:
    """That prompts are texts, and not too many.

    Raises:
        InvalidPromptError: They are not.
    """
    if len(prompts) > settings.max_prompts:
        raise InvalidPromptError(f"{len(prompts):,} prompts; this server takes {settings.max_prompts:,}")
    for number, prompt in enumerate(prompts, 1):
        check_prompt(prompt, number)


def _models(request: BenchmarkRequest) -> list[str]:
    if (request.models is None) == (request.model_name is None):
        raise ValidationError("give either models or model_name")
    models = request.models or [request.model_name or ""]
    if len({canonical_name(model) for model in models}) < len(set(models)):
        raise ValidationError("models names one model in two spellings", remedy="name it once")
    return models


def _parameters(request: BenchmarkRequest, settings: ServerSettings) -> dict[str, Any]:
    first, second = _stated(request.config), _stated(request.parameters)
    if differing := sorted(name for name in first.keys() & second.keys() if first[name] != second[name]):
        raise ValidationError(f"config and parameters contradict each other: {', '.join(differing)}")
    found = {**first, **second}
    for name in _PATHS:
        if name in found:
            found[name] = str(inside(settings.data_root, found[name]))
    if "images" in found:
        found["images"] = {text: str(inside(settings.data_root, path)) for text, path in found["images"].items()}
    return found


def _stated(parameters: Parameters | None) -> dict[str, Any]:
    return parameters.model_dump(exclude_none=True) if parameters else {}
