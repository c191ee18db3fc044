"""Models: what there is, whether it works, a benchmark of one (R06 to R09)."""

from __future__ import annotations

from typing import Any, Final

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import NotFoundError
from vid_diffusion_bench.jobs.history import Figures
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import ModelInfo, ModelRegistry, list_models, model_info
from vid_diffusion_bench.server.access import Caller
from vid_diffusion_bench.server.requests import new_job, of_one_model
from vid_diffusion_bench.server.routes.benchmarks import IdempotencyKey, submit
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import models as schemas
from vid_diffusion_bench.server.schemas.benchmarks import EvaluateRequest, Submitted
from vid_diffusion_bench.server.services import Services, Shared

router = Routes(tag="Models")
_SHOWN: Final = {"peak_vram_gb": "typical_vram_gb"}
"""What the API reference calls an average here."""


@router.on("GET", "/models", access="models.read")
def list_all() -> schemas.ModelList:
    """Every model known by name, and whether it could run now."""
    return schemas.ModelList(models=[schemas.Model(**schemas.Model.fields_of(info)) for info in list_models()])


@router.on("GET", "/models/{model_name}", access="models.read", raises=(404,))
def get_model_details(model_name: str, caller: Caller, services: Shared) -> schemas.ModelDetails:
    """All that is known of a model, and the averages of this installation's benchmarks of it."""
    info = model_info(_known(model_name))
    owner = None if caller.is_admin else caller.user_id
    newest = services.history.figures(Figures(owner=owner, model=info.name), limit=1)
    return schemas.ModelDetails(
        **schemas.Model.fields_of(info),
        architecture=info.architecture,
        paper_url=info.paper_url,
        huggingface_url=info.huggingface_url,
        licence=info.licence,
        parameters={"count": info.parameters, "supported": _supported(info), "defaults": _defaults(info)},
        benchmarks=_averages(info.name, owner, services),
        last_updated=newest[0]["created_at"] if newest else None,
    )


@router.on("GET", "/models/{model_name}/health", access="models.read", raises=(404, 500))
def check_model_health(model_name: str, services: Shared) -> schemas.ModelHealth:
    """Load a model and make one clip in one denoising step, unless that was done a short time ago."""
    found = services.isolated.run(_health, _known(model_name), seconds=services.settings.work_seconds)
    return schemas.ModelHealth(**found)


@router.on(
    "POST", "/models/{model_name}/evaluate", access="models.evaluate", status=202, raises=(400, 403, 404, 409, 413)
)
def evaluate_model(
    model_name: str,
    request: EvaluateRequest,
    caller: Caller,
    services: Shared,
    idempotency_key: IdempotencyKey = None,
) -> Submitted:
    """Submit a benchmark of this model."""
    job = new_job(of_one_model(request, model_name), caller, services.settings)
    return submit(job, caller, services, idempotency_key)


def _known(name: str) -> str:
    """The model's own name; anything else that could be opened (folders, the hub, endpoints) has no page here."""
    if name not in ModelRegistry:
        ModelRegistry.resolve(name)
        raise NotFoundError(f"there is no model {name}")
    return str(ModelRegistry.resolve(name))


def _health(name: str) -> dict[str, Any]:
    """Runs in a process of its own."""
    from vid_diffusion_bench.engine.health import check_health

    return check_health(name).model_dump(mode="json")


def _supported(info: ModelInfo) -> dict[str, Any]:
    return {"resolution": info.resolutions, "max_frames": info.max_frames}


def _defaults(info: ModelInfo) -> dict[str, Any]:
    defaults: GenerationParameters = info.defaults
    return defaults.model_dump(mode="json", exclude_none=True, exclude={"extra"})


def _averages(name: str, owner: str | None, services: Services) -> schemas.Averages:
    found = services.history.averages(name, owner)
    values = {name: entry["value"] for name, entry in found.items()}
    scores = {name: value for name, value in values.items() if name in MetricRegistry}
    performance = {_SHOWN.get(name, name): value for name, value in values.items() if name not in MetricRegistry}
    details = {name: schemas.Average(**entry) for name, entry in found.items()}
    return schemas.Averages(average_scores=scores or None, performance=performance or None, details=details)
