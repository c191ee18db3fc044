"""Which device a run uses, and the name it goes by."""

from __future__ import annotations

import re

from vid_diffusion_bench.exceptions import ValidationError


def resolve_device(asked: str) -> str:
    """``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` to a device that is there.

    Raises:
        ValidationError: No such device on this machine.
    """
    import torch

    if asked == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if asked == "cpu" or (asked == "mps" and torch.backends.mps.is_available()):
        return asked
    cuda = re.fullmatch(r"cuda(:(\d+))?", asked)
    if cuda is None and asked != "mps":
        raise ValidationError(f"{asked!r} is not a device", remedy="auto, cpu, cuda, cuda:N or mps")
    number, count = int(cuda[2] or 0) if cuda else 0, torch.cuda.device_count() if cuda else 0
    if number >= count:
        raise ValidationError(f"this machine has no device {asked}", remedy="use --device cpu or auto")
    return f"cuda:{number}"


def device_type(device: str) -> str:
    """``cpu``, ``cuda`` or ``mps``."""
    return device.partition(":")[0]


def device_name(device: str) -> str | None:
    """What the maker calls a GPU; ``None`` for a CPU, which the manifest names as the processor."""
    if device_type(device) != "cuda":
        return None
    import torch

    return str(torch.cuda.get_device_name(device))


def device_uuid(device: str) -> str:
    """What NVML knows a CUDA device by; its own numbers ignore ``CUDA_VISIBLE_DEVICES``. Empty for another device."""
    if device_type(device) != "cuda":
        return ""
    import torch

    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"
