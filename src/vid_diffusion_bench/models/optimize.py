"""Puts an :class:`OptimizationProfile` into a loaded diffusers pipeline: each switch changes it, or raises with why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models.optimize_attention import check_attention, use_attention
from vid_diffusion_bench.models.optimize_caching import check_caching, use_caching
from vid_diffusion_bench.models.optimize_weights import check_weights, quantization_config, quantized, store_in_fp8
from vid_diffusion_bench.models.optimize_weights import require as require_library
from vid_diffusion_bench.optimization import OptimizationProfile

_DENOISERS = ("transformer", "unet")


def check(profile: OptimizationProfile, device: str) -> None:
    """Raise what can be known before anything is loaded.

    Raises:
        MissingDependencyError: A library that the profile needs is not installed.
        ValidationError: The device or the installed libraries cannot do it.
    """
    if profile.tensorrt_optimization:
        require_library("torch_tensorrt", "tensorrt_optimization")
        if not device.startswith("cuda"):
            raise ValidationError(f"TensorRT compiles for NVIDIA GPUs, not for {device}", remedy="use compile_model")
    if "offload" in _named(profile) and device == "cpu":
        raise ValidationError(
            "offload moves weights from the device to the host, and a CPU is the host",
            remedy="memory_efficient: [slicing, tiling], or true",
        )
    check_weights(profile, device)
    check_attention(profile, device)
    check_caching(profile)


def load_options(profile: OptimizationProfile, components: Iterable[str]) -> dict[str, Any]:
    """What ``from_pretrained`` needs for ``profile``: quantised weights are quantised while they are read."""
    if profile.quantization is None:
        return {}
    names = [name for name in components if name.startswith(_DENOISERS)]
    return {"quantization_config": quantization_config(profile.quantization, names)}


def place(pipeline: Any, profile: OptimizationProfile, device: str) -> None:
    """Put the pipeline onto the device, or, offloaded, leave its parts on the host until they are called.

    A pipeline that does not fit the device as a whole is thus never put there as a whole.
    """
    if _offloads(profile, device):
        pipeline.enable_model_cpu_offload(device=device)
        return
    pipeline.to(device)


def apply(pipeline: Any, profile: OptimizationProfile, device: str) -> dict[str, Any]:
    """Switch on what ``profile`` says in a placed pipeline, and look whether it took.

    Returns:
        What was changed, as plain data by switch; empty for a profile that changes nothing.

    Raises:
        ValidationError: A switch would change nothing here; nothing may be done with the pipeline then.
    """
    modules = denoisers(pipeline)
    done: dict[str, Any] = {}
    if profile.memory_efficient:
        done["memory_efficient"] = _save_memory(pipeline, profile, device)
    if profile.quantization:
        done["quantization"] = quantized(modules, profile.quantization)
    if profile.precision == "fp8":
        done["precision"] = store_in_fp8(modules)
    if profile.attention_backend:
        done["attention_backend"] = use_attention(modules, profile.attention_backend)
    if profile.feature_caching:
        done["feature_caching"] = use_caching(pipeline, modules, profile)
    if profile.tensorrt_optimization:
        done["tensorrt_optimization"] = _compile(modules, "tensorrt")
    elif profile.compile_model:
        done["compile_model"] = _compile(modules, "inductor")
    return done


def forget(pipeline: Any) -> None:
    """Empty the feature caches: a call that was broken off leaves its features behind, and the next would use them."""
    for module in denoisers(pipeline).values():
        if getattr(module, "is_cache_enabled", False):
            module._reset_stateful_cache()


def denoisers(pipeline: Any) -> dict[str, Any]:
    """The modules that are called at every step, by their names in the pipeline."""
    from torch import nn

    return {
        name: part
        for name, part in pipeline.components.items()
        if name.startswith(_DENOISERS) and isinstance(part, nn.Module)
    }


def _named(profile: OptimizationProfile) -> tuple[str, ...]:
    return profile.memory_efficient if isinstance(profile.memory_efficient, tuple) else ()


def _offloads(profile: OptimizationProfile, device: str) -> bool:
    return device != "cpu" and (profile.memory_efficient is True or "offload" in _named(profile))


def _save_memory(pipeline: Any, profile: OptimizationProfile, device: str) -> dict[str, Any]:
    """Offload (done by :func:`place`), and the decoder's slicing and tiling."""
    asked = ("slicing", "tiling") if profile.memory_efficient is True else _named(profile)
    used: dict[str, bool] = {"offload": True} if _offloads(profile, device) else {}
    if used and not any(hasattr(part, "_hf_hook") for part in pipeline.components.values()):
        raise ValidationError(f"{type(pipeline).__name__} has no part that could be offloaded")
    used |= {name: _decoder_has(pipeline, name) for name in asked if name != "offload"}
    lacking = [name for name, there in used.items() if not there]
    if lacking and (profile.memory_efficient is not True or len(lacking) == len(used)):
        decoder = type(getattr(pipeline, "vae", None)).__name__
        raise ValidationError(
            f"memory_efficient: the decoder of {type(pipeline).__name__}, {decoder}, has no {' and no '.join(lacking)}",
            remedy="leave it out for this model",
        )
    return used


def _decoder_has(pipeline: Any, saving: str) -> bool:
    """Whether the decoder now works in slices or tiles."""
    decoder = getattr(pipeline, "vae", None)
    if not hasattr(decoder, f"use_{saving}"):
        return False
    getattr(decoder, f"enable_{saving}")()
    return bool(getattr(decoder, f"use_{saving}"))


def _compile(modules: Mapping[str, Any], backend: str) -> dict[str, str]:
    """Compile each denoiser's repeated blocks where it names them, else its forward pass.

    Never the module itself: its hooks, which time the stages, stay outside what is compiled.
    """
    import torch

    done = {}
    for name, module in modules.items():
        blocks = [part for part in module.modules() if type(part).__name__ in (module._repeated_blocks or ())]
        for block in blocks:
            block.compile(backend=backend)
        if not blocks:
            module.forward = torch.compile(module.forward, backend=backend)
        done[name] = f"{backend}: {f'{len(blocks)} repeated blocks' if blocks else 'the forward pass'}"
    return done
