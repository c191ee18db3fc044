"""What a run was made on, as a value."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vid_diffusion_bench.profiling.device import device_name
from vid_diffusion_bench.results import GIB, Manifest

PACKAGES = (
    "vid-diffusion-bench",
    "accelerate",
    "av",
    "bitsandbytes",
    "diffusers",
    "numpy",
    "opencv-python-headless",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "torch-tensorrt",
    "torchao",
    "transformers",
)


def read_manifest(device: str, precision: str, optimization: Mapping[str, Any] | None = None) -> Manifest:
    """The software and hardware of this process, running on ``device`` in ``precision`` with a profile's switches."""
    import psutil
    import torch

    return Manifest(
        packages={name: found for name in PACKAGES if (found := _version(name))},
        python=platform.python_version(),
        platform=platform.platform(),
        processor=_processor(),
        cpu_count=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / GIB, 2),
        device=device,
        device_name=device_name(device),
        precision=precision,
        threads=torch.get_num_threads(),
        optimization=dict(optimization or {}),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name, which Linux does not give to :mod:`platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
