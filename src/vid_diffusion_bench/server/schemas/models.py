"""Models: R06 to R08."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vid_diffusion_bench.models import ModelInfo
from vid_diffusion_bench.models.catalogue import ModelStatus
from vid_diffusion_bench.server.schemas.base import Body, Moment


class Requirements(Body):
    """What a model needs; ``null`` where it is not known."""

    vram_gb: float | None
    precision: str | None
    cuda_capability: str | None
    dependencies: list[str]


class Model(Body):
    """What is known of a model. ``status`` is ``available`` only if it could run now; else ``status_reason`` says why
    not."""

    name: str = Field(examples=["shapes-base"])
    display_name: str
    version: str | None
    description: str
    type: str
    capabilities: list[str]
    requirements: Requirements
    supported_resolutions: list[str]
    max_resolution: str | None
    max_frames: int | None
    status: ModelStatus
    status_reason: str | None

    @classmethod
    def fields_of(cls, info: ModelInfo) -> dict[str, Any]:
        """The fields, from what the catalogue knows."""
        same = (
            "name",
            "display_name",
            "version",
            "description",
            "type",
            "capabilities",
            "max_resolution",
            "max_frames",
        )
        return {
            **{name: getattr(info, name) for name in (*same, "status", "status_reason")},
            "requirements": Requirements(**dict(info.requirements)),
            "supported_resolutions": info.resolutions,
        }


class ModelList(Body):
    """Every model known by name."""

    models: list[Model]


class Average(Body):
    """Mean over ``n`` benchmarks of this installation, all of the same protocol."""

    value: float
    n: int
    protocol: str


class Averages(Body):
    """This installation's own averages, ``null`` where there are none: ``average_scores`` are of metrics,
    ``performance`` of all other figures."""

    average_scores: dict[str, float] | None
    performance: dict[str, float] | None
    details: dict[str, Average]


class ModelDetails(Model):
    """All that is known of a model, and what was measured of it here, ``last_updated`` at the newest of that."""

    architecture: str | None
    paper_url: str | None
    huggingface_url: str | None
    licence: str | None
    parameters: dict[str, Any]
    benchmarks: Averages
    last_updated: Moment | None


class ModelHealth(Body):
    """What a load and a clip of one denoising step took; kept until ``valid_until``."""

    model_name: str
    status: Literal["healthy", "unhealthy"]
    last_check: str
    valid_until: str
    load_time_ms: float | None
    memory_usage_gb: float | None
    test_generation_ms: float | None
    details: dict[str, Any]
    failure: dict[str, Any] | None = None
