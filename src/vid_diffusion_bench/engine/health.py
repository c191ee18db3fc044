"""Is a model in health: a real load and a real clip of one denoising step, measured, and kept for an hour."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pydantic

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.checks import failure_of, problem_of
from vid_diffusion_bench.engine.starts import PROMPT, SEED, draw_starts
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models import GenerationRequest, ServedModel, VideoModel, get_model
from vid_diffusion_bench.optimization import check_precision
from vid_diffusion_bench.profiling import device_type, measure, resolve_device
from vid_diffusion_bench.results import GIB, Failure, Value, fingerprint, utc_now
from vid_diffusion_bench.settings import load_settings
from vid_diffusion_bench.storage.clips import storage_errors

VALID_SECONDS = 3600
"""How long a check is believed before it is made again."""


class Health(Value):
    """What a check saw; the names of the API reference. ``memory_usage_gb`` is the peak: of the device's memory on a
    GPU, else of this process; of a served model it is not known. A figure that was not reached is ``None``, and
    ``failure`` says why.
    """

    model_name: str
    status: Literal["healthy", "unhealthy"]
    last_check: str
    valid_until: str
    load_time_ms: float | None = None
    memory_usage_gb: float | None = None
    test_generation_ms: float | None = None
    details: dict[str, Any]
    failure: Failure | None = None


def check_health(
    name: str,
    *,
    device: str = "auto",
    precision: str | None = None,
    parameters: GenerationParameters | None = None,
    refresh: bool = False,
) -> Health:
    """Load a model and have it make one clip in one denoising step, unless that was done within the last hour.

    Args:
        name: What :func:`~vid_diffusion_bench.models.get_model` takes.
        device: As in a configuration.
        precision: The model's own when ``None``.
        parameters: What of the model's own size to change.
        refresh: Check again in any case.

    Raises:
        ModelNotFoundError: No such model.
        ValidationError: No such device or precision, a size that the model cannot make, or a service that charges.
    """
    if precision is not None:
        check_precision(precision)
    device = resolve_device(device)
    asked = parameters or GenerationParameters()
    try:
        model = get_model(name)
        if isinstance(model, ServedModel) and model.hosted:
            raise ValidationError(
                f"{name} is a hosted service: it makes no clip of one step, and may charge for a whole one",
                remedy=f"`vid-bench models info {name}` says whether it is configured; a run makes clips",
            )
        wanted = asked.over(model.defaults).model_copy(update={"num_inference_steps": _steps(model)})
        identity = model.identity()
    except ModelLoadingError as error:
        return _unhealthy(name, device, failure_of(error, "load"), loaded=False)
    precision = precision or model.default_precision(device_type(device))
    kept = _path([name, identity, device, precision, wanted.model_dump(mode="json")])
    if not refresh and (known := _read(kept)):
        return known
    with tempfile.TemporaryDirectory() as folder:
        starts = draw_starts(model, wanted, Path(folder))
        found = _check(name, model, wanted.model_copy(update=starts), device, precision)
    with storage_errors(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def _check(name: str, model: VideoModel, parameters: GenerationParameters, device: str, precision: str) -> Health:
    model.check(parameters, 1)
    stage, started, load_seconds = "load", time.perf_counter(), None
    try:
        model.load(device, precision)
        load_seconds, stage = time.perf_counter() - started, "generate"
        with measure(model.stages(), device) as measured:
            (video,) = model.generate([GenerationRequest(PROMPT, SEED, parameters)], lambda _step, _total: None)
        failure = problem_of(video, parameters)
    except Exception as error:  # noqa: BLE001 - a model is foreign code: what it raises is the finding
        failure = failure_of(error, stage)
        return _unhealthy(name, device, failure, loaded=stage == "generate", load_seconds=load_seconds)
    finally:
        model.unload()
    cost = measured.cost(1)
    peak = cost.peak_vram if device_type(device) == "cuda" else cost.peak_rss
    if isinstance(model, ServedModel):
        peak = None
    asked = {key: getattr(parameters, key) for key in ("num_frames", "height", "width", "num_inference_steps")}
    return Health(
        model_name=name,
        status="unhealthy" if failure else "healthy",
        **_times(),
        load_time_ms=load_seconds * 1000,
        memory_usage_gb=None if peak is None else peak / GIB,
        test_generation_ms=cost.latency * 1000,
        details={
            **_details(device, loaded=True),
            "precision": precision,
            **asked,
        },
        failure=failure,
    )


def _steps(model: VideoModel) -> int:
    """One; of two, a model that starts from a clip makes one, as it leaves out the share that the clip stands for."""
    return 2 if "video" in model.needs else 1


def _unhealthy(name: str, device: str, failure: Failure, *, loaded: bool, load_seconds: float | None = None) -> Health:
    return Health(
        model_name=name,
        status="unhealthy",
        **_times(),
        load_time_ms=None if load_seconds is None else load_seconds * 1000,
        details=_details(device, loaded=loaded) | {"dependencies_ok": failure.code != "MISSING_DEPENDENCY"},
        failure=failure,
    )


def _details(device: str, *, loaded: bool) -> dict[str, Any]:
    gpu = device_type(device) != "cpu"
    return {"model_loaded": loaded, "gpu_available": gpu, "dependencies_ok": True, "device": device}


def _times() -> dict[str, str]:
    until = datetime.now(UTC) + timedelta(seconds=VALID_SECONDS)
    return {"last_check": utc_now(), "valid_until": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _path(what: list[Any]) -> Path:
    return load_settings().cache_dir / "health" / f"{fingerprint(what)[:32]}.json"


def _read(path: Path) -> Health | None:
    try:
        known = Health.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, pydantic.ValidationError):
        return None
    until = datetime.fromisoformat(known.valid_until)
    return known if datetime.now(UTC) < until else None
