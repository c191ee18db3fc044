"""Traces by OpenTelemetry, when its standard variables name a collector; otherwise nothing of it is imported.

A benchmark carries the trace context of the request that submitted it (W3C Trace Context), so that its run in a worker
belongs to the same trace.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.jobs.job import Job

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
CARRIED: Final = "trace"
"""The key of a job's ``options`` that holds the headers of its trace context."""


def is_configured() -> bool:
    """Whether the environment names a collector, and does not turn tracing off."""
    named = any(os.environ.get(name) for name in ENDPOINTS)
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return named and not disabled and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"


def provider(service: str) -> TracerProvider | None:
    """What makes spans and sends them in batches; ``None`` when no collector is named. To be shut down at the end.

    Args:
        service: Its name in traces, if ``OTEL_SERVICE_NAME`` says nothing.

    Raises:
        ValidationError: A protocol is set that this server does not speak.
        MissingDependencyError: The libraries are not installed.
    """
    if not is_configured():
        return None
    asked = next((value for name in PROTOCOLS if (value := os.environ.get(name))), PROTOCOL)
    if asked != PROTOCOL:
        raise ValidationError(
            f"traces cannot be sent by {asked}", remedy=f"set {PROTOCOLS[1]}={PROTOCOL} and a port that takes it (4318)"
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise not_installed() from error
    resource = Resource({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
    made = TracerProvider(resource=Resource.create().merge(resource), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logger.info("traces are sent to a collector, as the service %s", made.resource.attributes[SERVICE_NAME])
    return made


def not_installed() -> MissingDependencyError:
    """What is said when a collector is named and the libraries are not there."""
    named = next(name for name in ENDPOINTS if os.environ.get(name))
    return MissingDependencyError(
        f"{named} is set, and OpenTelemetry is not installed",
        remedy=f"pip install 'vid-diffusion-bench[otel]', or unset {named}",
    )


def carried() -> dict[str, dict[str, str]]:
    """The trace context of what is being done, as part of a job's ``options``; empty when nothing is traced."""
    if not is_configured():
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return {CARRIED: headers} if headers else {}


@contextmanager
def run_of(
    traces: TracerProvider | None, job: Job, worker: str
) -> Iterator[Callable[[Mapping[str, Any] | None], None]]:
    """A span of one attempt at ``job``, in the trace of the request that submitted it.

    Yields:
        What is to be told how the attempt ended: ``status``, and ``code`` of an error.
    """
    if traces is None:
        yield lambda _: None
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    attributes: dict[str, str | int | list[str]] = {
        "vidbench.benchmark_id": job.id,
        "vidbench.models": job.models,
        "vidbench.attempt": job.attempts,
        "vidbench.worker": worker,
    }
    parent = TraceContextTextMapPropagator().extract(job.options.get(CARRIED) or {})
    tracer = traces.get_tracer(__name__)
    with tracer.start_as_current_span("run benchmark", parent, SpanKind.CONSUMER, attributes=attributes) as span:

        def ended(how: Mapping[str, Any] | None) -> None:
            if how is None:
                span.set_attribute("vidbench.status", "given back")
                return
            span.set_attribute("vidbench.status", how["status"])
            if code := how.get("code"):
                span.set_attribute("error.type", code)
                span.set_status(Status(StatusCode.ERROR, code))

        yield ended
