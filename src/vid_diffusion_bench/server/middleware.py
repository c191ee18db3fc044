"""What every request passes: a request id, a bound on its body, the headers that its way here collected."""

from __future__ import annotations

import asyncio
import re
import time
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.server.errors import SECURITY_HEADERS, answer
from vid_diffusion_bench.server.logs import request_id

REQUEST_ID: Final = "X-Request-ID"
MOST_HEAD: Final = 32 << 10
"""Bytes of a target and headers."""
GRACE: Final = 30.0
SLOWEST: Final = 1024
CLOSE: Final = {"Connection": "close"}
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY: Final = tuple((name.lower().encode(), text.encode()) for name, text in SECURITY_HEADERS.items())


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
        request_id.set(scope["request_id"])
        scope["answer_headers"] = {REQUEST_ID: scope["request_id"]}

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                own = [(name.lower().encode(), text.encode()) for name, text in scope["answer_headers"].items()]
                added = [header for header in (*_SECURITY, *own) if header[0] not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, answered)


class SoundHead:
    """Refuses a request by its target and headers: one with NUL, which PostgreSQL cannot take, and one that is huge."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = None
        if scope["type"] in ("http", "websocket"):
            refused = _refused(scope)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refused(scope, receive, send)


def _refused(scope: Scope) -> JSONResponse | None:
    size = len(scope["path"]) + len(scope["query_string"]) + sum(len(k) + len(v) for k, v in scope["headers"])
    if size > MOST_HEAD:
        body = {"message": f"the target and headers are larger than {MOST_HEAD >> 10} kB"}
        return answer(Request({**scope, "type": "http"}), 431, {"code": HTTPStatus(431).name, **body})
    if "\0" in scope["path"] or b"%00" in scope["query_string"] or any(b"\0" in value for _, value in scope["headers"]):
        error = ValidationError("a path, a query or a header holds NUL, which no text has", remedy="leave it out")
        return answer(Request({**scope, "type": "http"}), error.http_status, error.to_dict())
    return None


class BoundedBody:
    """Ends a request whose body is larger or slower than it may be, before it is read whole.

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
        if stated.isdecimal() and (len(stated) > 20 or int(stated) > most):
            await _too_large(scope, most)(scope, receive, send)
            return
        await self._app(scope, patient(bounded(receive, most)), send)


def bounded(receive: Receive, most: int) -> Receive:
    """``receive``, but no more than ``most`` bytes of a body; 413 ends it."""
    seen = 0

    async def within() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, f"the body is larger than {_size(most)}", CLOSE)
        return message

    return within


def patient(receive: Receive) -> Receive:
    """``receive``, but a body must come at ``SLOWEST`` bytes a second, after ``GRACE`` seconds; 408 ends it."""
    seen, whole, started = 0, False, time.monotonic()

    async def within() -> Message:
        nonlocal seen, whole
        if whole:  # then what comes is the client's going away, whenever that is
            return await receive()
        try:
            async with asyncio.timeout(max(0.0, started + GRACE + seen / SLOWEST - time.monotonic())):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, f"the body comes slower than {SLOWEST} bytes a second", CLOSE) from error
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message

    return within


def _size(most: int) -> str:
    return f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} kB"


def _too_large(scope: Scope, most: int) -> JSONResponse:
    body = {"code": "CONTENT_TOO_LARGE", "message": f"the body is larger than {_size(most)}"}
    return answer(Request(scope), 413, body, CLOSE)
