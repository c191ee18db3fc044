"""Whether the server works (R12)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import Request, Response
from pydantic import Field

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.monitoring import overall, probe_all
from vid_diffusion_bench.server.errors import now
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas.base import Body
from vid_diffusion_bench.server.services import Shared

router = Routes(tag="Monitoring")
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


UNHEALTHY = {503: {"model": Health, "description": "the database or the data root is away"}}


@router.on("GET", "/health", access="public", responses=UNHEALTHY)
def get_health(request: Request, response: Response, services: Shared) -> Health:
    """Whether the database, the data root, a worker and the GPU are there, each really asked."""
    return _health(request, response, services)


@router.on("GET", "/monitoring/health", access="public", responses=UNHEALTHY)
def get_monitoring_health(request: Request, response: Response, services: Shared) -> Health:
    """The same as /health."""
    return _health(request, response, services)


def _health(request: Request, response: Response, services: Shared) -> Health:
    probes = probe_all(services.database, services.settings.data_root)
    status = overall(probes)
    if status == "unhealthy":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    known = request.state.principal is not None
    return Health(
        status=status,
        timestamp=now(),
        checks={name: probe.status for name, probe in probes.items()},
        version=__version__,
        messages={name: probe.message for name, probe in probes.items()} if known else None,
    )
