"""Peak memory of a stretch of work: resident (Linux' resettable high-water mark) and on the GPU (the allocator's)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vid_diffusion_bench.profiling.device import device_type

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK_RSS = "5"


@dataclass
class PeakMemory:
    """Bytes, filled in when the block ends; ``None`` has its reason under the same name in ``reasons``."""

    rss: int | None = None
    vram: int | None = None
    reasons: dict[str, str] | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[PeakMemory]:
    """Peak resident memory of this process, and of ``device`` when it is a GPU, inside the block.

    The kernel keeps the mark, so nothing is sampled and nothing is missed; it is the whole process's, with all that
    was resident before the block began.
    """
    peak = PeakMemory(reasons={})
    rss_problem, vram_problem = _reset_rss(), _reset_vram(device)
    try:
        yield peak
    finally:
        assert peak.reasons is not None
        if rss_problem:
            peak.reasons["peak_rss"] = rss_problem
        else:
            peak.rss = high_water_mark()
        if vram_problem:
            peak.reasons["peak_vram"] = vram_problem
        else:
            peak.vram = _read_vram(device)


def high_water_mark() -> int | None:
    """Peak resident set in bytes since the last reset, or ``None`` where the kernel does not say."""
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return int(found[1]) * 1024 if found else None


def _reset_rss() -> str | None:
    """Reset the mark; the reason when it cannot be."""
    try:
        _CLEAR.write_text(_RESET_PEAK_RSS, encoding="ascii")
    except OSError as error:
        return f"the peak of resident memory cannot be reset here: {error.strerror}"
    return None if high_water_mark() is not None else "this kernel keeps no peak of resident memory"


def _reset_vram(device: str) -> str | None:
    if device_type(device) != "cuda":
        return "no CUDA device"
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    return None


def _read_vram(device: str) -> int:
    import torch

    return int(torch.cuda.max_memory_allocated(device))
