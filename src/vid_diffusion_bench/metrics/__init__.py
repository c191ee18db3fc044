"""Metrics: one module each, found by name in :data:`MetricRegistry`."""

from vid_diffusion_bench.metrics.availability import lacking, unavailable
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, Row, State
from vid_diffusion_bench.metrics.broken import BrokenMetric
from vid_diffusion_bench.metrics.per_clip import PerClipMetric, ShareMetric
from vid_diffusion_bench.metrics.registry import MetricRegistry

__all__ = [
    "BrokenMetric",
    "Context",
    "Measurement",
    "Metric",
    "MetricRegistry",
    "PerClipMetric",
    "Row",
    "ShareMetric",
    "State",
    "lacking",
    "unavailable",
]
