"""Whether a metric can run here, and what its code is called where it fails."""

from __future__ import annotations

from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.foreign import foreign
from vid_diffusion_bench.metrics.base import Metric


def lacking(metric: Metric) -> VidBenchError | None:
    """What keeps ``metric`` from running here at all."""
    try:
        with foreign(f"{code(metric)} raised"):
            metric.check()
    except VidBenchError as error:
        return error
    return None


def unavailable(metric: Metric) -> str | None:
    """Why ``metric`` cannot run here at all, with the remedy; ``None`` when it can."""
    error = lacking(metric)
    return with_remedy(error) if error else None


def with_remedy(error: VidBenchError) -> str:
    """The message and what can be done, as sentences."""
    return ". ".join(filter(None, [error.message, error.remedy]))


def code(metric: Metric) -> str:
    """Module and name of the metric's class."""
    return f"{type(metric).__module__}.{type(metric).__qualname__}"
