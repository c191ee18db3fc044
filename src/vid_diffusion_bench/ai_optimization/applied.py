"""How a setting becomes fields of a :class:`BenchmarkConfig`, and which of a search space a model can take at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vid_diffusion_bench.ai_optimization.space import SearchSpace, Setting
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.exceptions import ValidationError, VidBenchError
from vid_diffusion_bench.models import VideoModel
from vid_diffusion_bench.models.diffusers import DiffusersModel
from vid_diffusion_bench.models.schedulers import SHORT_NAMES, scheduler_class
from vid_diffusion_bench.optimization import OptimizationProfile

GENERATION = frozenset(GenerationParameters.model_fields) - {"extra", "image", "video"}
SWITCHES = frozenset(OptimizationProfile.model_fields)
_BETWEEN = 0.382
DEFAULT_GUIDANCE, DEFAULT_STEPS = (1.0, 8.0), (4, 6, 8, 12, 16, 20, 30, 50)


def config_fields(setting: Mapping[str, Any], base: OptimizationProfile | None = None) -> dict[str, Any]:
    """The fields of a configuration that ``setting`` says: generation parameters, a profile, and ``extra``.

    Switches go over those of ``base``; what is neither a generation parameter nor a switch goes to the pipeline's call.

    Raises:
        ValidationError: A switch has no such value.
    """
    fields: dict[str, Any] = {name: value for name, value in setting.items() if name in GENERATION}
    switches = {name: value for name, value in setting.items() if name in SWITCHES}
    if switches:
        before = base.model_dump(exclude_defaults=True) if base else {}
        fields["optimization"] = OptimizationProfile.create(**{**before, **switches})
    extra = {name: value for name, value in setting.items() if name not in GENERATION | SWITCHES}
    return fields | ({"extra": extra} if extra else {})


def fit_space(
    space: SearchSpace, model: VideoModel, config: BenchmarkConfig, device: str
) -> tuple[SearchSpace, dict[str, str]]:
    """The part of ``space`` that ``model`` can take, and why the rest is left out, by ``name`` or ``name=value``.

    The model itself is asked, value by value, beside its defaults.

    Raises:
        ValidationError: A scheduler or a switch is misspelt, or nothing is left to search.
    """
    for name in space.categorical_params.get("scheduler", ()):
        if isinstance(name, str) and name not in SHORT_NAMES:
            scheduler_class(name)
    left_out: dict[str, str] = {}
    gone: dict[str, str] = {}
    kept: dict[str, list[Any]] = {}
    base = config.profile_on(device)
    for name in space.names:
        reasons = _refusals(name, _asked(space, name), lambda s: _ask(model, config, s, base, device))
        accepted = [value for value in _asked(space, name) if repr(value) not in reasons]
        if reasons and (not accepted or name in space.continuous_params):
            gone[name] = next(iter(reasons.values()))
            left_out[name] = gone[name]
        elif reasons:
            kept[name] = [value for value in space.values(name) if value in accepted]
            left_out |= {f"{name}={value.strip(chr(39))}": reason for value, reason in reasons.items()}
    if len(gone) == len(space.names):
        raise ValidationError(
            f"{config.models[0]} takes nothing of the search space: {'; '.join(f'{n}: {r}' for n, r in gone.items())}",
            remedy="leave the space out for one that fits the model",
        )
    fitted = space.without(gone, kept)
    for name in set(space.names) - set(fitted.names) - set(gone):
        left_out[name] = "its condition can never hold with what is left out"
    return fitted, left_out


def default_space(model: VideoModel, config: BenchmarkConfig, device: str) -> tuple[SearchSpace, dict[str, str]]:
    """Steps, guidance and schedulers, as far as ``model`` has them; each step count up to twice the model's own.

    Raises:
        ValidationError: It has none of them.
    """
    own = config.parameters_set().over(model.defaults)
    most = 2 * (own.num_inference_steps or DEFAULT_STEPS[-1])
    steps = sorted({n for n in DEFAULT_STEPS if n <= most} | {own.num_inference_steps or DEFAULT_STEPS[-1]})
    schedulers = {"scheduler": list(SHORT_NAMES)} if isinstance(model, DiffusersModel) else {}
    guidance = {"guidance_scale": DEFAULT_GUIDANCE} if own.guidance_scale is not None else {}
    space = SearchSpace(guidance, {"num_inference_steps": steps}, schedulers)
    return fit_space(space, model, config, device)


def _asked(space: SearchSpace, name: str) -> list[Any]:
    """The values to ask a model about: all, or both ends of a range and a number with a fraction between them."""
    if name not in space.continuous_params:
        return space.values(name)
    low, high = space.continuous_params[name][:2]
    return [low, high, low + (high - low) * _BETWEEN]


def _refusals(name: str, values: list[Any], ask: Callable[[Setting], str | None]) -> dict[str, str]:
    found = {repr(value): ask({name: value}) for value in values}
    return {value: reason for value, reason in found.items() if reason}


def _ask(
    model: VideoModel, config: BenchmarkConfig, setting: Setting, base: OptimizationProfile, device: str
) -> str | None:
    """Why ``model`` cannot run with ``setting``, if it cannot."""
    (name,) = setting
    if not isinstance(model, DiffusersModel) and name not in GENERATION - {"scheduler"}:
        return f"{model.name} is not a diffusers pipeline, so nothing is known of its {name}"
    stated = {field: getattr(config, field) for field in config.model_fields_set}
    if name in SWITCHES and config.precision and name == "precision":
        return f"precision is given: {config.precision}"
    own = config_fields(setting, base)
    merged = {**stated, **own, "extra": {**config.extra, **own.get("extra", {})}}
    try:
        asked = BenchmarkConfig.create(**merged)
    except ValidationError as error:
        raise ValidationError(
            f"the search space is impossible: {error.message}",
            remedy="mend its values; what takes whole numbers only goes to discrete_params",
        ) from error
    try:
        model.use_profile(asked.profile_on(device), device)
        model.check(asked.parameters_set().over(model.defaults), asked.batch_size)
    except VidBenchError as error:
        return f"{error.message} ({error.remedy})" if error.remedy else error.message
    finally:
        model.use_profile(base, device)
    return None
