"""Every error of the API in one body: code, message, details, request id, time; see ``exceptions.py``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from vid_diffusion_bench.exceptions import PermissionDeniedError, StorageError, VidBenchError
from vid_diffusion_bench.server.access import origin_of

logger = logging.getLogger(__name__)
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every answer."""
UNAVAILABLE_SECONDS: Final = 5
"""What ``Retry-After`` says when the database is away."""
MOST_PROBLEMS: Final = 20
"""That an answer tells of what is wrong with a body."""


class ErrorDetail(BaseModel):
    """What went wrong. ``code`` is stable; ``reference`` is its number in the first API reference, if it had one."""

    code: str = Field(examples=["MODEL_NOT_FOUND"])
    message: str = Field(examples=["model 'invalid-model' is not known"])
    details: dict[str, Any] = Field(default_factory=dict)
    reference: str | None = None
    remedy: str | None = None
    request_id: str = Field(examples=["req_3f0c9a52d7e14b16"])
    timestamp: str = Field(examples=["2025-01-01T10:00:00Z"])


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error with an :class:`ErrorBody`."""
    app.add_exception_handler(VidBenchError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_the_router)
    app.add_exception_handler(Exception, _unknown)


def answer(request: Request, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    """``body`` is ``code, message, details`` and what else is known, as of ``VidBenchError.to_dict``."""
    detail = {"details": {}, **body, "request_id": request.scope.get("request_id", ""), "timestamp": now()}
    return JSONResponse({"error": detail}, status, headers)


def now() -> str:
    """This moment, UTC, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VidBenchError)
    headers = {}
    status = error.http_status
    if isinstance(error, PermissionDeniedError):
        _write_down(request, error)
    if type(error) is StorageError:
        logger.error("%s", error.message, extra={"fields": {"code": error.code}})
        status, headers["Retry-After"] = 503, str(UNAVAILABLE_SECONDS)
    elif status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s", error.message, exc_info=error)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if retry_after := error.details.get("retry_after"):
        headers["Retry-After"] = str(retry_after)
    return answer(request, status, error.to_dict(), headers)


def _write_down(request: Request, error: PermissionDeniedError) -> None:
    """Into the audit log, wherever it was refused."""
    principal = getattr(request.state, "principal", None)
    target = f"{request.method} {request.url.path}"
    more = {"reason": error.message, "key": principal.key_id if principal else None}
    actor = principal.username if principal else None
    try:
        request.app.state.services.auth.audit.add(
            "permission", "refused", actor=actor, target=target, origin=origin_of(request), **more
        )
    except StorageError as failed:
        logger.warning("a refusal is not in the audit log: %s", failed.message)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [
        {"where": list(p["loc"]), "message": p["msg"], "type": p["type"]} for p in error.errors()[:MOST_PROBLEMS]
    ]
    text = "; ".join(f"{'.'.join(map(str, p['where']))}: {p['message']}" for p in problems[:5])
    body = {"code": "VALIDATION_FAILED", "message": text, "details": {"problems": problems}}
    return answer(request, 422, body)


def _of_the_router(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, VidBenchError):
        # FastAPI puts this around what goes wrong while it reads a body.
        return _known(request, error.__cause__)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return answer(request, status, {"code": status.name, "message": str(error.detail)}, headers)


def _methods(request: Request) -> list[str]:
    """All that the path takes; the router names those of one of its routes."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


def _unknown(request: Request, error: Exception) -> JSONResponse:
    logger.error("%s", error, exc_info=error)
    body = {"code": "INTERNAL_ERROR", "message": "the server failed; its log says more under this request_id"}
    # This is outside of what gives every other answer its headers.
    return answer(request, 500, body, {**SECURITY_HEADERS, **request.scope.get("answer_headers", {})})
