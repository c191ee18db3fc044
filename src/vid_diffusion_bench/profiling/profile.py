"""What ``vid-bench profile`` finds out, as values: a report, its levels, their calls."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from vid_diffusion_bench.profiling.sampler import DEVICE_VRAM, PROCESS_VRAM, RESIDENT, Window
from vid_diffusion_bench.profiling.sampling_process import Sample
from vid_diffusion_bench.profiling.stages import Span
from vid_diffusion_bench.results import Cost, Manifest, MetricResult, Value, utc_now

PROFILE_VERSION = 1


class TimedSpan(Value):
    """A stretch of a call, in seconds since the call began."""

    name: str
    start: float
    end: float

    @classmethod
    def of(cls, span: Span) -> TimedSpan:
        return cls(name=span.name, start=span.start, end=span.end)


class MemorySample(Value):
    """Bytes at ``time`` seconds since the call began; ``None`` where not known."""

    time: float
    rss: int | None
    process_vram: int | None = None
    device_vram: int | None = None


class CallProfile(Value):
    """One measured stretch of work. ``kind`` is ``load``, ``first`` or ``steady``; ``start`` counts from the profile's.

    ``memory`` is empty unless the profile is a detailed one.
    """

    kind: str
    start: float
    cost: Cost
    prompts: list[str] = Field(default_factory=list)
    compile_seconds: float = 0.0
    spans: list[TimedSpan] = Field(default_factory=list)
    steps: list[TimedSpan] = Field(default_factory=list)
    memory: list[MemorySample] = Field(default_factory=list)


class StageProfile(Value):
    """One stage over the steady calls: mean seconds a call, its share of the call, what it computes in that time.

    ``flops`` is of one call, ``peak_share`` is ``flops / seconds`` over the device's measured peak.
    """

    name: str
    seconds: float
    share: float
    parameters: int | None = None
    flops: int | None = None
    flops_per_second: float | None = None
    peak_share: float | None = None


class PeakRate(Value):
    """What the device reached in a product of two ``size`` x ``size`` matrices in the same precision."""

    flops_per_second: float
    size: int
    precision: str
    runs: int


class LevelProfile(Value):
    """One model at one optimisation level.

    ``first_call_extra`` is how much longer the first call took than the median steady one, ``compile_seconds`` how much
    of it went into ``torch.compile``. ``step`` is the median denoising step of the steady calls, in seconds.
    ``manifest`` and ``peak`` are of this level's precision and switches; ``optimization`` says what each switch did.
    """

    level: str
    load_seconds: float
    first_call_seconds: float
    steady_seconds: float
    first_call_extra: float
    compile_seconds: float
    step: float | None
    stages: list[StageProfile]
    performance: dict[str, MetricResult]
    calls: list[CallProfile]
    manifest: Manifest | None = None
    peak: PeakRate | None = None
    optimization: dict[str, Any] = Field(default_factory=dict)
    flops_reason: str | None = None
    warnings: list[str] = Field(default_factory=list)


class ProfileReport(Value):
    """All that was found out of one model's speed, memory and energy.

    ``inputs`` says what the first clip started from, where the model starts from an image or a clip.
    """

    model: str
    parameters: dict[str, Any]
    inputs: dict[str, Any] = Field(default_factory=dict)
    batch_size: int
    manifest: Manifest
    peak: PeakRate
    levels: list[LevelProfile]
    sampling_interval: float
    counted: str
    detailed: bool = False
    created_at: str = Field(default_factory=utc_now)
    schema_version: int = PROFILE_VERSION


def memory_samples(window: Window) -> list[MemorySample]:
    """The samples of a window as values."""
    return [
        MemorySample(
            time=sample[0],
            rss=_known(sample, RESIDENT),
            process_vram=_known(sample, PROCESS_VRAM),
            device_vram=_known(sample, DEVICE_VRAM),
        )
        for sample in window.samples
    ]


def _known(sample: Sample, column: int) -> int | None:
    return int(sample[column]) if sample[column] >= 0 else None
