"""The application. Nothing is made at import: :func:`create_app` is the factory that ``uvicorn --factory`` takes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.auth.first_start import first_admin
from vid_diffusion_bench.database import upgrade
from vid_diffusion_bench.server import errors, examples, websocket
from vid_diffusion_bench.server.hub import Hub
from vid_diffusion_bench.server.middleware import BoundedBody, RequestContext, SoundHead
from vid_diffusion_bench.server.observed import Observed
from vid_diffusion_bench.server.routes import ROUTERS, monitoring
from vid_diffusion_bench.server.routing import RATE_HEADERS, SCHEMES
from vid_diffusion_bench.server.services import Services
from vid_diffusion_bench.server.settings import ServerSettings
from vid_diffusion_bench.server.traces import trace

PREFIX = "/api/v1"
CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-API-Key"],
    "expose_headers": [*RATE_HEADERS, "ETag", "Retry-After"],
}
FIRST_START = """This server starts for the first time. The API key of its user admin, shown this once:

    {secret}

"""


def create_app(settings: ServerSettings | None = None) -> FastAPI:
    """The API over the database and folder of ``settings``; by default those of the environment.

    Raises:
        ValidationError: A setting is not allowed.
        StorageError: The database cannot be reached.
        MissingDependencyError: A collector of traces is named, and OpenTelemetry is not installed.
    """
    services = Services.of(settings or ServerSettings.load())
    upgrade(services.database)
    if secret := first_admin(services.database):
        sys.stderr.write(FIRST_START.format(secret=secret))
        sys.stderr.flush()
    app = _Application(
        title="Video Diffusion Benchmark Suite", version=__version__, lifespan=_lifespan, openapi_url="/openapi.json"
    )
    app.state.services = services
    configured = services.settings
    app.add_middleware(BoundedBody, most=configured.max_body_mb << 20, most_uploaded=configured.max_upload_mb << 20)
    app.add_middleware(SoundHead)
    if configured.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=configured.cors_origins, **CORS)
    app.add_middleware(Observed, instruments=services.instruments)
    app.state.traces = trace(app)
    app.add_middleware(RequestContext)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(monitoring.root)
    app.include_router(websocket.router)
    return app


class _Application(FastAPI):
    """Its OpenAPI says how to authenticate, and has an example of every body."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = get_openapi(title=self.title, version=self.version, routes=self.routes)
            schema.setdefault("components", {})["securitySchemes"] = SCHEMES
            examples.add(schema)
            self.openapi_schema = schema
        return self.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.hub = Hub(app.state.services.events)
    app.state.services.instruments.followers = lambda: len(app.state.hub)
    async with app.state.hub.running():
        yield
    app.state.services.database.close()
    if app.state.traces:
        await asyncio.to_thread(app.state.traces.shutdown)
