"""Peak memory of a stretch of work: resident, and on the GPU what the allocator gave out, kept and the driver counted.

The resident peak is the kernel's high-water mark where it can be reset, because the kernel misses nothing. The peak
sampled from another process stands beside it as a cross-check, and in its place where there is no such mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from vid_diffusion_bench.profiling.device import device_type
from vid_diffusion_bench.profiling.sampler import PROCESS_VRAM, RESIDENT, Sampler, Window

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK_RSS = "5"
NO_SAMPLE = "the sampling process could not read it"


@dataclass
class PeakMemory:
    """Bytes, filled in when the block ends; ``None`` has its reason in ``reasons``.

    ``rss`` is the peak of resident memory and ``sampled_rss`` the largest sample of it; ``vram`` is what PyTorch's
    allocator gave out, ``vram_reserved`` what it kept from the device, ``process_vram`` what the driver counted for
    this process (its CUDA context included), ``window`` all samples.
    """

    rss: int | None = None
    sampled_rss: int | None = None
    vram: int | None = None
    vram_reserved: int | None = None
    process_vram: int | None = None
    window: Window = field(default_factory=Window)
    reasons: dict[str, str] = field(default_factory=dict)


@contextmanager
def peak_memory(device: str, sampler: Sampler | None = None) -> Iterator[PeakMemory]:
    """Peak memory of this process, and of ``device`` when it is a GPU, inside the block.

    Resident memory is the whole process's, with all that was resident before the block began.
    """
    peak, mark = PeakMemory(), None
    rss_problem: str | None = None
    try:
        with sampler.window() if sampler else nullcontext(Window(reason="memory was not sampled")) as peak.window:
            rss_problem, vram_problem = _reset_rss(), _reset_vram(device)
            try:
                yield peak
            finally:
                mark = None if rss_problem else high_water_mark()
                _add_vram(peak, device, vram_problem)
    finally:
        _add_samples(peak, mark, rss_problem)


def _add_vram(peak: PeakMemory, device: str, problem: str | None) -> None:
    if problem:
        peak.reasons |= dict.fromkeys(("peak_vram", "peak_vram_reserved", "process_vram"), problem)
    else:
        peak.vram, peak.vram_reserved = _read_vram(device)


def _add_samples(peak: PeakMemory, mark: int | None, rss_problem: str | None) -> None:
    """What only the samples know, and the resident peak: the kernel's, else the sampled one."""
    peak.sampled_rss = peak.window.peak(RESIDENT)
    peak.process_vram = peak.window.peak(PROCESS_VRAM)
    peak.rss = mark if mark is not None else peak.sampled_rss
    if peak.rss is None:
        peak.reasons["peak_rss"] = f"{rss_problem}; {peak.window.reason or NO_SAMPLE}"
    if peak.sampled_rss is None:
        peak.reasons["sampled_rss"] = peak.window.reason or NO_SAMPLE
    if peak.process_vram is None:
        unseen = peak.window.reason or "the driver lists no process of this number (as inside a container)"
        peak.reasons.setdefault("process_vram", unseen)


def high_water_mark() -> int | None:
    """Peak resident set in bytes since the last reset, or ``None`` where the kernel does not say."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    except OSError:
        return None
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


def _read_vram(device: str) -> tuple[int, int]:
    import torch

    return int(torch.cuda.max_memory_allocated(device)), int(torch.cuda.max_memory_reserved(device))
