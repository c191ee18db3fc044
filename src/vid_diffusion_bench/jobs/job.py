"""What is known of one benchmark of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import RowMapping

JobStatus = Literal["submitted", "running", "completed", "failed", "cancelled"]
ENDED: Final = ("completed", "failed", "cancelled")

JobEvent = Literal[
    "benchmark.started", "benchmark.progress", "benchmark.completed", "benchmark.failed", "benchmark.cancelled"
]


@dataclass(frozen=True)
class NewJob:
    """A benchmark as it is submitted. ``config`` is plain data of a ``BenchmarkConfig``, without ``output_dir``."""

    owner: str
    models: list[str]
    config: dict[str, Any]
    name: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    total_samples: int = 0


@dataclass(frozen=True)
class Job:
    """A row of the queue. Times are seconds since 1970, UTC; fields as the columns of the table ``benchmarks``."""

    id: str
    owner: str
    name: str | None
    models: list[str]
    config: dict[str, Any]
    options: dict[str, Any]
    metadata: dict[str, Any]
    priority: int
    status: JobStatus
    created_at: float
    started_at: float | None
    updated_at: float
    completed_at: float | None
    execution_time: float | None
    total_samples: int
    done_samples: int
    failed_samples: int
    current_task: str | None
    results: dict[str, Any] | None
    summary: dict[str, Any] | None
    error: dict[str, Any] | None
    cancel_requested: bool
    attempts: int
    deaths: int
    worker: str | None
    lease: str | None
    last_event: int

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @classmethod
    def of(cls, row: RowMapping) -> Job:
        """A row of the table."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class StoredEvent:
    """``number`` counts 1, 2, 3, … within its benchmark."""

    benchmark_id: str
    number: int
    type: JobEvent
    data: dict[str, Any]
    at: float
