"""How busy this machine is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CPU_SECONDS: Final = 0.1
"""How long the processors are watched."""


@dataclass(frozen=True)
class System:
    """Percentages, 0..100. ``gpu_utilization`` is the mean over all GPUs, ``None`` where there is none; ``disk_usage``
    is of the file system of the data root, ``None`` when that is away. ``reasons`` say why something is ``None``."""

    cpu_percent: float
    memory_percent: float
    gpu_utilization: float | None
    disk_usage: float | None
    reasons: dict[str, str]


def read_system(data_root: Path) -> System:
    """Measure this machine; takes :data:`CPU_SECONDS`."""
    import psutil

    reasons: dict[str, str] = {}
    disk: float | None = None
    try:
        disk = float(psutil.disk_usage(str(data_root)).percent)
    except OSError as error:
        reasons["disk_usage"] = f"the data root cannot be read: {error.strerror or error}"
    gpu, why = _gpu()
    if why:
        reasons["gpu_utilization"] = why
    return System(
        float(psutil.cpu_percent(interval=CPU_SECONDS)), float(psutil.virtual_memory().percent), gpu, disk, reasons
    )


def _gpu() -> tuple[float | None, str | None]:
    """Share of the last sampling period (NVML: 1/6 s to 1 s) in which a kernel ran; mean over GPUs."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None, f"NVML: {error}"
    try:
        devices = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        busy = [float(pynvml.nvmlDeviceGetUtilizationRates(device).gpu) for device in devices]
    except pynvml.NVMLError as error:
        return None, f"NVML: {error}"
    finally:
        pynvml.nvmlShutdown()
    return (sum(busy) / len(busy), None) if busy else (None, "there is no GPU")
