"""Spans of requests, when a collector is named: see :mod:`vid_diffusion_bench.jobs.tracing`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from vid_diffusion_bench.jobs import tracing
from vid_diffusion_bench.server.logs import HIDDEN

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SERVICE = "vid-bench-server"


def trace(app: FastAPI) -> TracerProvider | None:
    """Make every request of ``app`` a span: method, route, status, request id. ``None`` when no collector is named.

    Raises:
        ValidationError: A protocol is set that this server does not speak.
        MissingDependencyError: A collector is named, and the libraries are not installed.
    """
    provider = tracing.provider(SERVICE)
    if provider is None:
        return None
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    except ImportError as error:
        raise tracing.not_installed() from error
    # The names of today (http.request.method, http.route), unless somebody wants those of before.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    app.add_middleware(_Named)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, exclude_spans=["receive", "send"])
    return provider


class _Named:
    """Gives a request's span its id, and takes its query out: what is not logged is not traced either."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from opentelemetry.trace import get_current_span

        span = get_current_span()
        if request_id := scope.get("request_id"):
            span.set_attribute("vidbench.request_id", request_id)
        if scope.get("query_string"):
            for name, value in dict(getattr(span, "attributes", None) or {}).items():
                if name == "url.query":
                    span.set_attribute(name, HIDDEN)
                elif name in ("http.url", "http.target", "url.full"):
                    span.set_attribute(name, str(value).partition("?")[0])
        await self._app(scope, receive, send)
