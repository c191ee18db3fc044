"""The process that watches another one's memory. Run as a file, by :mod:`.sampler`; it imports nothing of this package.

It waits on its standard input: ``b`` opens a window, ``e`` closes it, the end of the input ends the process. The answer
to ``b`` is one byte, to ``e`` the number of samples and the samples, each as ``SAMPLE`` packs it.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

SAMPLE = struct.Struct("<d6q")
"""Seconds since the window was opened; resident bytes; bytes of the process on the GPU; bytes in use on the GPU; SM
clock in MHz; NVML's mask of reasons for a lower clock; number of other compute processes. -1 where not known."""
COUNT = struct.Struct("<q")
Sample = tuple[float, int, int, int, int, int, int]
_UNKNOWN = -1


def main(pid: int, interval: float, uuid: str) -> None:
    """Serve windows on ``pid`` until standard input ends; ``uuid`` is that of a CUDA device, or empty."""
    resident, on_gpu = _resident(pid), _gpu_reader(pid, uuid)
    while _command() == b"b":
        os.write(1, b"r")
        _answer(_window(lambda: (resident(), *on_gpu()), interval))


def _window(read: Callable[[], tuple[int, ...]], interval: float) -> list[bytes]:
    """Samples every ``interval`` seconds until a command comes; one at the very end too."""
    start, samples = time.monotonic(), []
    due = start
    while True:
        samples.append(SAMPLE.pack(time.monotonic() - start, *read()))
        due = max(due + interval, time.monotonic())
        if select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
            _command()
            samples.append(SAMPLE.pack(time.monotonic() - start, *read()))
            return samples


def _answer(samples: list[bytes]) -> None:
    view = memoryview(COUNT.pack(len(samples)) + b"".join(samples))
    while view:
        view = view[os.write(1, view) :]


def _command() -> bytes:
    return os.read(0, 1)


def _resident(pid: int) -> Callable[[], int]:
    """What reads the resident bytes of ``pid``: the kernel's file where there is one, else psutil."""
    try:
        file = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
    except OSError:
        import psutil

        process = psutil.Process(pid)
        return lambda: int(process.memory_info().rss)
    page = os.sysconf("SC_PAGE_SIZE")

    def read() -> int:
        try:
            return int(os.pread(file, 256, 0).split()[1]) * page
        except (OSError, IndexError):
            return _UNKNOWN

    return read


def _gpu_reader(pid: int, uuid: str) -> Callable[[], tuple[int, ...]]:
    nothing = (_UNKNOWN,) * 5
    if not uuid:
        return lambda: nothing
    try:
        import pynvml
    except ImportError:
        return lambda: nothing
    try:
        pynvml.nvmlInit()
        device = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    except pynvml.NVMLError:
        return lambda: nothing
    return lambda: _gpu(pynvml, device, pid)


def _gpu(nvml: Any, device: Any, pid: int) -> tuple[int, ...]:
    """One reading; what this card or driver does not tell is -1."""

    def told(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except nvml.NVMLError:
            return None

    processes = told(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(device))
    own = [entry.usedGpuMemory for entry in processes or () if entry.pid == pid]
    memory = told(lambda: nvml.nvmlDeviceGetMemoryInfo(device))
    clock = told(lambda: nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM))
    reasons = told(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(device))
    # Inside a container NVML may list the processes by the host's numbers; then neither figure is known.
    others = len(processes) - len(own) if own else None
    found = (own[0] if own else None, memory and memory.used, clock, reasons, others)
    return tuple(_UNKNOWN if value is None else int(value) for value in found)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
