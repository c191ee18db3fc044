"""What became of a benchmark, as the plain data that the server keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.jobs.job import JobStatus
from vid_diffusion_bench.models import canonical_name
from vid_diffusion_bench.results import BenchmarkResult, MetricResult, ModelResult

SUMMARY = ("overall_score", "avg_latency_ms")
"""What a list of benchmarks shows of one."""


@dataclass(frozen=True)
class Outcome:
    """``results`` by model, ``error`` as of ``VidBenchError.to_dict``; ``values`` are the rows of history."""

    status: JobStatus
    results: dict[str, Any] = field(default_factory=dict)
    values: list[dict[str, Any]] = field(default_factory=list)
    execution_time: float | None = None
    error: dict[str, Any] | None = None

    @classmethod
    def of(cls, result: BenchmarkResult) -> Outcome:
        """Of a run that came to its end, or to that of its patience."""
        status: JobStatus = "cancelled" if result.status == "interrupted" else result.status
        return cls(
            status,
            {model.model_name: _plain(model) for model in result.models},
            [row for model in result.models for row in _values(model)],
            result.execution_time,
            _error(result) if status == "failed" else None,
        )

    @classmethod
    def failed(cls, error: VidBenchError) -> Outcome:
        """Of a run that could not begin, or broke down."""
        return cls("failed", error=error.to_dict())

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """Metric values by model."""
        return {model: found["metrics"] for model, found in self.results.items()}

    @property
    def summary(self) -> dict[str, Any]:
        """:data:`SUMMARY` of the first model."""
        if not self.results:
            return {}
        first = next(iter(self.results.values()))
        values = {**first["metrics"], **first["performance"]}
        return {name: values.get(name) for name in SUMMARY}


def _plain(model: ModelResult) -> dict[str, Any]:
    kept = {"metrics", "performance", "metric_results", "performance_results", "success_rate", "load_seconds", "error"}
    return model.model_dump(mode="json", include=kept)


def _values(model: ModelResult) -> Iterator[dict[str, Any]]:
    """A performance figure that a metric is named like would hide it: metrics come last.

    History is kept by the model's own name, whatever spelling this benchmark asked for it by.
    """
    found: dict[str, MetricResult] = {**model.performance_results, **model.metric_results}
    for name, result in found.items():
        yield {
            "model": canonical_name(model.model_name),
            "metric": name,
            "value": result.value,
            "protocol": result.protocol_fingerprint,
            "result": result.model_dump(mode="json", exclude={"protocol"}),
        }


def _error(result: BenchmarkResult) -> dict[str, Any]:
    failures = [record.failure for model in result.models for record in model.records if record.failure]
    failure = next((model.error for model in result.models if model.error), None) or next(iter(failures), None)
    code = failure.code if failure else "GENERATION_FAILED"
    return {"code": code, "message": result.error_message or "no clip could be made", "details": {}}
