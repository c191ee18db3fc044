"""The edge to code that is not ours: whatever it raises becomes an error that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vid_diffusion_bench.exceptions import MetricComputationError, VidBenchError


@contextmanager
def foreign(
    what: str,
    error: Callable[[str], VidBenchError] = MetricComputationError,
    *,
    passing: tuple[type[Exception], ...] = (MemoryError, VidBenchError),
) -> Iterator[None]:
    """Run a block of foreign code.

    Args:
        what: The start of the message; the exception's type and text follow: ``plugin.Contrast raised``.
        error: Makes what is raised instead, from the message.
        passing: What is raised as it is.

    Raises:
        VidBenchError: What ``error`` makes.
    """
    try:
        yield
    except passing:
        raise
    except Exception as caught:
        raise error(f"{what} {type(caught).__name__}: {caught}") from caught
