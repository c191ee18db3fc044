"""From an answer that is an error to the exception of its code."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx2

from vid_diffusion_bench import exceptions
from vid_diffusion_bench.exceptions import GenerationCancelledError, VidBenchError

_FIELDS: Final[dict[type[VidBenchError], dict[str, str]]] = {
    exceptions.ModelNotFoundError: {"model_name": "model_name", "available_models": "available_models"},
    exceptions.InsufficientMemoryError: {"required_gb": "required_memory_gb", "available_gb": "available_memory_gb"},
    exceptions.GenerationTimeoutError: {"timeout_seconds": "timeout_seconds"},
    exceptions.ServerOverloadedError: {"retry_after": "retry_after"},
}
"""Attributes that a class has beside those of all, and the details that hold them."""


def error_of(body: dict[str, Any], status: int | None = None) -> VidBenchError:
    """The exception of an error's ``code``; a :class:`VidBenchError` with that code if the package has no such class.

    Args:
        body: ``code, message, details`` and what else is known, as of ``VidBenchError.to_dict``.
        status: The HTTP status it came with.
    """
    code, message = str(body.get("code", "")), str(body.get("message", ""))
    cls = _classes().get(code, VidBenchError)
    # Constructors differ, and the message is made already: the error is put together as when it is unpickled.
    error = cls.__new__(cls, message)
    VidBenchError.__init__(error, message, remedy=body.get("remedy"), details=body.get("details"))
    for attribute, name in _FIELDS.get(cls, {}).items():
        setattr(error, attribute, error.details.get(name))
    if cls is exceptions.ModelNotFoundError:
        error.__dict__["suggestions"] = []
    if request_id := body.get("request_id"):
        error.__dict__["request_id"] = request_id
    if cls is VidBenchError and code:
        error.__dict__.update(code=code, http_status=status or cls.http_status)
    return error


def error_of_answer(answer: httpx2.Response) -> VidBenchError:
    """The exception that an answer of status 300 or more stands for, also one that is not of this server."""
    try:
        body = answer.json()["error"]
        return error_of(dict(body), answer.status_code)
    except (ValueError, KeyError, TypeError):
        pass
    remedy = "check the address: it is not that of a vid-bench server, or something stands before it"
    if answer.is_redirect:
        remedy = f"the server says to ask at {answer.headers.get('location', '')}"
    body = {"code": f"HTTP_{answer.status_code}", "message": f"{answer.url.path}: status {answer.status_code}"}
    return error_of({**body, "remedy": remedy}, answer.status_code)


def body_of(answer: httpx2.Response) -> Any:
    """The data of an answer that is no error; ``None`` of one without a body.

    Raises:
        VidBenchError: It is not JSON.
    """
    if answer.status_code == HTTPStatus.NO_CONTENT:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise error_of_answer(answer) from error


def error_of_benchmark(benchmark: dict[str, Any]) -> VidBenchError | None:
    """Why a benchmark that has ended has no results; ``None`` if it has.

    Args:
        benchmark: As of ``GET /benchmarks/{id}``.
    """
    known = {"benchmark_id": benchmark["benchmark_id"], "status": benchmark["status"]}
    if benchmark["status"] == "cancelled":
        return GenerationCancelledError(f"benchmark {known['benchmark_id']} was cancelled", details=known)
    if benchmark["status"] == "failed":
        said = benchmark.get("error") or {"code": "GENERATION_FAILED", "message": "the benchmark failed"}
        error = error_of(said)
        error.details = {**known, **error.details}
        return error
    return None


def retry_after(answer: httpx2.Response) -> float | None:
    """Seconds that an answer says to wait, as a number or a date."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        date = parsedate_to_datetime(said)
        sent = parsedate_to_datetime(answer.headers["date"])
        return max(0.0, (date - sent).total_seconds())
    except (ValueError, TypeError, KeyError):
        return None


def _classes() -> dict[str, type[VidBenchError]]:
    # A request that does not have the form it must have has no class of its own in the tree.
    return {cls.code: cls for cls in exceptions.error_classes()} | {"VALIDATION_FAILED": exceptions.ValidationError}
