"""The attention kernel of a denoiser, chosen in diffusers' attention dispatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.optimization import OptimizationProfile

_ANYWHERE = ("native", "_native_math", "flex")
"""What runs without an accelerator and takes masks."""
_DOWNLOADED = "_hub"


def check_attention(profile: OptimizationProfile, device: str) -> None:
    """Raise if there is no such backend, its library is missing, or the device cannot run it."""
    name = profile.attention_backend
    if name is None:
        return
    usable = attention_backends(device)
    if name in usable:
        _check_library(name)
        return
    known = attention_backends("cuda")
    if name.endswith(_DOWNLOADED):
        problem = f"the attention backend {name} downloads code and runs it, which is never done"
    elif name in known:
        problem = f"the attention backend {name} does not run on {device}"
    else:
        problem = f"diffusers has no attention backend {name!r}"
    raise ValidationError(problem, remedy=f"there is {', '.join(usable)}")


def attention_backends(device: str) -> list[str]:
    """The names that can be asked for on ``device``; some need a library of their own."""
    from diffusers.models.attention_dispatch import AttentionBackendName

    names = [backend.value for backend in AttentionBackendName if not backend.value.endswith(_DOWNLOADED)]
    return names if device.startswith("cuda") else [name for name in names if name in _ANYWHERE]


def _check_library(name: str) -> None:
    from diffusers.models import attention_dispatch as dispatch

    try:
        dispatch._check_attention_backend_requirements(dispatch.AttentionBackendName(name))
    except RuntimeError as error:
        raise MissingDependencyError(f"attention_backend {name}: {error}", remedy="install what it names") from error


def use_attention(modules: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Have every attention of the denoisers use one backend; the process's own default stays as it was.

    Raises:
        ValidationError: A denoiser has no attention that goes through the dispatch.
    """
    from diffusers.models.attention_dispatch import _AttentionBackendRegistry as Registry

    before, _ = Registry.get_active_backend()
    done = {}
    try:
        for part, module in modules.items():
            module.set_attention_backend(name)
            changed = sum(_backend(inner) == name for inner in module.modules())
            if not changed:
                raise ValidationError(
                    f"the attention of {type(module).__name__} does not go through diffusers' dispatch, so "
                    f"attention_backend changes nothing",
                    remedy="leave it out for this model",
                )
            done[part] = f"{name} in {changed} attentions"
    finally:
        Registry.set_active_backend(before)
    return done


def _backend(module: Any) -> str | None:
    backend = getattr(getattr(module, "processor", None), "_attention_backend", None)
    return getattr(backend, "value", backend)
