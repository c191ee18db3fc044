"""What every request passes: a request id, a bound on its body, the headers that its way here collected."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID: Final = "X-Request-ID"
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class RequestContext:
    """Gives each request an id (the client's own, if it is harmless) and each answer its headers.

    Whatever handles a request adds headers of the answer to ``scope["answer_headers"]``, errors included.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(REQUEST_ID, "")
        scope["request_id"] = asked if _SAFE.fullmatch(asked) else f"req_{uuid4().hex[:16]}"
        scope["answer_headers"] = {REQUEST_ID: scope["request_id"]}

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**SECURITY, **scope["answer_headers"]}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answered)
