"""What one clip cost, as a number of that clip: time, energy, money, memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vid_diffusion_bench.prices import MachinePrices
from vid_diffusion_bench.results import GIB, Cost

JOULES_A_KWH: Final = 3.6e6


def latency_ms(cost: Cost) -> float:
    """Milliseconds that the clip was waited for; of a served model from the scheduled arrival."""
    return cost.latency * 1000


def joules(cost: Cost) -> float | None:
    """The clip's share of the call's energy."""
    return None if cost.energy_joules is None else cost.energy_joules / cost.batch_size


def money(cost: Cost, prices: MachinePrices) -> float:
    """What one clip of a call cost: its share of the hours, and of the energy, at their prices."""
    hours = cost.latency / cost.batch_size / 3600
    by_hour = hours * (prices.price_per_hour or 0.0)
    if prices.price_per_kwh is None:
        return by_hour
    return by_hour + (joules(cost) or 0.0) / JOULES_A_KWH * prices.price_per_kwh


def _gib(count: int | None) -> float | None:
    return None if count is None else count / GIB


def peak_ram_gb(cost: Cost) -> float | None:
    """Largest resident memory while the clip was made."""
    return _gib(cost.peak_rss)


def peak_vram_gb(cost: Cost) -> float | None:
    """Most that the allocator gave out while the clip was made."""
    return _gib(cost.peak_vram)


OF_A_CLIP: Final[dict[str, Callable[[Cost], float | None]]] = {
    "avg_latency_ms": latency_ms,
    "energy_per_clip_joules": joules,
}
"""Figures of a run that are means over its clips, so that the difference of a pair is a difference of the figure."""
PEAKS: Final[dict[str, Callable[[Cost], float | None]]] = {
    "peak_ram_gb": peak_ram_gb,
    "peak_vram_gb": peak_vram_gb,
}
"""Figures of a run that are the largest of its clips' peaks; compared by the mean of the peaks."""


def cost_of(cost: Cost, name: str) -> float | None:
    """The figure ``name`` of :data:`OF_A_CLIP` or :data:`PEAKS` of one clip; ``None`` where it was not measured."""
    return {**OF_A_CLIP, **PEAKS}[name](cost)
