"""What is probed, and what is said of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import func, select

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import benchmarks, workers
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.results import GIB

Status = Literal["healthy", "degraded", "unhealthy", "not_present"]
LEAST_FREE_GB: Final = 1.0
"""Below so much free space of the data root runs will soon fail."""
SILENT_SECONDS: Final = 60.0
"""A worker that was not seen for so long is not counted."""
ESSENTIAL: Final = ("database", "storage")
"""Without these nothing works."""


@dataclass(frozen=True)
class Probe:
    """What was found of one part. ``message`` is for those who run the server."""

    status: Status
    message: str


def probe_all(database: Database, data_root: Path) -> dict[str, Probe]:
    """Every part of a server by name: ``database``, ``gpu``, ``storage``, ``worker``."""
    return {
        "database": probe_database(database),
        "gpu": probe_gpu(),
        "storage": probe_storage(data_root),
        "worker": probe_workers(database),
    }


def overall(probes: dict[str, Probe]) -> Status:
    """``unhealthy`` when an essential part is, ``degraded`` when any other part is not as it should be."""
    if any(probes[name].status == "unhealthy" for name in ESSENTIAL):
        return "unhealthy"
    return "degraded" if _any_of(probes.values(), "degraded", "unhealthy") else "healthy"


def _any_of(probes: Iterable[Probe], *statuses: Status) -> bool:
    return any(probe.status in statuses for probe in probes)


def probe_database(database: Database) -> Probe:
    """Ask it something."""
    started = time.perf_counter()
    try:
        with database.reading() as connection:
            connection.execute(select(func.count()).select_from(workers)).scalar_one()
    except StorageError as error:
        return Probe("unhealthy", error.message)
    return Probe("healthy", f"answered in {1000 * (time.perf_counter() - started):.1f} ms")


def probe_storage(folder: Path) -> Probe:
    """Write a file, and look at the space that is left."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 4096)
            file.flush()
        free = shutil.disk_usage(folder).free / GIB
    except OSError as error:
        return Probe("unhealthy", f"the data root cannot be written: {error}")
    return Probe("healthy" if free >= LEAST_FREE_GB else "degraded", f"{free:.1f} GiB are free")


def probe_workers(database: Database) -> Probe:
    """Whether somebody is there to run what is submitted."""
    try:
        with database.reading() as connection:
            there = workers.c.seen_at > time.time() - SILENT_SECONDS
            count = connection.execute(select(func.count()).select_from(workers).where(there)).scalar_one()
            queue = select(func.count()).select_from(benchmarks).where(benchmarks.c.status == "submitted")
            waiting = connection.execute(queue).scalar_one()
    except StorageError as error:
        return Probe("unhealthy", error.message)
    return Probe("healthy" if count else "degraded", f"workers: {count}, benchmarks that wait: {waiting}")


def probe_gpu() -> Probe:
    """What the driver's library says of the GPUs of this machine."""
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            count = pynvml.nvmlDeviceGetCount()
            for index in range(count):
                pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(index))
        finally:
            pynvml.nvmlShutdown()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded, pynvml.NVMLError_NoPermission) as error:
        return Probe("not_present", str(error))
    except pynvml.NVMLError as error:
        return Probe("unhealthy", str(error))
    return Probe("healthy", f"{count} GPUs") if count else Probe("not_present", "no GPU")
