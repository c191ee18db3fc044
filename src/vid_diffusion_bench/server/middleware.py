"""What every request passes: a request id, a bound on its body, the headers that its way here collected."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vid_diffusion_bench.server.errors import answer

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


class BoundedBody:
    """Ends a request whose body is larger than it may be, before it is read whole.

    Args:
        app: What handles requests.
        most: Bytes of any body, but for those of paths that end in ``/upload``.
        most_uploaded: Bytes of those.
    """

    def __init__(self, app: ASGIApp, most: int, most_uploaded: int) -> None:
        self._app, self._most, self._most_uploaded = app, most, most_uploaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most_uploaded if scope["path"].endswith("/upload") else self._most
        stated = Headers(scope=scope).get("content-length", "0")
        if stated.isdigit() and int(stated) > most:
            await _too_large(scope, most)(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, f"the body is larger than {most >> 20} MB")
            return message

        await self._app(scope, bounded, send)


def _too_large(scope: Scope, most: int) -> JSONResponse:
    body = {"code": "CONTENT_TOO_LARGE", "message": f"the body is larger than {most >> 20} MB"}
    return answer(Request(scope), 413, body)
