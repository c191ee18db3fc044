"""Metrics: one module each, found by name in :data:`MetricRegistry`."""

from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, Row, State
from vid_diffusion_bench.metrics.per_clip import PerClipMetric, ShareMetric
from vid_diffusion_bench.metrics.registry import MetricRegistry

__all__ = ["Context", "Measurement", "Metric", "MetricRegistry", "PerClipMetric", "Row", "ShareMetric", "State"]
