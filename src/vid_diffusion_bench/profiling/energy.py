"""Energy of a block: the GPU's own counter (NVML) and the processor's (RAPL), or the reason there is neither."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vid_diffusion_bench.profiling.device import device_type
from vid_diffusion_bench.profiling.nvml import Nvml

POWERCAP = Path("/sys/class/powercap")
MAX_PACKAGE_WATTS = 1000.0
"""No processor package draws more: what decides after how long its counter may have gone round more than once."""


@dataclass
class Energy:
    """Joules by source, there when the block has ended. A source that exists and gave nothing has its reason."""

    joules: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> float | None:
        """Sum over the sources; ``None`` where the device that did the work was not measured."""
        return sum(self.joules.values()) if self.joules and "device" not in self.reasons else None

    @property
    def reason(self) -> str | None:
        return "; ".join(self.reasons.values()) if self.total is None else None


@dataclass(frozen=True)
class Zone:
    """One RAPL domain: ``range_joules`` is where its counter starts again from zero."""

    name: str
    file: Path
    range_joules: float

    def read(self) -> float:
        return int(self.file.read_text(encoding="ascii")) / 1e6


@contextmanager
def measure_energy(device: str, powercap: Path = POWERCAP) -> Iterator[Energy]:
    """Measure what the GPU of ``device`` and the processor packages use in the block, for all their users together.

    RAPL's domains are the ``package-N`` and the ``dram`` beside each (Linux, Documentation/power/powercap); ``psys``
    and the cores inside a package would count the same joules twice.
    """
    energy = Energy()
    zones, problem = _zones(powercap)
    gpu = Nvml(device) if device_type(device) == "cuda" else None
    before, started = _read(zones), time.perf_counter()
    on_gpu = gpu.energy_joules() if gpu else None
    try:
        yield energy
    finally:
        if gpu:
            _add_gpu(energy, gpu, on_gpu)
        elif device_type(device) != "cpu":
            energy.reasons["device"] = f"a device of type {device_type(device)} tells no energy"
        if problem and device_type(device) == "cpu":
            energy.reasons["device"] = problem
        _add_zones(energy, zones, before, time.perf_counter() - started, device)


def _add_gpu(energy: Energy, gpu: Nvml, before: float | None) -> None:
    after = gpu.energy_joules()
    if before is None or after is None:
        energy.reasons["device"] = gpu.reasons["energy"]
    else:
        energy.joules["gpu"] = after - before


def _zones(powercap: Path) -> tuple[list[Zone], str | None]:
    """The packages and their memory, or why there are none."""
    folders = sorted(powercap.glob("intel-rapl:*"))
    zones = []
    try:
        for folder in folders:
            name = (folder / "name").read_text(encoding="ascii").strip()
            if name.startswith("package") or name == "dram":
                limit = int((folder / "max_energy_range_uj").read_text(encoding="ascii")) / 1e6
                zone = Zone(f"{name} ({folder.name})" if name == "dram" else name, folder / "energy_uj", limit)
                zone.read()
                zones.append(zone)
    except (OSError, ValueError) as error:
        return [], f"the processor's energy counter (RAPL) cannot be read: {getattr(error, 'strerror', error)}"
    return zones, None if zones else "this machine shows no energy counter of its processor (RAPL)"


def _read(zones: list[Zone]) -> list[float | None]:
    return [_quietly(zone) for zone in zones]


def _quietly(zone: Zone) -> float | None:
    try:
        return zone.read()
    except (OSError, ValueError):
        return None


def _add_zones(energy: Energy, zones: list[Zone], before: list[float | None], elapsed: float, device: str) -> None:
    source = "device" if device_type(device) == "cpu" else "processor"
    for zone, first, last in zip(zones, before, _read(zones), strict=True):
        if first is None or last is None:
            energy.reasons[source] = f"the counter of {zone.name} could not be read"
        elif elapsed * MAX_PACKAGE_WATTS > zone.range_joules:
            energy.reasons[source] = f"{elapsed:.0f} s is long enough for the counter of {zone.name} to go round unseen"
        else:
            energy.joules[zone.name] = last - first + (zone.range_joules if last < first else 0.0)
