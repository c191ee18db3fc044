"""A registered metric that cannot be had, in the lists of all metrics."""

from __future__ import annotations

from typing import NoReturn

from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Context, Metric, State


class BrokenMetric(Metric):
    """What is registered under this name cannot be loaded."""

    higher_is_better = None

    def __init__(self, name: str, error: VidBenchError) -> None:
        self.name = name
        self.error = error

    def check(self) -> NoReturn:
        raise self.error

    def measure(self, clip: Clip) -> NoReturn:  # noqa: ARG002 - the interface's
        raise self.error

    def compute(self, state: State, context: Context) -> NoReturn:  # noqa: ARG002 - the interface's
        raise self.error
