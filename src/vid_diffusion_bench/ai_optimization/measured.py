"""What one setting came to on one set of prompts and seeds: :class:`Measured`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from vid_diffusion_bench.comparison.clip_costs import latency_ms
from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult, SampleRecord, Value


class Sample(Value):
    """The figures of one clip."""

    prompt_id: str
    index: int
    quality: float | None
    latency_ms: float


class Measured(Value):
    """A setting, measured with the seeds that ``seed`` is the base of.

    ``quality`` is ``None`` for ``quality_reason``, ``memory_gb`` for ``memory_reason``; ``quality_protocol`` is the
    fingerprint that two qualities must share to be compared. ``seconds`` is the machine time of all its calls.
    """

    setting: dict[str, Any]
    seed: int
    clips: int
    latency_ms: float
    quality: float | None
    quality_reason: str | None = None
    quality_protocol: str = ""
    quality_n: int = 0
    memory_gb: float | None = None
    memory_reason: str | None = None
    latency_warnings: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    manifest: str = ""
    samples: list[Sample] = Field(default_factory=list)


def read_measured(
    result: BenchmarkResult, setting: dict[str, Any], quality: str, memory: str, seconds: float
) -> Measured:
    """The figures of the one model of ``result``, all of whose clips were made."""
    model = result.models[0]
    metric, peak = model.metric_results[quality], model.performance_results[memory]
    timed = model.performance_results["avg_latency_ms"]
    assert timed.value is not None, "clips that were made have a latency"
    return Measured(
        setting=setting,
        seed=result.config.base_seed,
        clips=len(model.records),
        latency_ms=timed.value,
        latency_warnings=timed.warnings,
        quality=metric.value,
        quality_reason=metric.reason,
        quality_protocol=metric.protocol_fingerprint,
        quality_n=metric.n,
        memory_gb=peak.value,
        memory_reason=peak.reason,
        seconds=seconds,
        manifest=model.records[0].manifest,
        samples=[_sample(record, metric) for record in model.records],
    )


def problem_of(model: ModelResult) -> str | None:
    """Why a setting has no figures: a clip that failed is not left out, or settings that fail on hard prompts win."""
    failed = [record for record in model.records if record.status != "completed"]
    if not failed:
        return None
    failure = failed[0].failure
    why = f"{failure.code}: {failure.message}" if failure else "no reason is known"
    return f"{len(failed)} of {len(model.records)} clips failed; the first: {why}"


def _sample(record: SampleRecord, metric: MetricResult) -> Sample:
    score = record.scores.get(metric.name)
    assert record.cost is not None, "a completed clip has a cost"
    return Sample(
        prompt_id=record.prompt_id,
        index=record.index,
        quality=score.value if score else None,
        latency_ms=latency_ms(record.cost),
    )
