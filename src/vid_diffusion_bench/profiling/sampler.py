"""Memory sampled from another process, so that looking costs the measured one nothing but two messages a window."""

from __future__ import annotations

import math
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vid_diffusion_bench.profiling.device import device_uuid
from vid_diffusion_bench.profiling.sampling_process import COUNT, SAMPLE, Sample

INTERVAL = 0.010
"""Seconds between two samples."""
RESIDENT, PROCESS_VRAM, DEVICE_VRAM, CLOCK, THROTTLING, NEIGHBOURS = range(1, 7)
"""Columns of a sample; the first is the time."""
_ANSWER_WITHIN = 10.0
_PROCESS = Path(__file__).with_name("sampling_process.py")


@dataclass
class Window:
    """The samples of one block, oldest first, there when it has ended; none and a ``reason`` when sampling failed.

    A sample is (seconds since the block began, resident bytes, this process's bytes on the GPU, bytes in use on the
    GPU, SM clock in MHz, NVML's throttle mask, other compute processes), -1 where not known.
    """

    samples: list[Sample] = field(default_factory=list)
    reason: str | None = None

    def peak(self, column: int) -> int | None:
        """The largest known value of a column."""
        return max(self.known(column), default=None)

    def known(self, column: int) -> list[int]:
        return [int(sample[column]) for sample in self.samples if sample[column] >= 0]


class Sampler:
    """Owner of the sampling process, which starts with the first window and lives until :func:`sample_memory` ends."""

    def __init__(self, device: str, interval: float = INTERVAL) -> None:
        self._device = device
        self._interval = interval
        self._process: subprocess.Popen[bytes] | None = None
        self._broken: str | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @contextmanager
    def window(self) -> Iterator[Window]:
        """Sample while the block runs."""
        window = Window(reason=self._begin())
        try:
            yield window
        finally:
            if window.reason is None:
                self._end(window)

    def _begin(self) -> str | None:
        """Open a window and wait until its first sample is due; the reason when that is not possible."""
        if self._broken is None:
            self._ask(b"b", 1)
        return self._broken

    def _end(self, window: Window) -> None:
        header = self._ask(b"e", COUNT.size)
        count = COUNT.unpack(header)[0] if header else 0
        data = self._read(count * SAMPLE.size)
        window.reason = self._broken
        window.samples = list(SAMPLE.iter_unpack(data)) if data else []

    def _ask(self, command: bytes, size: int) -> bytes | None:
        try:
            if self._process is None:
                self._process = self._start()
            assert self._process.stdin
            self._process.stdin.write(command)
        except OSError as error:
            self._give_up(f"the sampling process cannot be reached: {error.strerror or error}")
            return None
        return self._read(size)

    def _read(self, size: int) -> bytes | None:
        if self._process is None or self._process.stdout is None or self._broken:
            return None
        file, data = self._process.stdout.fileno(), b""
        while len(data) < size:
            if not select.select([file], [], [], _ANSWER_WITHIN)[0]:
                self._give_up(f"the sampling process did not answer within {_ANSWER_WITHIN:g} s")
                return None
            part = os.read(file, size - len(data))
            if not part:
                self._give_up("the sampling process has ended")
                return None
            data += part
        return data

    def _start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-I",
            str(_PROCESS),
            str(os.getpid()),
            str(self._interval),
            device_uuid(self._device),
        ]
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )

    def _give_up(self, reason: str) -> None:
        self._broken = reason
        self.close()

    def close(self) -> None:
        """End the process: its input ends, and should it not go by itself, it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def sample_memory(device: str, interval: float = INTERVAL) -> Iterator[Sampler]:
    """A sampler for this process on ``device``; its process is gone afterwards, however the block ends.

    Args:
        device: As :func:`resolve_device` gives it; on a CUDA device its memory, clock and processes are sampled too.
        interval: Seconds between two samples.
    """
    if not (math.isfinite(interval) and interval > 0):
        raise ValueError("an interval is a positive number of seconds")
    sampler = Sampler(device, interval)
    try:
        yield sampler
    finally:
        sampler.close()
