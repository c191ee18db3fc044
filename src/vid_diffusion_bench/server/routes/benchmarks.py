"""Benchmarks: submit, follow, list, cancel (R01 to R05)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request, Response
from sqlalchemy import Connection

from vid_diffusion_bench.auth import Principal
from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    ConflictError,
    ServerOverloadedError,
    StorageError,
    ValidationError,
)
from vid_diffusion_bench.jobs import Filter, Job, JobStatus, NewJob, tracing
from vid_diffusion_bench.jobs.answers import Once
from vid_diffusion_bench.models import canonical_name
from vid_diffusion_bench.server.access import Caller
from vid_diffusion_bench.server.requests import new_job
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import benchmarks as schemas
from vid_diffusion_bench.server.schemas.base import When
from vid_diffusion_bench.server.services import Services, Shared
from vid_diffusion_bench.server.strict import parse_json

router = Routes(tag="Benchmarks")
IdempotencyKey = Annotated[
    str | None, Header(pattern=r"^[\x21-\x7e]{1,255}$", description="the same key has the same effect once, for a day")
]


@router.on("POST", "/benchmarks", access="benchmark.create", status=202, raises=(400, 403, 404, 409, 413))
def create_benchmark(
    request: schemas.BenchmarkRequest, caller: Caller, services: Shared, idempotency_key: IdempotencyKey = None
) -> schemas.Submitted:
    """Submit a benchmark: it waits in the queue until a worker is free."""
    job = new_job(request, caller, services.settings)
    return submit(job, caller, services, idempotency_key)


def submit(job: NewJob, caller: Principal, services: Services, key: str | None) -> schemas.Submitted:
    """Queue a benchmark; once, if the client gave a key, however often it asks."""
    once = Once.of(caller.user_id, key, [job.models, job.config, job.options, job.metadata, job.name]) if key else None
    if once and (before := once.answered(services.database)):
        return schemas.Submitted.model_validate(before)
    job = replace(job, options={**job.options, **tracing.carried()})
    clips = len(job.config["prompts"]) * job.config.get("samples_per_prompt", 1)
    estimate = services.history.estimate(job.models, clips)

    def keep(connection: Connection, jobs: list[Job]) -> None:
        if once:
            once.keep(connection, _submitted(jobs[0], estimate).model_dump(mode="python"))

    try:
        (made,) = services.queue.submit([job], keep)
    except (StorageError, ServerOverloadedError):
        # Another request with the same key was faster by a hair, and may have taken the last place.
        if once and (before := once.answered(services.database)):
            return schemas.Submitted.model_validate(before)
        raise
    return _submitted(made, estimate)


def _submitted(job: Job, estimate: float | None) -> schemas.Submitted:
    return schemas.Submitted(
        benchmark_id=job.id,
        status=job.status,
        created_at=job.created_at,
        estimated_duration=estimate,
        estimated_completion=None if estimate is None else job.created_at + estimate,
    )


@router.on("GET", "/benchmarks", access="benchmark.read", raises=(400,))
def list_benchmarks(
    caller: Caller,
    services: Shared,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    status: JobStatus | None = None,
    model_name: Annotated[str | None, Query(max_length=256)] = None,
    created_after: When | None = None,
    sort: Annotated[str, Query(max_length=32, description="created_at, -created_at or status")] = "-created_at",
    cursor: Annotated[str | None, Query(max_length=256, description="next_cursor of the page before")] = None,
) -> schemas.BenchmarkList:
    """List benchmarks: one's own, an administrator's are everybody's."""
    chosen = Filter(
        owner=None if caller.is_admin else caller.user_id,
        status=status,
        model_name=canonical_name(model_name) if model_name else None,
        created_after=created_after.timestamp() if created_after else None,
    )
    after = _place(cursor) if cursor else None
    jobs = services.queue.page(chosen, sort=sort, page=1 if after else page, limit=limit, after=after)
    total = services.queue.count(chosen)
    continues = len(jobs) == limit and sort != "status"
    return schemas.BenchmarkList(
        benchmarks=[_listed(job) for job in jobs],
        pagination=schemas.Pagination(
            page=page,
            limit=limit,
            total=total,
            pages=math.ceil(total / limit),
            next_cursor=_cursor(jobs[-1]) if continues else None,
        ),
    )


@router.on(
    "GET", "/benchmarks/{benchmark_id}", access="benchmark.read", raises=(404,), response_model=schemas.Benchmark
)
def get_benchmark(benchmark_id: str, caller: Caller, services: Shared) -> Any:
    """How a benchmark stands."""
    found = _benchmark(visible(benchmark_id, caller, services))
    # Clients ask this again and again; a body that is written here is not taken to one more thread by FastAPI.
    return Response(found.model_dump_json(by_alias=True), media_type="application/json")


