"""Routes that cannot be written without saying who may use them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from vid_diffusion_bench.server.access import Access, Requires
from vid_diffusion_bench.server.errors import ErrorBody
from vid_diffusion_bench.server.middleware import bounded
from vid_diffusion_bench.server.strict import StrictRequest

Handler = Callable[..., Any]
PUBLIC_BODY: Final = 1 << 16
"""Bytes of a body of somebody who need not be known."""
RATE_HEADERS: Final = {
    "X-RateLimit-Limit": {"description": "requests of the window", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "requests left in it", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "when it has room again, seconds since 1970", "schema": {"type": "integer"}},
    "X-RateLimit-Window": {"description": "its length in seconds", "schema": {"type": "integer"}},
    "X-Request-ID": {"description": "names the request in logs and errors", "schema": {"type": "string"}},
}
_RETRY = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
_MEANINGS: Final = {
    400: "parameters that contradict each other or cannot be used, or a text with NUL",
    401: "nobody known asked",
    403: "somebody asked who may not",
    404: "no such thing",
    409: "its state does not allow it",
    413: "the request is too large",
    422: "the request does not have the form it must have",
    429: "too many requests",
    500: "the work failed: its process died or took too long",
    503: "the server is at capacity, or its database is away",
}
_ALWAYS: Final = (400, 422, 429, 503)


class StrictRoute(APIRoute):
    """Lets a request in before a byte of its body is read, and reads that as `strict.py` says."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        (requires,) = (one.dependency for one in self.dependencies if isinstance(one.dependency, Requires))

        async def strictly(request: Request) -> Response:
            await requires.let_in(request)
            receive = request.receive
            if requires.access == "public":
                receive = bounded(receive, PUBLIC_BODY)
            return await handle(StrictRequest(request.scope, receive))

        return strictly


class Routes(APIRouter):
    """A router whose every route names the permission it needs, or that it is for all who are ``known``, or ``public``.

    ``raises`` are the statuses of errors that its handler can answer, beside those that every route can.
    """

    def __init__(self, prefix: str = "", *, tag: str) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=StrictRoute)

    def on(
        self,
        method: str,
        path: str,
        *,
        access: Access,
        raises: tuple[int, ...] = (),
        status: int = 200,
        opened_by: str | None = None,
        **more: Any,
    ) -> Callable[[Handler], Handler]:
        """Decorate the handler of ``method`` on ``path``; ``more`` is as of FastAPI's ``add_api_route``.

        ``opened_by`` is as of :class:`Requires`.
        """
        known = {"public": (), "known": (401,)}.get(access, (401, 403))
        responses: dict[int | str, dict[str, Any]] = {
            code: {"model": ErrorBody, "description": _MEANINGS[code], "headers": _headers(code)}
            for code in sorted({*_ALWAYS, *known, *raises})
        }
        success: dict[int | str, dict[str, Any]] = {status: {"headers": RATE_HEADERS}}

        def decorate(handler: Handler) -> Handler:
            self.add_api_route(
                path,
                handler,
                methods=[method],
                status_code=status,
                dependencies=[Depends(Requires(access, opened_by))],
                responses=_merged({**success, **responses}, more.pop("responses", {})),
                openapi_extra={"security": [] if access == "public" else SECURITY, "x-permission": access},
                **more,
            )
            return handler

        return decorate


SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"apiKey": []}]
SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a token of /auth/login, or an API key"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def _merged(all_have: dict[int | str, dict[str, Any]], own: dict[int | str, dict[str, Any]]) -> dict[int | str, Any]:
    """What a route says itself of an answer goes before what all say, and keeps their headers."""
    return {code: {**all_have.get(code, {}), **own.get(code, {})} for code in {**all_have, **own}}


def _headers(code: int) -> dict[str, Any]:
    return {**RATE_HEADERS, **(_RETRY if code in (429, 503) else {})}
