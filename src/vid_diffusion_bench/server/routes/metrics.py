"""Metrics of videos that are sent or lie in the data root, and those of benchmarks that ended (R10, R11)."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, Query, UploadFile

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.jobs.history import Figures
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import canonical_name
from vid_diffusion_bench.server.access import Caller
from vid_diffusion_bench.server.paths import inside
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import metrics as schemas
from vid_diffusion_bench.server.schemas.base import Flag, When
from vid_diffusion_bench.server.schemas.benchmarks import Pagination
from vid_diffusion_bench.server.services import Services, Shared

router = Routes(tag="Metrics")
_CHUNK = 1 << 20


@router.on("POST", "/metrics/compute", access="metrics.compute", raises=(400, 403, 404, 413, 500))
def compute(request: schemas.ComputeRequest, services: Shared) -> schemas.Computed:
    """Score videos of the data root by metrics, against real ones where a metric compares."""
    root = services.settings.data_root
    generated, real = (
        [inside(root, path) for path in paths] for paths in (request.generated_videos, request.real_videos)
    )
    return _computed(generated, real, request.metrics, request.prompts, request.subsample, services)


@router.on("POST", "/metrics/compute/upload", access="metrics.compute", raises=(400, 413, 500))
def compute_uploads(
    services: Shared,
    generated: Annotated[list[UploadFile], File(min_length=1, description="generated videos")],
    metrics: Annotated[list[str], Form(min_length=1, max_length=128)],
    real: Annotated[list[UploadFile], File(default_factory=list, description="real videos")],
    prompts: Annotated[list[str], Form(default_factory=list, description="in the order of the generated videos")],
    subsample: Annotated[Flag, Form()] = False,
) -> schemas.Computed:
    """The same for videos that come with the request; they are not kept."""
    with _uploads(services) as folder:
        made = _stored(generated, folder / "generated")
        given = _stored(real, folder / "real")
        found = _computed(made, given, metrics, prompts or None, subsample, services)
    return _under_their_names(found, [*zip(made, generated, strict=True), *zip(given, real, strict=True)], services)


def _under_their_names(
    found: schemas.Computed, files: Sequence[tuple[Path, UploadFile]], services: Services
) -> schemas.Computed:
    """Clips by the names that the client's files had; those that share one keep ours."""
    root = services.settings.data_root.resolve()
    shown = [file.filename or "" for _, file in files]
    names = {
        str(path.resolve().relative_to(root)): name
        for (path, _), name in zip(files, shown, strict=True)
        if name and shown.count(name) == 1
    }
    clips = {names.get(key, key): values for key, values in found.clips.items()}
    return found.model_copy(
        update={"clips": clips, "broken": {names.get(key, key): why for key, why in found.broken.items()}}
    )


@router.on("GET", "/metrics/history", access="metrics.read")
def history(
    caller: Caller,
    services: Shared,
    start_date: When | None = None,
    end_date: When | None = None,
    model: Annotated[str | None, Query(max_length=256)] = None,
    metric: Annotated[str | None, Query(max_length=128)] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.FigureList:
    """Figures of benchmarks that ended, newest first: one's own, an administrator's are everybody's."""
    chosen = Figures(
        owner=None if caller.is_admin else caller.user_id,
        model=canonical_name(model) if model else None,
        metric=metric,
        start=start_date.timestamp() if start_date else None,
        end=end_date.timestamp() if end_date else None,
    )
    total = services.history.count(chosen)
    rows = services.history.figures(chosen, page=page, limit=limit)
    pages = Pagination(page=page, limit=limit, total=total, pages=math.ceil(total / limit))
    return schemas.FigureList(history=[_figure(row) for row in rows], pagination=pages)


def _figure(row: dict[str, Any]) -> schemas.Figure:
    known = row["result"]
    same = {name: row[name] for name in ("benchmark_id", "model", "metric", "value", "protocol")}
    interval = known["confidence_interval"]
    return schemas.Figure(**same, confidence_interval=interval, n=known["n"], timestamp=row["created_at"])


def _computed(
    generated: Sequence[Path],
    real: Sequence[Path],
    metrics: Sequence[str],
    prompts: Sequence[str | None] | None,
    subsample: bool,
    services: Services,
) -> schemas.Computed:
    if len(generated) + len(real) > services.settings.max_videos:
        raise ValidationError(f"{len(generated) + len(real)} videos; at most {services.settings.max_videos} are scored")
    for metric in metrics:
        MetricRegistry.resolve(metric)
    files = [str(path) for path in generated], [str(path) for path in real]
    limit = services.settings.work_seconds
    found = services.isolated.run(_score, *files, list(metrics), prompts and list(prompts), subsample, seconds=limit)
    root = f"{services.settings.data_root.resolve()}/"
    return schemas.Computed(
        metrics={name: result["value"] for name, result in found["results"].items()},
        details=found["results"],
        clips={key.removeprefix(root): values for key, values in found["clips"].items()},
        broken={key.removeprefix(root): reason for key, reason in found["broken"].items()},
    )


def _score(
    generated: list[str],
    real: list[str],
    metrics: list[str],
    prompts: list[str | None] | None,
    subsample: bool,
) -> dict[str, Any]:
    """Runs in a process of its own."""
    from vid_diffusion_bench.scoring import score_files

    scores = score_files(real, generated, metrics, prompts=prompts, subsample=subsample)
    clips: dict[str, dict[str, Any]] = {path: {} for path in generated}
    for metric, found in scores.per_clip.items():
        for key, value in found.items():
            clips[key][metric] = value.model_dump(mode="json")
    return {
        "results": {name: result.model_dump(mode="json") for name, result in scores.results.items()},
        "clips": clips,
        "broken": {**scores.broken_reference, **scores.broken},
    }


@contextmanager
def _uploads(services: Services) -> Iterator[Path]:
    services.settings.data_root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="upload-", dir=services.settings.data_root.resolve()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stored(files: Sequence[UploadFile], folder: Path) -> list[Path]:
    """Files under names of our own; of the client's only a plain suffix is kept."""
    folder.mkdir()
    paths = []
    for number, file in enumerate(files):
        suffix = Path(file.filename or "").suffix.lower()
        path = folder / f"{number:05d}{suffix if suffix[1:].isalnum() and len(suffix) < 8 else ''}"
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, _CHUNK)
        paths.append(path)
    return paths