@router.on(
    "GET",
    "/benchmarks/{benchmark_id}/results",
    access="benchmark.read",
    raises=(404, 409),
    response_model=schemas.Results,
    responses={304: {"description": "the client has it already: its If-None-Match is the ETag"}},
)
def get_results(benchmark_id: str, request: Request, response: Response, caller: Caller, services: Shared) -> Any:
    """All figures of a benchmark that has ended, with their intervals, reasons and protocols."""
    job = visible(benchmark_id, caller, services)
    if not job.has_ended:
        raise ConflictError(
            f"benchmark {job.id} has not ended: it is {job.status}",
            remedy="ask again when it has",
            details={"benchmark_id": job.id, "status": job.status},
        )
    tag = f'"{hashlib.sha256(f"{job.id} {job.status} {job.completed_at}".encode()).hexdigest()[:32]}"'
    if tag in (known := request.headers.get("if-none-match", "")) or known.strip() == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return _results(job)


@router.on("DELETE", "/benchmarks/{benchmark_id}", access="benchmark.cancel", raises=(404, 409))
def cancel_benchmark(benchmark_id: str, caller: Caller, services: Shared) -> schemas.Cancelled:
    """Cancel a benchmark; what was measured is kept."""
    visible(benchmark_id, caller, services)
    job = services.queue.cancel(benchmark_id)
    done: Literal["cancelled", "cancelling"] = "cancelled" if job.status == "cancelled" else "cancelling"
    said = "Benchmark cancelled successfully" if done == "cancelled" else "It ends with the step that is running"
    return schemas.Cancelled(benchmark_id=job.id, status=done, message=said)


def visible(benchmark_id: str, caller: Principal, services: Services) -> Job:
    """A benchmark that ``caller`` may see. That of another user is as if it were not there.

    Raises:
        BenchmarkNotFoundError: It is not.
    """
    job = services.queue.get(benchmark_id[:64])
    if job.owner != caller.user_id and not caller.is_admin:
        raise BenchmarkNotFoundError(f"there is no benchmark {job.id}", details={"benchmark_id": job.id})
    return job


def _benchmark(job: Job) -> schemas.Benchmark:
    total, done = job.total_samples, job.done_samples
    remaining = None
    if job.status == "running" and job.started_at and done:
        remaining = round((job.updated_at - job.started_at) / done * (total - done), 1)
    return schemas.Benchmark(
        benchmark_id=job.id,
        name=job.name,
        model_name=job.models[0],
        models=job.models,
        status=job.status,
        priority=job.priority,
        progress=schemas.Progress(
            completed_prompts=done,
            total_prompts=total,
            percentage=round(100 * done / total, 1) if total else 0.0,
            estimated_remaining=remaining,
        ),
        current_task=job.current_task,
        created_at=job.created_at,
        started_at=job.started_at,
        updated_at=job.updated_at,
        completion_time=job.completed_at,
        execution_time=job.execution_time,
        results={name: found["metrics"] for name, found in job.results.items()} if job.results else None,
        error=job.error,
        metadata=job.metadata,
    )


def _results(job: Job) -> schemas.Results:
    figures = {name: _figures(found, job.completed_at) for name, found in (job.results or {}).items()}
    whole = schemas.Results(benchmark_id=job.id, status=job.status, error=job.error)
    if len(job.models) == 1:
        update = {"model_name": job.models[0], "results": next(iter(figures.values()), None)}
        return whole.model_copy(update=update)
    return whole.model_copy(update={"models": figures})


def _figures(found: dict[str, Any], completed_at: float | None) -> schemas.ModelFigures:
    details = {**found["performance_results"], **found["metric_results"]}
    return schemas.ModelFigures(
        metrics=found["metrics"],
        performance=found["performance"],
        success_rate=found["success_rate"],
        completed_at=completed_at,
        details=details,
    )


def _listed(job: Job) -> schemas.Listed:
    return schemas.Listed(
        benchmark_id=job.id,
        name=job.name,
        model_name=job.models[0],
        models=job.models,
        status=job.status,
        created_at=job.created_at,
        completed_at=job.completed_at,
        metrics_summary=job.summary or {},
    )


def _cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(json.dumps([job.created_at, job.id]).encode()).decode()


def _place(cursor: str) -> tuple[float, str]:
    try:
        created_at, name = parse_json(base64.urlsafe_b64decode(cursor.encode()))
        return float(created_at), str(name)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValidationError("cursor is none of this server's", remedy="send the next_cursor of a page") from error
