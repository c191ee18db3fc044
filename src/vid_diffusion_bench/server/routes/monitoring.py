"""Whether the server works, and how much it does (R12 to R14)."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.monitoring import Finding, overall
from vid_diffusion_bench.server.errors import now
from vid_diffusion_bench.server.routing import Routes
from vid_diffusion_bench.server.schemas import monitoring as schemas
from vid_diffusion_bench.server.services import Shared

router = Routes(tag="Monitoring")
root = Routes(tag="Monitoring")
"""Where Prometheus looks when nobody tells it otherwise."""
UNHEALTHY: Final[dict[int, dict[str, Any]]] = {
    503: {"model": schemas.Health, "description": "the database or the data root is away"}
}
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@router.on("GET", "/health", access="public", responses=UNHEALTHY)
def get_health(request: Request, response: Response, services: Shared) -> schemas.Health:
    """Whether the database, the data root, a worker and the GPU are there, each really asked."""
    return _health(request, response, services)


@router.on("GET", "/monitoring/health", access="public", responses=UNHEALTHY)
def get_monitoring_health(request: Request, response: Response, services: Shared) -> schemas.Health:
    """The same as /health."""
    return _health(request, response, services)


def _health(request: Request, response: Response, services: Shared) -> schemas.Health:
    probes = services.monitor.health()
    status = overall(probes)
    if status == "unhealthy":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    known = request.state.principal is not None
    return schemas.Health(
        status=status,
        timestamp=now(),
        checks={name: probe.status for name, probe in probes.items()},
        version=__version__,
        messages={name: probe.message for name, probe in probes.items()} if known else None,
    )


@router.on("GET", "/monitoring/metrics", access="monitoring.read")
def get_system_metrics(services: Shared) -> schemas.Metrics:
    """How busy this machine and the queue are."""
    load = services.monitor.load()
    return schemas.Metrics(
        system=schemas.SystemFigures(**asdict(services.monitor.system())),
        benchmark=schemas.BenchmarkFigures(
            active_evaluations=load.running,
            completed_today=load.completed_today,
            error_rate=load.error_rate,
            waiting=load.waiting,
            workers=load.workers,
        ),
        timestamp=now(),
    )


@router.on("GET", "/monitoring/alerts", access="monitoring.read")
def get_alerts(services: Shared) -> schemas.Alerts:
    """What somebody should look at, by rules that are stated with their thresholds and what they measured."""
    rules = [_rule(finding) for finding in services.monitor.alerts()]
    return schemas.Alerts(alerts=[rule for rule in rules if rule.active], rules=rules, timestamp=now())


def _rule(finding: Finding) -> schemas.RuleFigure:
    rule = finding.rule
    same = {name: getattr(rule, name) for name in ("name", "severity", "threshold", "unit", "meaning")}
    reason = rule.unmeasured if finding.value is None else None
    return schemas.RuleFigure(**same, active=finding.active, value=finding.value, reason=reason)


def get_prometheus_metrics(services: Shared) -> Response:
    """Figures of requests, queue and sockets of this process, in Prometheus' text format."""
    return Response(services.instruments.text(), headers={"Content-Type": TEXT})


for _router, _shown in ((router, True), (root, False)):
    _router.on(
        "GET",
        "/metrics",
        access="monitoring.read",
        opened_by="open_metrics",
        include_in_schema=_shown,
        response_model=None,
        response_class=Response,
        responses={200: {"description": "text", "content": {"text/plain": {"schema": {"type": "string"}}}}},
    )(get_prometheus_metrics)
