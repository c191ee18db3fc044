"""Energy, power and money of making clips, and the warnings about what went on meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vid_diffusion_bench.comparison.clip_costs import joules, money
from vid_diffusion_bench.engine.figures import About, Measured, interval
from vid_diffusion_bench.prices import MachinePrices
from vid_diffusion_bench.results import Cost, MetricResult
from vid_diffusion_bench.statistics import mean

MUCH_OTHER_LOAD = 0.1
"""Share of the machine's processor time that other processes may take before a warning says so."""
_NOT_EXCLUSIVE = "the counters see all work on the chip, not only this process's"


def energy_figures(about: About, completed: Measured, reason: str | None) -> list[MetricResult]:
    """Joules a clip, joules a second of video, mean watts while clips were made."""
    known = [(record, cost) for record, cost in completed if cost.energy_joules is not None]
    why = reason or _missing(completed, known)
    shares = [joules(cost) or 0.0 for _, cost in known]
    sources = sorted({source for _, cost in known for source in cost.energy})
    shared = {"n": len(known), "also": {"energy": sources}, "warnings": [_NOT_EXCLUSIVE] if known else []}
    seconds = [cost.latency / cost.batch_size for _, cost in known]
    video = [record.clip.num_frames / record.clip.fps for record, _ in known if record.clip]
    per_clip = None if why else mean(shares)
    per_second = None if why else math.fsum(shares) / math.fsum(video)
    watts = None if why else math.fsum(shares) / math.fsum(seconds)
    ratio = "no interval is computed for a ratio of sums"
    return [
        about.result(
            "energy_per_clip_joules", per_clip, unit="J", higher_is_better=False, reason=why,
            **({} if why else interval(shares, known)), **shared,
        ),
        about.result(
            "energy_per_video_second_joules", per_second, unit="J/s", higher_is_better=False, reason=why,
            interval_reason=ratio, **shared,
        ),
        about.result("avg_power_watts", watts, unit="W", reason=why, interval_reason=ratio, **shared),
    ]  # fmt: skip


def cost_figures(about: About, completed: Measured, prices: MachinePrices, reason: str | None) -> list[MetricResult]:
    """Money a clip and a second of video, by the prices the user gave; nothing where none was given."""
    if not prices.given:
        return []
    needs_energy = prices.price_per_kwh is not None
    known = [(record, cost) for record, cost in completed if not needs_energy or cost.energy_joules is not None]
    why = reason or _missing(completed, known)
    spent = [money(cost, prices) for _, cost in known]
    video = [record.clip.num_frames / record.clip.fps for record, _ in known if record.clip]
    shared = {
        "unit": prices.currency,
        "higher_is_better": False,
        "reason": why,
        "n": len(known),
        "also": {"prices": prices.model_dump(mode="json")},
    }
    per_second = None if why else math.fsum(spent) / math.fsum(video)
    return [
        about.result(
            "cost_per_clip", None if why else mean(spent), **({} if why else interval(spent, known)), **shared
        ),
        about.result(
            "cost_per_video_second", per_second, interval_reason="no interval is computed for a ratio of sums", **shared
        ),
    ]


def disturbances(costs: Sequence[Cost]) -> list[str]:
    """What other work and heat did while clips were made, as warnings beside the figures."""
    seen = [(cost.conditions, cost.latency) for cost in costs if cost.conditions]
    loads = [(about.other_load, seconds) for about, seconds in seen if about.other_load is not None]
    warnings = []
    if loads:
        load = sum(share * seconds for share, seconds in loads) / sum(seconds for _, seconds in loads)
        if load > MUCH_OTHER_LOAD:
            warnings.append(f"other processes took {load:.0%} of the processor meanwhile")
    others = max((about.other_gpu_processes or 0 for about, _ in seen), default=0)
    if others:
        warnings.append(f"{others} other process{'es' * (others > 1)} on the GPU")
    throttled = list(dict.fromkeys(reason for about, _ in seen for reason in about.throttled))
    if throttled:
        slowed = sum(bool(about.throttled) for about, _ in seen)
        warnings.append(f"slowed down in {slowed} of {len(seen)} calls: {', '.join(throttled)}")
    return warnings


def _missing(completed: Measured, known: Measured) -> str | None:
    if known:
        return None
    return completed[0][1].reasons.get("energy_joules", "energy was not measured")
