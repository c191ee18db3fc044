"""Benchmarks: R01 to R05."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool

from vid_diffusion_bench.jobs import JobStatus
from vid_diffusion_bench.server.schemas.base import Body, Moment, Question

Priority = Literal["low", "normal", "high"]
Prompt = Annotated[str, Field(json_schema_extra={"maxLength": 10_000, "pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"})]
"""What `prompts.check` says of it, so that a reader of the schema knows; it is checked there."""


class Parameters(Question):
    """How clips are made: fields of ``BenchmarkConfig`` of the same names. What is left out is the model's own default.

    ``image``, ``video``, ``images`` (by prompt) and ``reference`` are paths relative to the server's data root;
    ``timeout_seconds`` is of one clip.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"num_frames": 16, "fps": 8, "guidance_scale": 7.5}]})

    batch_size: int | None = Field(None, ge=1, le=1024)
    num_inference_steps: int | None = Field(None, ge=1, le=10_000)
    guidance_scale: float | None = Field(None, ge=0, le=1000)
    height: int | None = Field(None, ge=1, le=16384)
    width: int | None = Field(None, ge=1, le=16384)
    num_frames: int | None = Field(None, ge=1, le=100_000)
    fps: float | None = Field(None, gt=0, le=1000)
    seed: int | None = Field(None, ge=0, lt=2**53, description="below what every reader of JSON keeps exactly")
    negative_prompt: str | None = None
    scheduler: str | None = None
    samples_per_prompt: int | None = Field(None, ge=1, le=10_000)
    warmup: int | None = Field(None, ge=0, le=100)
    timeout_seconds: float | None = Field(None, gt=0)
    precision: str | None = None
    image: str | None = None
    video: str | None = None
    images: dict[str, str] | None = None
    reference: str | None = None
    subsample: StrictBool | None = None
    extra: dict[str, bool | int | float | str] | None = None


class EvaluationSettings(Question):
    """What is done with the clips. ``timeout_seconds`` is of the whole benchmark."""

    compute_metrics: StrictBool = True
    save_videos: StrictBool = True
    optimization_level: Literal["baseline", "balanced", "performance"] | None = None
    timeout_seconds: float | None = Field(None, gt=0)


class BenchmarkRequest(Question):
    """A benchmark of ``models`` (or one ``model_name``). ``config`` and ``parameters`` are one thing; what both say
    must agree."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_name": "shapes-base",
                    "prompts": ["a red circle moving left on a black background"],
                    "parameters": {"num_inference_steps": 12},
                    "evaluation_settings": {"compute_metrics": True, "save_videos": False},
                    "metadata": {"experiment_name": "first"},
                },
                {
                    "name": "model_comparison",
                    "models": ["shapes-base", "shapes-small"],
                    "prompts": ["a red circle moving left on a black background"],
                    "metrics": ["clip_similarity", "temporal_consistency"],
                    "config": {"seed": 1},
                },
            ]
        }
    )

    prompts: list[Prompt] = Field(min_length=1)
    name: str | None = Field(None, max_length=256)
    models: list[str] | None = Field(None, min_length=1, max_length=32)
    model_name: str | None = Field(None, min_length=1, max_length=256)
    metrics: list[str] | None = Field(None, min_length=1, max_length=128)
    config: Parameters | None = None
    parameters: Parameters | None = None
    evaluation_settings: EvaluationSettings = EvaluationSettings()
    metadata: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = "normal"


class EvaluateRequest(Question):
    """A benchmark of the model in the path: R09."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"prompts": ["a blue square growing on a white background"], "config": {"seed": 42}}]
        }
    )

    prompts: list[Prompt] = Field(min_length=1)
    metrics: list[str] | None = Field(None, min_length=1, max_length=128)
    config: Parameters | None = None
    evaluation_settings: EvaluationSettings = EvaluationSettings()
    metadata: dict[str, Any] = Field(default_factory=dict)


class Submitted(Body):
    """``estimated_duration`` (seconds) and ``estimated_completion`` come from what clips of these models took here;
    ``null`` where none was made yet."""

    benchmark_id: str = Field(examples=["bench_1f0c9a52d7e14b16"])
    status: JobStatus
    created_at: Moment
    estimated_duration: float | None
    estimated_completion: Moment | None
    message: str = "Benchmark submitted successfully"


class Progress(Body):
    """Samples (one prompt with one seed on one model) that have ended, of all; seconds that remain, estimated."""

    completed_prompts: int
    total_prompts: int
    percentage: float
    estimated_remaining: float | None


class Benchmark(Body):
    """How a benchmark stands. ``results`` maps a model to its metrics, once it has ended."""

    benchmark_id: str
    name: str | None
    model_name: str
    models: list[str]
    status: JobStatus
    priority: int
    progress: Progress
    current_task: str | None
    created_at: Moment
    started_at: Moment | None
    updated_at: Moment
    completion_time: Moment | None
    execution_time: float | None
    results: dict[str, dict[str, float | None]] | None
    error: dict[str, Any] | None
    metadata: dict[str, Any]


class ModelFigures(Body):
    """All that was measured of one model. ``details`` has interval, reason, N and protocol of every figure."""

    metrics: dict[str, float | None]
    performance: dict[str, float | None]
    success_rate: float | None
    completed_at: Moment | None
    details: dict[str, Any]


class Results(Body):
    """The results of a benchmark: ``results`` of its only model, or ``models`` by name."""

    benchmark_id: str
    status: JobStatus
    model_name: str | None = None
    results: ModelFigures | None = None
    models: dict[str, ModelFigures] | None = None
    error: dict[str, Any] | None = None


class Listed(Body):
    """One of a list. ``metrics_summary`` is of the first model."""

    benchmark_id: str
    name: str | None
    model_name: str
    models: list[str]
    status: JobStatus
    created_at: Moment
    completed_at: Moment | None
    metrics_summary: dict[str, float | None]


class Pagination(Body):
    """``next_cursor`` continues after the last of this page, whatever was submitted meanwhile."""

    page: int
    limit: int
    total: int
    pages: int
    next_cursor: str | None = None


class BenchmarkList(Body):
    """A page of benchmarks."""

    benchmarks: list[Listed]
    pagination: Pagination


class Cancelled(Body):
    """``cancelling``: it ends with the denoising step that is running."""

    benchmark_id: str
    status: Literal["cancelled", "cancelling"]
    message: str
