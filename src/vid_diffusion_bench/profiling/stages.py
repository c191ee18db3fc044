"""Where the time of one call goes: text encoder, denoiser, decoder and the rest, by hooks on the model's modules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from vid_diffusion_bench.profiling.device import device_type

OTHER = "other"
Moment = Any
"""A ``perf_counter`` float, or a recorded CUDA event."""


@dataclass
class StageTimes:
    """Seconds. ``total`` is the wall time of the block, ``stages`` disjoint parts of it with the rest in ``other``.

    ``steps`` is the time of each denoising step: from the end of the one before it, for the first one from the
    denoiser's first call (where there is no denoiser to see, from the start of the block).
    """

    total: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    steps: list[float] = field(default_factory=list)


class Clock:
    """Marks moments: CUDA events where there are any, which cost no synchronisation, else the wall after waiting."""

    def __init__(self, device: str) -> None:
        self._on_gpu = device_type(device) == "cuda"
        self._device = device

    def mark(self) -> Moment:
        if not self._on_gpu:
            self.synchronize()
            return time.perf_counter()
        import torch

        event: Moment = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self, start: Moment, end: Moment) -> float:
        """Between two marks; on a GPU only after :meth:`synchronize`."""
        return float(start.elapsed_time(end)) / 1000 if self._on_gpu else float(end - start)

    def synchronize(self) -> None:
        """Wait until the device has done all it was given; a CPU always has."""
        if self._device == "cpu":
            return
        import torch

        if self._on_gpu:
            torch.cuda.synchronize(self._device)
        else:
            torch.mps.synchronize()


class StageTimer:
    """Collects marks while a block runs; :func:`time_stages` makes one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spans: list[tuple[str, Moment, Moment]] = []
        self._open: list[tuple[str, Moment]] = []
        self._steps: list[Moment] = []
        self._first_denoising: Moment | None = None

    def enter(self, stage: str) -> None:
        moment = self._clock.mark()
        if stage == "denoiser" and self._first_denoising is None:
            self._first_denoising = moment
        self._open.append((stage, moment))

    def leave(self) -> None:
        stage, start = self._open.pop()
        if not self._open:
            self._spans.append((stage, start, self._clock.mark()))

    def step(self) -> None:
        """To be called when a denoising step has ended."""
        self._steps.append(self._clock.mark())

    def times(self, start: Moment, total: float) -> StageTimes:
        stages: dict[str, float] = {}
        for stage, begin, end in self._spans:
            stages[stage] = stages.get(stage, 0.0) + self._clock.seconds(begin, end)
        stages[OTHER] = max(0.0, total - sum(stages.values()))
        first = start if self._first_denoising is None else self._first_denoising
        edges = [first, *self._steps]
        steps = [self._clock.seconds(a, b) for a, b in pairwise(edges)]
        return StageTimes(total, stages, steps)


@contextmanager
def time_stages(stages: Mapping[str, Sequence[Any]], device: str) -> Iterator[tuple[StageTimer, StageTimes]]:
    """Time a block. Yields the timer, whose ``step`` is to be called after each denoising step, and the times.

    The times are filled in when the block ends, also by an exception. The hooks are gone afterwards.
    """
    clock, times = Clock(device), StageTimes()
    timer = StageTimer(clock)
    with ExitStack() as stack:
        for stage, modules in stages.items():
            for module in modules:
                stack.callback(_hook(module, stage, timer))
        clock.synchronize()
        start, wall = clock.mark(), time.perf_counter()
        try:
            yield timer, times
        finally:
            clock.synchronize()
            measured = timer.times(start, time.perf_counter() - wall)
            times.total, times.stages, times.steps = measured.total, measured.stages, measured.steps


def _hook(module: Any, stage: str, timer: StageTimer) -> Callable[[], None]:
    """Watch a module; returns what takes the watch away again."""
    if stage == "decoder" and hasattr(module, "decode"):
        return _wrap_decode(module, stage, timer)
    before = module.register_forward_pre_hook(lambda *_: timer.enter(stage))
    after = module.register_forward_hook(lambda *_: timer.leave(), always_call=True)

    def remove() -> None:
        before.remove()
        after.remove()

    return remove


def _wrap_decode(module: Any, stage: str, timer: StageTimer) -> Callable[[], None]:
    decode = module.decode

    def timed(*arguments: Any, **named: Any) -> Any:
        timer.enter(stage)
        try:
            return decode(*arguments, **named)
        finally:
            timer.leave()

    module.decode = timed
    return lambda: delattr(module, "decode")
