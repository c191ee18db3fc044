"""What Prometheus collects: requests as they end, everything else when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.monitoring.monitor import Monitor

if TYPE_CHECKING:
    from prometheus_client.core import Metric

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other word that a client sends as a method is counted as ``other``: each label is a time series for ever."""
NO_ROUTE: Final = "none"
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)
"""Seconds."""


class Instruments:
    """The figures of one application, in a registry of its own.

    Args:
        monitor: Looks at the queue when Prometheus asks.
    """

    def __init__(self, monitor: Monitor) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

        self.followers: Callable[[], int] = lambda: 0
        """How many WebSockets follow benchmarks."""
        self._traffic = monitor.traffic
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "vidbench_http_requests", "Requests that ended", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "vidbench_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Queue(monitor, self._followers_now))

    def _followers_now(self) -> int:
        return self.followers()

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One ended. ``route`` is its template, never its path: that has ids."""
        verb = method if method in METHODS else "other"
        self._requests.labels(verb, route or NO_ROUTE, str(status)).inc()
        self._seconds.labels(verb, route or NO_ROUTE).observe(seconds)
        self._traffic.add(status)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        from prometheus_client import generate_latest

        return bytes(generate_latest(self.registry))


class _Queue:
    """Gauges that are read when they are asked for."""

    def __init__(self, monitor: Monitor, followers: Callable[[], int]) -> None:
        self._monitor, self._followers = monitor, followers

    def collect(self) -> Iterator[Metric]:
        """As of ``prometheus_client``'s collectors. Without the database only that is said."""
        from prometheus_client.core import GaugeMetricFamily

        yield GaugeMetricFamily("vidbench_websocket_followers", "WebSockets that follow", value=self._followers())
        try:
            load = self._monitor.load()
        except StorageError:
            yield GaugeMetricFamily("vidbench_database_up", "Whether the database answers", value=0)
            return
        yield GaugeMetricFamily("vidbench_database_up", "Whether the database answers", value=1)
        counted = GaugeMetricFamily("vidbench_benchmarks", "Benchmarks by status", labels=["status"])
        for status, number in load.by_status.items():
            counted.add_metric([status], number)
        yield counted
        yield GaugeMetricFamily("vidbench_queue_length", "Benchmarks that wait", value=load.waiting)
        yield GaugeMetricFamily("vidbench_workers", "Workers seen in the last minute", value=load.workers)
        yield GaugeMetricFamily("vidbench_events", "Events of benchmarks that are stored", value=load.events)
