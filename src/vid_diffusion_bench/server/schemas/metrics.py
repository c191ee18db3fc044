"""Metrics of videos, and of benchmarks that ended: R10 and R11."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, StrictBool

from vid_diffusion_bench.server.schemas.base import Body, Moment, Question
from vid_diffusion_bench.server.schemas.benchmarks import Pagination


class ComputeRequest(Question):
    """Videos by paths relative to the server's data root. ``prompts`` are in the order of ``generated_videos``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"generated_videos": ["clips/a.mp4"], "real_videos": [], "metrics": ["temporal_consistency"]}]
        }
    )

    generated_videos: list[str] = Field(min_length=1)
    real_videos: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(min_length=1, max_length=128)
    prompts: list[str | None] | None = None
    subsample: StrictBool = False


class Computed(Body):
    """Values by metric; ``details`` has interval, reason, N and protocol of each, ``clips`` the values of each video;
    ``broken`` says why a video could not be read."""

    metrics: dict[str, float | None]
    details: dict[str, Any]
    clips: dict[str, dict[str, Any]]
    broken: dict[str, str]


class Figure(Body):
    """One figure of one benchmark. Figures of different ``protocol`` must not be compared."""

    benchmark_id: str
    model: str
    metric: str
    value: float | None
    confidence_interval: tuple[float, float] | None
    n: int
    protocol: str
    timestamp: Moment


class FigureList(Body):
    """A page of figures, newest first."""

    history: list[Figure]
    pagination: Pagination
