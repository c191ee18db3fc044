"""Where the time of one call goes: text encoder, denoiser, decoder and the rest, by hooks on the model's modules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from vid_diffusion_bench.profiling.device import device_type

OTHER = "other"
POST_PROCESSING = "post_processing"
Moment = Any
"""A ``perf_counter`` float, or a recorded CUDA event."""


@dataclass(frozen=True)
class Span:
    """A stretch of the block, in seconds since it began."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class StageTimes:
    """Seconds. ``total`` is the wall time of the block, ``stages`` disjoint parts of it with the rest in ``other``.

    ``post_processing`` is what follows the last call of the decoder. ``steps`` is the time of each denoising step: from
    the end of the one before it, for the first one from the denoiser's first call (where there is no denoiser to see,
    from the start of the block). ``spans`` and ``step_spans`` say when each was, in order.
    """

    total: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    steps: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    step_spans: list[Span] = field(default_factory=list)


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

    def times(self, start: Moment, total: float, *, completed: bool = True) -> StageTimes:
        """What was collected in a block of ``total`` seconds; a block that raised has no post-processing."""
        since = self._clock.seconds
        spans = [Span(stage, since(start, begin), since(start, end)) for stage, begin, end in self._spans]
        if completed and spans and spans[-1].name == "decoder":
            spans.append(Span(POST_PROCESSING, spans[-1].end, max(spans[-1].end, total)))
        stages: dict[str, float] = {}
        for span in spans:
            stages[span.name] = stages.get(span.name, 0.0) + span.seconds
        stages[OTHER] = max(0.0, total - sum(stages.values()))
        first = start if self._first_denoising is None else self._first_denoising
        edges = [since(start, moment) for moment in (first, *self._steps)]
        steps = [Span(f"step {number}", a, b) for number, (a, b) in enumerate(pairwise(edges), 1)]
        return StageTimes(total, stages, [step.seconds for step in steps], spans, steps)


@contextmanager
def time_stages(stages: Mapping[str, Sequence[Any]], device: str) -> Iterator[tuple[StageTimer, StageTimes]]:
    """Time a block. Yields the timer, whose ``step`` is to be called after each denoising step, and the times.

    The times are filled in when the block ends, also by an exception. The hooks are gone afterwards.
    """
    clock, times = Clock(device), StageTimes()
    timer = StageTimer(clock)
    with watch_stages(stages, timer):
        clock.synchronize()
        start, wall, completed = clock.mark(), time.perf_counter(), False
        try:
            yield timer, times
            completed = True
        finally:
            clock.synchronize()
            measured = timer.times(start, time.perf_counter() - wall, completed=completed)
            vars(times).update(vars(measured))


class StageWatch(Protocol):
    """What is told when a stage begins and when it ends; stages may lie inside one another."""

    def enter(self, stage: str) -> None: ...
    def leave(self) -> None: ...


@contextmanager
def watch_stages(stages: Mapping[str, Sequence[Any]], watch: StageWatch) -> Iterator[None]:
    """Tell ``watch`` of every call of the modules while the block runs."""
    with ExitStack() as stack:
        for stage, modules in stages.items():
            for module in modules:
                stack.callback(_hook(module, stage, watch))
        yield


def _hook(module: Any, stage: str, timer: StageWatch) -> Callable[[], None]:
    """Watch a module; returns what takes the watch away again."""
    if stage == "decoder" and hasattr(module, "decode"):
        return _wrap_decode(module, stage, timer)
    before = module.register_forward_pre_hook(lambda *_: timer.enter(stage))
    after = module.register_forward_hook(lambda *_: timer.leave(), always_call=True)

    def remove() -> None:
        before.remove()
        after.remove()

    return remove


def _wrap_decode(module: Any, stage: str, timer: StageWatch) -> Callable[[], None]:
    decode, own = module.decode, vars(module).get("decode")

    def timed(*arguments: Any, **named: Any) -> Any:
        timer.enter(stage)
        try:
            return decode(*arguments, **named)
        finally:
            timer.leave()

    def restore() -> None:
        if own is None:
            del module.decode
        else:
            module.decode = own

    module.decode = timed
    return restore
