"""Feature caching: what a denoiser computed at one step is used again at the next, by the caches diffusers has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.optimization import PRECISIONS, OptimizationProfile, torch_dtype

_CONFIGURATIONS = {
    "first_block_cache": "FirstBlockCacheConfig",
    "pyramid_attention_broadcast": "PyramidAttentionBroadcastConfig",
    "faster_cache": "FasterCacheConfig",
    "mag_cache": "MagCacheConfig",
    "sea_cache": "SeaCacheConfig",
    "taylorseer_cache": "TaylorSeerCacheConfig",
}
_ASKED_FOR = {"pyramid_attention_broadcast": {"spatial_attention_block_skip_range": 2}}
"""What diffusers has no default for and fills in itself, with a warning; written out here."""
_TIMESTEP = "current_timestep_callback"
_ONE_STATE = ("pyramid_attention_broadcast", "faster_cache")
"""Caches that count the denoiser's calls and know of no halves of guidance: one call a step or the halves mix."""
_TOLD_THE_STEP = "sea_cache"
"""The cache that computes everything, with no more than a line in the log, where it is not told step and sigma."""


def check_caching(profile: OptimizationProfile) -> None:
    """Raise if the installed diffusers has no such cache, or the cache no such options."""
    if profile.feature_caching is not None:
        _configuration(profile, lambda: None)


def use_caching(pipeline: Any, modules: Mapping[str, Any], profile: OptimizationProfile) -> dict[str, Any]:
    """Hook the cache into every denoiser.

    Raises:
        ValidationError: A denoiser takes no cache, or the cache found nothing in it to hook.
    """
    done = {}
    for name, module in modules.items():
        before = _hooks(module)
        _enable(pipeline, module, profile)
        added = _hooks(module) - before
        if added <= 0:
            raise _impossible(module, profile, "it found nothing in it to hook")
        _watch(pipeline, module, profile)
        done[name] = f"{profile.feature_caching}: {added} hooks"
    return done


def _enable(pipeline: Any, module: Any, profile: OptimizationProfile) -> None:
    configuration = _configuration(profile, lambda: pipeline.current_timestep)
    if hasattr(configuration, _TIMESTEP) and not hasattr(type(pipeline), "current_timestep"):
        raise _impossible(module, profile, f"{type(pipeline).__name__} does not tell its timestep")
    if not hasattr(module, "enable_cache"):
        raise _impossible(module, profile, "diffusers has no caching for it")
    try:
        module.enable_cache(configuration)
    except IndexError as error:
        raise _impossible(module, profile, "it has too few blocks") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _impossible(module, profile, str(error)) from error


def _watch(pipeline: Any, module: Any, profile: OptimizationProfile) -> None:
    """Have the first call raise where the pipeline calls its denoiser in a way that the cache cannot work with.

    What a pipeline does at a step is only seen when it does it.
    """
    if profile.feature_caching in _ONE_STATE:
        _one_call_a_step(pipeline, module, profile)
    if profile.feature_caching == _TOLD_THE_STEP:
        _step_is_told(pipeline, module, profile)


def _one_call_a_step(pipeline: Any, module: Any, profile: OptimizationProfile) -> None:
    """The call without the prompt would be given what the call with it computed, and guidance would be undone."""
    last: Any = None

    def before_call(_module: Any, _arguments: Any) -> None:
        nonlocal last
        now = pipeline.current_timestep
        if now is not None and now is last:
            raise _impossible(
                module, profile, f"{type(pipeline).__name__} calls it twice a step, which the cache mixes"
            )
        last = now

    module.register_forward_pre_hook(before_call)


def _step_is_told(pipeline: Any, module: Any, profile: OptimizationProfile) -> None:
    own = module.cache_context

    def cache_context(name: str, **told: Any) -> Any:
        if "step_index" not in told:
            raise _impossible(module, profile, f"{type(pipeline).__name__} does not tell the cache its step")
        return own(name, **told)

    module.cache_context = cache_context


def _configuration(profile: OptimizationProfile, timestep: Any) -> Any:
    """The cache's configuration; ``timestep`` tells a cache that asks which timestep the pipeline is at."""
    from diffusers import hooks

    name = profile.feature_caching or ""
    kind = getattr(hooks, _CONFIGURATIONS[name], None)
    if kind is None:
        raise ValidationError(
            f"the diffusers that is installed has no {name}", remedy="pip install --upgrade diffusers"
        )
    known = [entry.name for entry in fields(kind) if not entry.name.startswith("_") and "callback" not in entry.name]
    if unknown := [option for option in profile.feature_caching_options if option not in known]:
        raise ValidationError(f"{name} has no option {', '.join(unknown)}", remedy=f"there is {', '.join(known)}")
    options = {option: _value(name, option, value) for option, value in profile.feature_caching_options.items()}
    if not any(option.endswith("block_skip_range") for option in options):
        options |= _ASKED_FOR.get(name, {})
    if any(entry.name == _TIMESTEP for entry in fields(kind)):
        options[_TIMESTEP] = timestep
    try:
        return kind(**options)
    except (ValueError, TypeError) as error:
        raise ValidationError(f"feature_caching {name}: {str(error).strip()}") from error


def _value(cache: str, option: str, value: Any) -> Any:
    """An option as the configuration takes it: types of numbers are written as precisions."""
    if not option.endswith("_dtype") or value is None:
        return value
    if value not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise ValidationError(f"feature_caching {cache}: {option} is no {value}", remedy=f"one of {known}")
    return torch_dtype(value)


def _hooks(module: Any) -> int:
    registries = (getattr(part, "_diffusers_hook", None) for part in module.modules())
    return sum(len(registry.hooks) for registry in registries if registry is not None)


def _impossible(module: Any, profile: OptimizationProfile, why: str) -> ValidationError:
    return ValidationError(
        f"feature_caching {profile.feature_caching} cannot be used with {type(module).__name__}: {why}",
        remedy="leave it out for this model, or set feature_caching_options",
    )
