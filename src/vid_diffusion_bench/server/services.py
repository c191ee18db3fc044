"""What the routes of one application share, and how they get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from vid_diffusion_bench.auth.authentication import Auth
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.jobs import EventLog, JobQueue
from vid_diffusion_bench.jobs.history import History
from vid_diffusion_bench.jobs.isolated import Isolated
from vid_diffusion_bench.monitoring import Instruments, Monitor
from vid_diffusion_bench.server.rate_limits import RateLimiter
from vid_diffusion_bench.server.settings import ServerSettings
from vid_diffusion_bench.storage.clips import storage_errors


@dataclass(frozen=True)
class Services:
    """Made once an application, kept in its state."""

    settings: ServerSettings
    database: Database
    queue: JobQueue
    events: EventLog
    history: History
    isolated: Isolated
    auth: Auth
    limiter: RateLimiter
    monitor: Monitor
    instruments: Instruments

    @classmethod
    def of(cls, settings: ServerSettings) -> Services:
        with storage_errors(settings.data_root):
            settings.data_root.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        queue, auth = JobQueue(database, settings.queue_limit), Auth(database, settings.auth)
        limiter = RateLimiter(settings.rate_limit_storage.get_secret_value())
        monitor = Monitor(database, settings.data_root)
        stored = (EventLog(database), History(database), Isolated())
        return cls(settings, database, queue, *stored, auth, limiter, monitor, Instruments(monitor))


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Shared = Annotated[Services, Depends(_services)]
"""The services, as a parameter of a route."""
