"""What one generating call took: :func:`measure` yields a :class:`Measurement`, which becomes a ``results.Cost``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vid_diffusion_bench.profiling.memory import PeakMemory, peak_memory
from vid_diffusion_bench.profiling.stages import StageTimer, StageTimes, time_stages
from vid_diffusion_bench.results import Cost

NO_ENERGY = "energy is not measured by this version"


@dataclass(frozen=True)
class Measurement:
    """One call under measurement; its figures are there when the block has ended."""

    timer: StageTimer
    times: StageTimes
    memory: PeakMemory

    def cost(self, batch_size: int) -> Cost:
        """The figures as a value. ``latency`` is the call's wall time, which every clip of a batch waited."""
        return Cost(
            latency=self.times.total,
            batch_size=batch_size,
            stages=self.times.stages,
            steps=self.times.steps,
            peak_rss=self.memory.rss,
            peak_vram=self.memory.vram,
            reasons={"energy_joules": NO_ENERGY, **(self.memory.reasons or {})},
        )


@contextmanager
def measure(stages: Mapping[str, Sequence[Any]], device: str) -> Iterator[Measurement]:
    """Measure a block that makes one batch of clips; ``timer.step()`` is to be called after each denoising step."""
    with peak_memory(device) as memory, time_stages(stages, device) as (timer, times):
        yield Measurement(timer, times, memory)
