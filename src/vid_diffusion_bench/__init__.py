"""Video Diffusion Benchmark Suite: measure what video models make, how fast, and whether the difference is real."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench._version import __version__

if TYPE_CHECKING:
    from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
    from vid_diffusion_bench.prompts import StandardPrompts
    from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult, SampleRecord
    from vid_diffusion_bench.suite import BenchmarkSuite
    from vid_diffusion_bench.video import Video

_HOMES = {
    "BenchmarkConfig": "config",
    "BenchmarkResult": "results",
    "BenchmarkSuite": "suite",
    "GenerationParameters": "config",
    "MetricResult": "results",
    "ModelResult": "results",
    "SampleRecord": "results",
    "StandardPrompts": "prompts",
    "Video": "video",
}

__all__ = [
    "BenchmarkConfig",
    "BenchmarkResult",
    "BenchmarkSuite",
    "GenerationParameters",
    "MetricResult",
    "ModelResult",
    "SampleRecord",
    "StandardPrompts",
    "Video",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
