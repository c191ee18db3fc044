"""What is asked for each method of the clients, as data: the blocking and the asynchronous one send the same."""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypedDict
from urllib.parse import quote
from uuid import uuid4

from vid_diffusion_bench.exceptions import ValidationError

_File = tuple[str, tuple[str, BinaryIO, str]]
Order = Literal["created_at", "-created_at"]


class BenchmarkFields(TypedDict, total=False):
    """What a benchmark may say beside its prompts; ``docs/server.md`` and ``/docs`` of a server tell of each."""

    name: str
    models: list[str]
    model_name: str
    metrics: list[str]
    config: dict[str, Any]
    parameters: dict[str, Any]
    evaluation_settings: dict[str, Any]
    metadata: dict[str, Any]
    priority: Literal["low", "normal", "high"]


class EvaluationFields(TypedDict, total=False):
    """The same for a benchmark of one model."""

    metrics: list[str]
    config: dict[str, Any]
    evaluation_settings: dict[str, Any]
    metadata: dict[str, Any]


class BenchmarkFilter(TypedDict, total=False):
    """Which benchmarks a list has."""

    status: Literal["submitted", "running", "completed", "failed", "cancelled"]
    model_name: str
    created_after: datetime
    sort: Order


class HistoryFilter(TypedDict, total=False):
    """Which figures a history has."""

    start_date: datetime
    end_date: datetime
    model: str
    metric: str


@dataclass(frozen=True)
class Call:
    """One request. ``repeatable``: sent twice it has its effect once. ``lengthy``: its answer is the work itself."""

    method: str
    path: str
    json: Any = field(default=None, repr=False)
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, Path], ...] = ()
    form: dict[str, Any] | None = None
    repeatable: bool = True
    lengthy: bool = False


def submit(prompts: Sequence[str], fields: BenchmarkFields, key: str | None) -> Call:
    """R01."""
    body = {"prompts": list(prompts), **fields}
    return Call("POST", "/benchmarks", body, headers=_once(key))


def evaluate(model_name: str, prompts: Sequence[str], fields: EvaluationFields, key: str | None) -> Call:
    """R09."""
    body = {"prompts": list(prompts), **fields}
    return Call("POST", f"/models/{_part(model_name)}/evaluate", body, headers=_once(key))


def get(benchmark_id: str) -> Call:
    """R02."""
    return Call("GET", f"/benchmarks/{_part(benchmark_id)}")


def results(benchmark_id: str) -> Call:
    """R03."""
    return Call("GET", f"/benchmarks/{_part(benchmark_id)}/results")


def cancel(benchmark_id: str) -> Call:
    """R05."""
    return Call("DELETE", f"/benchmarks/{_part(benchmark_id)}")


def benchmarks(filters: BenchmarkFilter, limit: int, cursor: str | None) -> Call:
    """R04, one page."""
    return Call("GET", "/benchmarks", params=_stated({**filters, "limit": limit, "cursor": cursor}))


def history(filters: HistoryFilter, limit: int, page: int) -> Call:
    """R11, one page."""
    return Call("GET", "/metrics/history", params=_stated({**filters, "limit": limit, "page": page}))


def model(model_name: str) -> Call:
    """R07."""
    return Call("GET", f"/models/{_part(model_name)}")


def model_health(model_name: str) -> Call:
    """R08."""
    return Call("GET", f"/models/{_part(model_name)}/health", lengthy=True)


def compute(
    metrics: Sequence[str],
    generated: Sequence[str],
    real: Sequence[str],
    prompts: Sequence[str | None] | None,
    *,
    subsample: bool,
) -> Call:
    """R10, videos of the data root."""
    body: dict[str, Any] = {"metrics": list(metrics), "generated_videos": list(generated), "real_videos": list(real)}
    body |= {"prompts": list(prompts)} if prompts is not None else {}
    return Call("POST", "/metrics/compute", {**body, "subsample": subsample}, lengthy=True)


def upload(
    metrics: Sequence[str],
    generated: Sequence[str | Path],
    real: Sequence[str | Path],
    prompts: Sequence[str] | None,
    *,
    subsample: bool,
) -> Call:
    """R10, files of this machine.

    Raises:
        ValidationError: A file is not there.
    """
    files = [("generated", Path(path)) for path in generated] + [("real", Path(path)) for path in real]
    if missing := [str(path) for _, path in files if not path.is_file()]:
        raise ValidationError(f"no such file: {', '.join(missing[:5])}")
    form: dict[str, Any] = {"metrics": list(metrics), "subsample": "true" if subsample else "false"}
    form |= {"prompts": list(prompts)} if prompts is not None else {}
    return Call("POST", "/metrics/compute/upload", files=tuple(files), form=form, lengthy=True)


def login(username: str, password: str) -> Call:
    """R20."""
    return Call("POST", "/auth/login", {"username": username, "password": password})


def logout(*, everywhere: bool) -> Call:
    """End a login."""
    return Call("POST", "/auth/logout", {"everywhere": everywhere}, repeatable=False)


def make_key(name: str, permissions: Sequence[str], tier: str | None, expires_at: datetime | None) -> Call:
    """R20."""
    body = _stated({"name": name, "permissions": list(permissions), "tier": tier, "expires_at": expires_at})
    # Sent twice it makes two keys, and one of them nobody ever sees.
    return Call("POST", "/auth/api-keys", body, repeatable=False)


def revoke_key(key_id: str) -> Call:
    """R20."""
    return Call("DELETE", f"/auth/api-keys/{_part(key_id)}")


@contextlib.contextmanager
def opened(call: Call) -> Iterator[list[_File] | None]:
    """The files of a call, opened anew for each attempt."""
    with contextlib.ExitStack() as stack:
        found: list[_File] = []
        for name, path in call.files:
            found.append((name, (path.name, stack.enter_context(path.open("rb")), _kind(path))))
        yield found or None


def _kind(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _once(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


def _part(name: str) -> str:
    """``name`` as one part of a path; ``.`` and ``..`` would lead elsewhere."""
    if name in ("", ".", ".."):
        raise ValidationError(f"{name!r} is no name or id")
    return quote(name, safe="")


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValidationError(f"{value} has no time zone", remedy="datetime(..., tzinfo=UTC)")
    return value.isoformat()
