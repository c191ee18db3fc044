"""Health, load and alerts: R12 to R14."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vid_diffusion_bench.monitoring.alerts import Severity
from vid_diffusion_bench.server.schemas.base import Body

PartStatus = Literal["healthy", "degraded", "unhealthy", "not_present"]


class Health(Body):
    """``unhealthy`` (with 503): the database or the data root is away. ``degraded``: something else is not as it should
    be. ``messages`` say what was found, to those who are known."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: str = Field(examples=["2025-01-01T10:00:00Z"])
    checks: dict[str, PartStatus] = Field(
        examples=[{"database": "healthy", "gpu": "not_present", "storage": "healthy"}]
    )
    version: str
    messages: dict[str, str] | None = None


class SystemFigures(Body):
    """Percentages, 0..100, of the machine that answers; ``null`` where ``reasons`` say why not."""

    cpu_percent: float
    memory_percent: float
    gpu_utilization: float | None
    disk_usage: float | None
    reasons: dict[str, str]


class BenchmarkFigures(Body):
    """Of all users' benchmarks. ``error_rate`` is the percentage of today's (UTC) completed and failed ones that
    failed, ``null`` when none ended."""

    active_evaluations: int
    completed_today: int
    error_rate: float | None
    waiting: int
    workers: int


class Metrics(Body):
    """R13."""

    system: SystemFigures
    benchmark: BenchmarkFigures
    timestamp: str


class RuleFigure(Body):
    """A rule and what it measured; it holds when ``value`` is at least ``threshold``. Where ``value`` is ``null``,
    ``reason`` says why."""

    name: str
    severity: Severity
    active: bool
    value: float | None
    threshold: float
    unit: str
    meaning: str
    reason: str | None


class Alerts(Body):
    """``alerts`` are the ``rules`` that hold now."""

    alerts: list[RuleFigure]
    rules: list[RuleFigure]
    timestamp: str
