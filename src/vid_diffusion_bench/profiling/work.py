"""What a call computes: floating-point operations by stage, parameters by stage, and the peak they are held against."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vid_diffusion_bench.optimization import torch_dtype
from vid_diffusion_bench.profiling.device import device_type
from vid_diffusion_bench.profiling.stages import OTHER, Clock, watch_stages

COUNTED = "matrix products, convolutions and attention (two operations a multiply-add), as PyTorch's FlopCounterMode"
_SQUARES = {"cpu": 1024, "mps": 2048, "cuda": 8192}
_GEMM_SECONDS = 1.0
_GEMM_RUNS = 50


@dataclass
class Work:
    """Floating-point operations by stage, there when the block has ended; the rest of the call is in ``other``."""

    flops: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Peak:
    """The fastest of ``runs`` products of two square matrices of ``size``, in operations a second."""

    flops_per_second: float
    size: int
    precision: str
    runs: int


class _FlopWatch:
    """Stands where the timer stands, and reads a counter instead of a clock."""

    def __init__(self, count: Callable[[], int], flops: dict[str, int]) -> None:
        self._count, self._flops = count, flops
        self._open: list[tuple[str, int]] = []

    def enter(self, stage: str) -> None:
        self._open.append((stage, self._count()))

    def leave(self) -> None:
        stage, before = self._open.pop()
        if not self._open:
            self._flops[stage] = self._flops.get(stage, 0) + self._count() - before


@contextmanager
def count_work(stages: Mapping[str, Sequence[Any]]) -> Iterator[Work]:
    """Count the operations of a block by stage: slower than the block itself, so never while it is timed.

    Attention is counted as if nothing were masked; element-wise work is not counted.
    """
    from torch.utils.flop_counter import FlopCounterMode

    work = Work()
    with FlopCounterMode(display=False, custom_mapping=_unlisted_attention()) as counter:
        with watch_stages(stages, _FlopWatch(counter.get_total_flops, work.flops)):
            yield work
        work.flops[OTHER] = counter.get_total_flops() - sum(work.flops.values())


def count_parameters(stages: Mapping[str, Sequence[Any]]) -> dict[str, int]:
    """Parameters of the modules of each stage."""
    return {
        stage: sum(p.numel() for module in modules for p in module.parameters())
        for stage, modules in stages.items()
        if modules
    }


def measure_peak(device: str, precision: str) -> Peak:
    """Multiply large square matrices in ``precision`` (``fp32``, ``bf16``, ``fp16``) and take the fastest time."""
    import torch

    dtype = torch_dtype(precision)
    size, clock = _SQUARES[device_type(device)], Clock(device)
    with torch.inference_mode():
        a, b = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
        out = a @ b
        times: list[float] = []
        end = time.perf_counter() + _GEMM_SECONDS
        while len(times) < _GEMM_RUNS and (not times or time.perf_counter() < end):
            clock.synchronize()
            start = clock.mark()
            torch.mm(a, b, out=out)
            stop = clock.mark()
            clock.synchronize()
            times.append(clock.seconds(start, stop))
    return Peak(2.0 * size**3 / min(times), size, precision, len(times))


def _unlisted_attention() -> dict[Any, Any]:
    """The processor's fused attention, which PyTorch's counter has no formula for and would count as nothing."""
    import torch

    def flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        # Two products: of queries and keys, and of the weights and the values.
        batch, heads, queries, width = query
        return int(2 * batch * heads * queries * key[-2] * (width + value[-1]))

    names = ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math_for_mps")
    return {getattr(torch.ops.aten, name): flops for name in names if hasattr(torch.ops.aten, name)}
