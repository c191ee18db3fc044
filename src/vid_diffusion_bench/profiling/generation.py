"""What one generating call took: :func:`measure` yields a :class:`Measurement`, which becomes a ``results.Cost``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vid_diffusion_bench.profiling.conditions import (
    Surroundings,
    gpu_clock,
    gpu_neighbours,
    gpu_throttling,
    watch_surroundings,
)
from vid_diffusion_bench.profiling.energy import Energy, measure_energy
from vid_diffusion_bench.profiling.memory import PeakMemory, peak_memory
from vid_diffusion_bench.profiling.sampler import Sampler
from vid_diffusion_bench.profiling.stages import StageTimer, StageTimes, time_stages
from vid_diffusion_bench.results import Conditions, Cost


@dataclass(frozen=True)
class Measurement:
    """One call under measurement; its figures are there when the block has ended."""

    timer: StageTimer
    times: StageTimes
    memory: PeakMemory
    energy: Energy
    surroundings: Surroundings

    def cost(self, batch_size: int) -> Cost:
        """The figures as a value. ``latency`` is the call's wall time, which every clip of a batch waited."""
        reasons = dict(self.memory.reasons)
        if self.energy.reason:
            reasons["energy_joules"] = self.energy.reason
        return Cost(
            latency=self.times.total,
            batch_size=batch_size,
            stages=self.times.stages,
            steps=self.times.steps,
            peak_rss=self.memory.rss,
            sampled_rss=self.memory.sampled_rss,
            peak_vram=self.memory.vram,
            peak_vram_reserved=self.memory.vram_reserved,
            process_vram=self.memory.process_vram,
            energy_joules=self.energy.total,
            energy=self.energy.joules,
            conditions=self._conditions(),
            reasons=reasons,
        )

    def _conditions(self) -> Conditions:
        window = self.memory.window
        return Conditions(
            other_load=self.surroundings.other_load,
            other_gpu_processes=gpu_neighbours(window),
            throttled=[*self.surroundings.throttled, *gpu_throttling(window)],
            cpu_mhz=self.surroundings.cpu_mhz,
            gpu_mhz=gpu_clock(window),
        )


@contextmanager
def measure(stages: Mapping[str, Sequence[Any]], device: str, sampler: Sampler | None = None) -> Iterator[Measurement]:
    """Measure a block that makes one batch of clips; ``timer.step()`` is to be called after each denoising step.

    The clock is innermost: what the other readings cost is outside of it. ``sampler`` adds what only another process
    sees.
    """
    with (
        watch_surroundings() as surroundings,
        peak_memory(device, sampler) as memory,
        measure_energy(device) as energy,
        time_stages(stages, device) as (timer, times),
    ):
        yield Measurement(timer, times, memory, energy, surroundings)
