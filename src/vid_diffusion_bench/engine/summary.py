"""A model's time and memory over its samples, each figure with its interval or the reason there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vid_diffusion_bench.engine.figures import (
    MAXIMUM,
    NO_CLIP,
    NO_DEFINITION,
    About,
    Figure,
    Measured,
    interval,
    protocol_of,
    success_rate,
)
from vid_diffusion_bench.engine.power import cost_figures, disturbances, energy_figures
from vid_diffusion_bench.prices import MachinePrices
from vid_diffusion_bench.results import GIB, Manifest, MetricResult, SampleRecord
from vid_diffusion_bench.statistics import interval_caution, mean, percentile

_PEAKS = {"peak_ram_gb": "peak_rss", "peak_vram_gb": "peak_vram"}
_SEVERAL_MACHINES = "the clips were made on {} different machines or software versions; see the records"


def performance(
    records: Sequence[SampleRecord],
    manifests: dict[str, Manifest],
    load_seconds: float | None,
    prices: MachinePrices | None = None,
) -> dict[str, MetricResult]:
    """The figures of one model: latency, throughput, memory, energy, money, load time, success rate."""
    completed = [(record, record.cost) for record in records if record.status == "completed" and record.cost]
    cohort = {record.manifest for record, _ in completed}
    reason = None if completed else NO_CLIP
    if len(cohort) > 1:
        reason = _SEVERAL_MACHINES.format(len(cohort))
    manifest = manifests.get(next(iter(cohort))) if len(cohort) == 1 else None
    about = About(len(records), protocol_of(manifest, completed))
    timed = [_latency, *(_percentile(q) for q in (50, 95)), _throughput, *_memory_figures(manifest)]
    results = [figure(about, completed, reason) for figure in timed]
    results += energy_figures(about, completed, reason)
    results += cost_figures(about, completed, prices or MachinePrices(), reason)
    results += [_load(about, load_seconds), success_rate(about, records)]
    results.append(about.result("efficiency_score", None, reason=NO_DEFINITION))
    return {result.name: result for result in results}


def _memory_figures(manifest: Manifest | None) -> list[Figure]:
    """Resident and allocated memory; what the allocator kept and the driver counted only where there is a GPU."""
    on_gpu = manifest is not None and manifest.device.startswith("cuda")
    more = {"peak_vram_reserved_gb": "peak_vram_reserved", "peak_process_vram_gb": "process_vram"} if on_gpu else {}
    return [_peak(name, field) for name, field in {**_PEAKS, **more}.items()]


def _latency(about: About, completed: Measured, reason: str | None) -> MetricResult:
    values = [cost.latency * 1000 for _, cost in completed]
    fields: dict[str, Any] = {"unit": "ms", "higher_is_better": False, "n": len(values)}
    fields["warnings"] = disturbances([cost for _, cost in completed])
    if any(cost.batch_size > 1 for _, cost in completed):
        fields["warnings"].append("made in batches: every clip of a batch waited for the whole batch")
    if reason:
        return about.result("avg_latency_ms", None, reason=reason, **fields)
    found = interval(values, completed)
    if "confidence_interval" in found and (said := interval_caution(values, [r.prompt_id for r, _ in completed])):
        fields["warnings"].append(said)
    return about.result("avg_latency_ms", mean(values), **found, **fields)


def _percentile(q: int) -> Figure:
    def figure(about: About, completed: Measured, reason: str | None) -> MetricResult:
        values = [cost.latency * 1000 for _, cost in completed]
        value = None if reason else percentile(values, q)
        return about.result(
            f"p{q}_latency_ms",
            value,
            reason=reason or f"{len(values)} clips are too few for the {q}th percentile",
            interval_reason="no interval is computed for percentiles",
            unit="ms",
            higher_is_better=False,
            n=len(values),
        )

    return figure


def _throughput(about: About, completed: Measured, reason: str | None) -> MetricResult:
    """Frames per second of generating: all frames over all time spent, a batch's time shared by its clips."""
    fields: dict[str, Any] = {"unit": "frames/s", "higher_is_better": True, "n": len(completed)}
    if reason:
        return about.result("throughput_fps", None, reason=reason, **fields)
    seconds = [cost.latency / cost.batch_size for _, cost in completed]
    frames = [record.clip.num_frames for record, _ in completed if record.clip]
    value = sum(frames) / math.fsum(seconds)
    found = interval(seconds, completed)
    if "confidence_interval" in found and len(set(frames)) == 1:
        low, high = found["confidence_interval"]
        found = {"confidence_interval": (frames[0] / high, frames[0] / low)}
    elif "confidence_interval" in found:
        found = {"interval_reason": "clips of different lengths"}
    return about.result("throughput_fps", value, **found, **fields)


def _peak(name: str, field: str) -> Figure:
    """The largest of the clips' peaks, in GiB."""

    def figure(about: About, completed: Measured, reason: str | None) -> MetricResult:
        peaks = [peak for _, cost in completed if (peak := getattr(cost, field)) is not None]
        fields: dict[str, Any] = {"unit": "GiB", "higher_is_better": False, "n": len(peaks)}
        if reason or not peaks:
            why = reason or completed[0][1].reasons.get(field, "not measured")
            return about.result(name, None, reason=why, **fields)
        return about.result(name, max(peaks) / GIB, interval_reason=MAXIMUM, **fields)

    return figure


def _load(about: About, seconds: float | None) -> MetricResult:
    return about.result(
        "load_seconds",
        seconds,
        reason="the model was not loaded",
        interval_reason="loaded once",
        unit="s",
        higher_is_better=False,
        n=int(seconds is not None),
    )
