"""What went on around a block: other work on the processor, its clock, and whether heat slowed it down."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vid_diffusion_bench.profiling.sampler import CLOCK, NEIGHBOURS, THROTTLING, Window

SHORTEST = 0.2
"""Seconds under which the kernel's processor times (hundredths of a second) say nothing."""
_PROCESSORS = Path("/sys/devices/system/cpu")


@dataclass
class Surroundings:
    """``other_load`` is the share of all processor time that went to others, 0..1; ``None`` where it is not known."""

    other_load: float | None = None
    cpu_mhz: float | None = None
    throttled: list[str] = field(default_factory=list)


@contextmanager
def watch_surroundings() -> Iterator[Surroundings]:
    """Watch the processor while the block runs. The machine is the whole one, also from inside a container."""
    surroundings = Surroundings()
    before, own, started, hot = _busy(), _own(), time.perf_counter(), _throttle_count()
    try:
        yield surroundings
    finally:
        elapsed = time.perf_counter() - started
        if elapsed >= SHORTEST:
            available = elapsed * (os.cpu_count() or 1)
            others = (_busy() - before) - (_own() - own)
            surroundings.other_load = min(1.0, max(0.0, others / available))
        surroundings.cpu_mhz = _clock()
        if _throttle_count() > hot:
            surroundings.throttled = ["thermal limit of the processor"]


def gpu_clock(window: Window) -> float | None:
    """Mean SM clock in MHz over the samples of a window."""
    clocks = window.known(CLOCK)
    return sum(clocks) / len(clocks) if clocks else None


def gpu_throttling(window: Window) -> list[str]:
    """Every reason for a lower clock that was seen in a window."""
    from vid_diffusion_bench.profiling.nvml import throttle_reasons

    mask = 0
    for sampled in window.known(THROTTLING):
        mask |= sampled
    return throttle_reasons(mask)


def gpu_neighbours(window: Window) -> int | None:
    """The most other compute processes that were on the GPU at once."""
    return window.peak(NEIGHBOURS)


def _busy() -> float:
    """Seconds all processors have worked for anyone, what a hypervisor took away included."""
    import psutil

    times: Any = psutil.cpu_times()
    # Guests' time is in `user` already.
    idle = ("idle", "iowait", "guest", "guest_nice")
    return float(sum(value for name, value in times._asdict().items() if name not in idle))


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _clock() -> float | None:
    import psutil

    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):
        return None
    return float(frequency.current) if frequency else None


def _throttle_count() -> int:
    """How often the processors have slowed down because of heat; 0 where the kernel does not count it."""
    files = _PROCESSORS.glob("cpu*/thermal_throttle/*_throttle_count")
    total = 0
    for file in files:
        try:
            total += int(file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return total
