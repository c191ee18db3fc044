"""What the figures of one model share: who they are about, under which protocol, over which clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vid_diffusion_bench.results import Cost, Manifest, MetricResult, SampleRecord
from vid_diffusion_bench.statistics import cluster_bootstrap, wilson_interval

Measured = list[tuple[SampleRecord, Cost]]
MAXIMUM = "a maximum has no sampling interval"
NO_CLIP = "no clip was completed"
NO_DEFINITION = "there is no agreed definition; compare avg_latency_ms and the quality metrics"


class About:
    """What every figure of one model says beside its value."""

    def __init__(self, total: int, protocol: dict[str, Any]) -> None:
        self.total = total
        self.protocol = protocol

    def result(self, name: str, value: float | None, **fields: Any) -> MetricResult:
        """A result. Of ``reason`` and ``interval_reason`` only the one is kept that belongs to the value."""
        protocol = {**self.protocol, "figure": name, **fields.pop("also", {})}
        defaults = {"label": name, "total": self.total, "protocol": protocol}
        fields.pop("interval_reason" if value is None else "reason", None)
        return MetricResult(name=name, value=value, **{**defaults, **fields})


Figure = Callable[[About, Measured, str | None], MetricResult]


def success_rate(about: About, records: Sequence[SampleRecord]) -> MetricResult:
    """Share of the samples that have a usable clip, 0..1, with its Wilson interval."""
    fields: dict[str, Any] = {"higher_is_better": True, "n": len(records)}
    if not records:
        return about.result("success_rate", None, reason="no sample was tried", **fields)
    good = sum(record.status == "completed" for record in records)
    found = wilson_interval(good, len(records))
    return about.result("success_rate", good / len(records), confidence_interval=found, **fields)


def protocol_of(manifest: Manifest | None, completed: Measured) -> dict[str, Any]:
    """How the figures were measured, as plain data."""
    return {
        "manifest": manifest.model_dump(mode="json") if manifest else None,
        "batch_sizes": sorted({cost.batch_size for _, cost in completed}),
        "clock": "wall time of the generating call",
        "memory": "the whole process, its libraries included; on a GPU what the allocator gave out",
    }


def interval(values: Sequence[float], completed: Measured) -> dict[str, Any]:
    """The interval of a mean over clips, clustered on the prompt, or why there is none."""
    prompts = [record.prompt_id for record, _ in completed]
    if len(set(prompts)) < 2:
        return {"interval_reason": "an interval needs at least two prompts"}
    return {"confidence_interval": cluster_bootstrap(values, prompts)}
