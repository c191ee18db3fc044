"""Every request, counted and written down when it has ended."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vid_diffusion_bench.monitoring import Instruments
from vid_diffusion_bench.server.logs import REQUESTS

logger = logging.getLogger(REQUESTS)


class Observed:
    """Counts requests in ``instruments`` and logs a line for each: never its query, its body or its headers."""

    def __init__(self, app: ASGIApp, instruments: Instruments) -> None:
        self._app, self._instruments = app, instruments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            self._ended(scope, status, time.perf_counter() - started)

    def _ended(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        principal = scope.get("state", {}).get("principal")
        self._instruments.request(scope["method"], route, status, seconds)
        fields: dict[str, Any] = {
            "method": scope["method"][:16],
            "route": route,
            "status": status,
            "duration_ms": round(1000 * seconds, 2),
            "user_id": principal.user_id if principal else None,
        }
        logger.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra={"fields": fields})
