"""A model's time and memory over its samples, each figure with its interval or the reason there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from vid_diffusion_bench.results import GIB, Cost, Manifest, MetricResult, SampleRecord
from vid_diffusion_bench.statistics import cluster_bootstrap, mean, percentile, wilson_interval

_NO_CLIP = "no clip was completed"
_SEVERAL_MACHINES = "the clips were made on {} different machines or software versions; see the records"
_MAXIMUM = "a maximum has no sampling interval"
_ABSENT = {
    "avg_power_watts": ("W", "power is not measured by this version"),
    "efficiency_score": ("", "there is no agreed definition; compare avg_latency_ms and the quality metrics"),
}
Measured = list[tuple[SampleRecord, Cost]]


def performance(
    records: Sequence[SampleRecord], manifests: dict[str, Manifest], load_seconds: float | None
) -> dict[str, MetricResult]:
    """The figures of one model: latency, throughput, peak memory, load time, success rate, and what is not measured."""
    completed = [(record, record.cost) for record in records if record.status == "completed" and record.cost]
    cohort = {record.manifest for record, _ in completed}
    reason = None if completed else _NO_CLIP
    if len(cohort) > 1:
        reason = _SEVERAL_MACHINES.format(len(cohort))
    manifest = manifests.get(next(iter(cohort))) if len(cohort) == 1 else None
    about = _About(len(records), _protocol(manifest, completed))
    timed = [_latency, *(_percentile(q) for q in (50, 95)), _throughput, _peak_ram, _peak_vram]
    results = [figure(about, completed, reason) for figure in timed]
    results += [_load(about, load_seconds), _success_rate(about, records)]
    results += [about.result(name, None, unit=unit, reason=why) for name, (unit, why) in _ABSENT.items()]
    return {result.name: result for result in results}


class _About:
    """What every figure of one model says beside its value."""

    def __init__(self, total: int, protocol: dict[str, Any]) -> None:
        self.total = total
        self.protocol = protocol

    def result(self, name: str, value: float | None, **fields: Any) -> MetricResult:
        """A result. Of ``reason`` and ``interval_reason`` only the one is kept that belongs to the value."""
        defaults = {"label": name, "total": self.total, "protocol": {**self.protocol, "figure": name}}
        fields.pop("interval_reason" if value is None else "reason", None)
        return MetricResult(name=name, value=value, **{**defaults, **fields})


Figure = Callable[[_About, Measured, str | None], MetricResult]


def _protocol(manifest: Manifest | None, completed: Measured) -> dict[str, Any]:
    sizes = sorted({cost.batch_size for _, cost in completed})
    about = manifest.model_dump(mode="json") if manifest else None
    return {
        "manifest": about,
        "batch_sizes": sizes,
        "clock": "wall time of the generating call",
        "memory": "the whole process, its libraries included; on a GPU what the allocator gave out",
    }


def _latency(about: _About, completed: Measured, reason: str | None) -> MetricResult:
    values = [cost.latency * 1000 for _, cost in completed]
    fields: dict[str, Any] = {"unit": "ms", "higher_is_better": False, "n": len(values)}
    if any(cost.batch_size > 1 for _, cost in completed):
        fields["warnings"] = ["made in batches: every clip of a batch waited for the whole batch"]
    if reason:
        return about.result("avg_latency_ms", None, reason=reason, **fields)
    return about.result("avg_latency_ms", mean(values), **_interval(values, completed), **fields)


def _interval(values: Sequence[float], completed: Measured) -> dict[str, Any]:
    prompts = [record.prompt_id for record, _ in completed]
    if len(set(prompts)) < 2:
        return {"interval_reason": "an interval needs at least two prompts"}
    return {"confidence_interval": cluster_bootstrap(values, prompts)}


def _percentile(q: int) -> Figure:
    def figure(about: _About, completed: Measured, reason: str | None) -> MetricResult:
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


def _throughput(about: _About, completed: Measured, reason: str | None) -> MetricResult:
    """Frames per second of generating: all frames over all time spent, a batch's time shared by its clips."""
    fields: dict[str, Any] = {"unit": "frames/s", "higher_is_better": True, "n": len(completed)}
    if reason:
        return about.result("throughput_fps", None, reason=reason, **fields)
    seconds = [cost.latency / cost.batch_size for _, cost in completed]
    frames = [record.clip.num_frames for record, _ in completed if record.clip]
    value = sum(frames) / math.fsum(seconds)
    interval = _interval(seconds, completed)
    if "confidence_interval" in interval and len(set(frames)) == 1:
        low, high = interval["confidence_interval"]
        interval = {"confidence_interval": (frames[0] / high, frames[0] / low)}
    elif "confidence_interval" in interval:
        interval = {"interval_reason": "clips of different lengths"}
    return about.result("throughput_fps", value, **interval, **fields)


def _peak_ram(about: _About, completed: Measured, reason: str | None) -> MetricResult:
    return _peak(about, "peak_ram_gb", "peak_rss", completed, reason)


def _peak_vram(about: _About, completed: Measured, reason: str | None) -> MetricResult:
    return _peak(about, "peak_vram_gb", "peak_vram", completed, reason)


def _peak(about: _About, name: str, field: str, completed: Measured, reason: str | None) -> MetricResult:
    """The largest of the clips' peaks, in GiB."""
    peaks = [peak for _, cost in completed if (peak := getattr(cost, field)) is not None]
    fields: dict[str, Any] = {"unit": "GiB", "higher_is_better": False, "n": len(peaks)}
    if reason or not peaks:
        why = reason or completed[0][1].reasons.get(field, "not measured")
        return about.result(name, None, reason=why, **fields)
    return about.result(name, max(peaks) / GIB, interval_reason=_MAXIMUM, **fields)


def _load(about: _About, seconds: float | None) -> MetricResult:
    return about.result(
        "load_seconds",
        seconds,
        reason="the model was not loaded",
        interval_reason="loaded once",
        unit="s",
        higher_is_better=False,
        n=int(seconds is not None),
    )


def _success_rate(about: _About, records: Sequence[SampleRecord]) -> MetricResult:
    """Share of the samples that have a usable clip, 0..1, with its Wilson interval."""
    fields: dict[str, Any] = {"higher_is_better": True, "n": len(records)}
    if not records:
        return about.result("success_rate", None, reason="no sample was tried", **fields)
    good = sum(record.status == "completed" for record in records)
    interval = wilson_interval(good, len(records))
    return about.result("success_rate", good / len(records), confidence_interval=interval, **fields)
