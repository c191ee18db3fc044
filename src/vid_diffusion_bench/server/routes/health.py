"""Whether the server works."""

from __future__ import annotations

from pydantic import BaseModel

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.server.errors import now
from vid_diffusion_bench.server.routing import Routes

router = Routes(tag="Monitoring")


class Health(BaseModel):
    """R12."""

    status: str
    timestamp: str
    checks: dict[str, str]
    version: str


@router.on("GET", "/health", access="public")
def get_health() -> Health:
    """Whether the server works."""
    return Health(status="healthy", timestamp=now(), checks={}, version=__version__)
