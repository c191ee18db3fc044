"""The jobs of a server: benchmarks in a queue, taken by workers that may die, with every event kept."""

from vid_diffusion_bench.jobs.events import EventLog
from vid_diffusion_bench.jobs.job import ENDED, Job, JobEvent, JobStatus, NewJob, StoredEvent
from vid_diffusion_bench.jobs.leases import Lease, Leases, Watch
from vid_diffusion_bench.jobs.queue import Filter, JobQueue

__all__ = [
    "ENDED",
    "EventLog",
    "Filter",
    "Job",
    "JobEvent",
    "JobQueue",
    "JobStatus",
    "Lease",
    "Leases",
    "NewJob",
    "StoredEvent",
    "Watch",
]
