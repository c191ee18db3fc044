"""Examples in the OpenAPI: what a server was asked and answered (``examples.json``), and an error of each status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

from vid_diffusion_bench import exceptions
from vid_diffusion_bench.exceptions import VidBenchError

_ERRORS: Final[dict[str, dict[str, Any]]] = {
    "400": exceptions.ValidationError("give either models or model_name").to_dict(),
    "401": exceptions.AuthenticationError("this needs a token or an API key").to_dict(),
    "403": exceptions.PermissionDeniedError(
        "this needs the permission benchmark.create", details={"permission": "benchmark.create"}
    ).to_dict(),
    "404": exceptions.ModelNotFoundError("shapes-bass", ["shapes-base"], suggestions=["shapes-base"]).to_dict(),
    "409": exceptions.ConflictError("benchmark bench_1f0c9a52d7e14b16 has ended: completed").to_dict(),
    "413": {"code": "CONTENT_TOO_LARGE", "message": "the body is larger than 16 MB", "details": {}},
    "422": {"code": "VALIDATION_FAILED", "message": "body.prompts: Field required", "details": {}},
    "429": exceptions.RateLimitExceededError(
        "Rate limit exceeded. Try again in 42 seconds.", details={"limit": 100, "remaining": 0, "retry_after": 42}
    ).to_dict(),
    "500": VidBenchError("the server failed; its log says more under this request_id").to_dict(),
    "503": exceptions.ServerOverloadedError("1000 benchmarks wait already", retry_after=30).to_dict(),
}
_SENT: Final = {"request_id": "req_3f0c9a52d7e14b16", "timestamp": "2025-01-01T10:00:00Z"}


def add(schema: dict[str, Any]) -> None:
    """Put an example beside every body of ``schema``, an OpenAPI document, that has none."""
    known = json.loads(files(__package__).joinpath("examples.json").read_text(encoding="utf-8"))
    for name, operation in operations(schema):
        kept = known.get(name, {})
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if "request" in kept:
                media.setdefault("example", kept["request"])
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values():
                error = media["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
                example = {"error": {**_ERRORS[status], **_SENT}} if error else kept.get(status, kept.get("answer"))
                if example is not None:
                    media.setdefault("example", example)


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation as ``METHOD PATH`` with what the document says of it."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation
