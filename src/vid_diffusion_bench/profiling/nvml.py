"""NVIDIA's management library (NVML), through ``nvidia-ml-py``: one CUDA device's counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vid_diffusion_bench.profiling.device import device_uuid

THROTTLING = {
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x020: "thermal limit (software)",
    0x040: "thermal limit (hardware)",
    0x080: "power brake",
}
"""NVML's reasons that lower the clock under load (``nvmlClocksEventReason*``): bits of its mask, in words."""


def throttle_reasons(mask: int) -> list[str]:
    """The reasons of a mask that slow a busy GPU down."""
    return [word for bit, word in THROTTLING.items() if mask & bit]


class Nvml:
    """One device. What it cannot tell is ``None``, and :attr:`reasons` says why under the reading's name."""

    def __init__(self, device: str) -> None:
        self.reasons: dict[str, str] = {}
        self._library, self._handle = self._open(device)

    def _open(self, device: str) -> tuple[Any, Any]:
        try:
            import pynvml
        except ImportError:
            self.reasons["library"] = "nvidia-ml-py is not installed"
            return None, None
        try:
            pynvml.nvmlInit()
            return pynvml, pynvml.nvmlDeviceGetHandleByUUID(device_uuid(device))
        except pynvml.NVMLError as error:
            self.reasons["library"] = f"NVML: {error}"
            return None, None

    def energy_joules(self) -> float | None:
        """The counter of all energy the GPU has used since its driver was loaded (it counts millijoules)."""
        counted = self._read("energy", lambda nvml, device: nvml.nvmlDeviceGetTotalEnergyConsumption(device))
        return None if counted is None else counted / 1000

    def power_watts(self) -> float | None:
        """What the card draws now; on recent cards a mean over the last second (NVML counts milliwatts)."""
        drawn = self._read("power", lambda nvml, device: nvml.nvmlDeviceGetPowerUsage(device))
        return None if drawn is None else drawn / 1000

    def _read(self, name: str, read: Callable[[Any, Any], Any]) -> Any:
        if self._library is None:
            self.reasons[name] = self.reasons["library"]
            return None
        try:
            return read(self._library, self._handle)
        except self._library.NVMLError as error:
            self.reasons[name] = f"NVML: {error}"
            return None
