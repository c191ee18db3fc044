"""Traces: a real collector (a server that reads OTLP's protobuf), a real application, a real worker."""

import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from server_clients import app_of, client_as
from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.jobs import JobQueue, NewJob, tracing
from vid_diffusion_bench.jobs.worker import Worker

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"  # as W3C Trace Context prints them
BODY = {"model_name": "shapes-oracle", "prompts": ["a red circle moving left on a black background"]}


class Collector:
    """What came, flattened: one dictionary a span."""

    def __init__(self):
        self.spans, self.paths = [], set()

    def take(self, path, body):
        self.paths.add(path)
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in sent.resource.attributes}["service.name"]
            for span in (span for scope in sent.scope_spans for span in scope.spans):
                values = {one.key: _value(one.value) for one in span.attributes}
                ids = {"trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                self.spans.append({"service": service, "name": span.name, "kind": span.kind, **ids, **values})

    def named(self, name):
        (found,) = [span for span in self.spans if span["name"] == name]
        return found


def _value(value):
    return getattr(value, value.WhichOneof("value"))


@pytest.fixture
def collector(monkeypatch):
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/x-protobuf"
            collected.take(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    yield collected
    server.shutdown()
    server.server_close()


def test_a_request_and_the_run_that_it_asked_for_are_one_trace(collector, tmp_path):
    app = app_of(tmp_path)
    with client_as(app) as client:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine", "Idempotency-Key": "once"}
        made = client.post("/benchmarks", json=BODY, headers=headers).json()
        again = client.post("/benchmarks", json=BODY, headers={"Idempotency-Key": "once"}).json()
        assert again == made, "a trace context is no part of what was asked"
        client.get("/benchmarks?model_name=secret-of-a-query")
        client.get("/benchmarks/none")
    submit = next(s for s in collector.spans if s["name"] == "POST /api/v1/benchmarks" and s["trace"] == TRACE)
    assert (submit["service"], submit["parent"], submit["kind"]) == ("vid-bench-server", PARENT, 2)
    assert (submit["http.route"], submit["http.response.status_code"]) == ("/api/v1/benchmarks", 202)
    assert submit["vidbench.request_id"] == "mine"
    missing = collector.named("GET /api/v1/benchmarks/{benchmark_id}")
    assert missing["http.response.status_code"] == 404
    assert missing["vidbench.request_id"].startswith("req_")
    assert collector.paths == {"/v1/traces"}
    assert "secret-of-a-query" not in str(collector.spans)
    assert "vdb_" not in str(collector.spans)

    url = app.state.services.settings.database
    run_a_worker(url, tmp_path, made["benchmark_id"])
    run = collector.named("run benchmark")
    assert (run["trace"], run["parent"], run["kind"]) == (TRACE, submit["id"], 5)
    assert (run["service"], run["vidbench.benchmark_id"], run["vidbench.attempt"]) == (
        "vid-bench-worker", made["benchmark_id"], 1,
    )  # fmt: skip
    assert run["vidbench.status"] == "completed"


def run_a_worker(url, folder, benchmark_id):
    worker = Worker(url, folder)
    thread = threading.Thread(target=worker.run)
    thread.start()
    from vid_diffusion_bench.database import Database

    database = Database(url)
    end = time.monotonic() + 120
    while not JobQueue(database).get(benchmark_id).has_ended:
        assert time.monotonic() < end
        time.sleep(0.1)
    worker.drain()
    thread.join()
    database.close()


def test_how_a_run_ended_and_whose_trace_it_is(collector, database):
    queue = JobQueue(database)
    plain, broken = queue.submit(
        [NewJob("owner", ["m"], {}), NewJob("owner", ["m"], {}, options={"trace": {"traceparent": "no"}})]
    )
    traces = tracing.provider("x")
    with tracing.run_of(traces, plain, "w") as tell:
        tell({"status": "failed", "code": "RUN_DIED"})
    with tracing.run_of(traces, broken, "w") as tell:
        tell(None)
    traces.shutdown()
    failed, given_back = collector.spans
    assert (failed["vidbench.status"], failed["error.type"]) == ("failed", "RUN_DIED")
    assert given_back["vidbench.status"] == "given back"
    assert failed["parent"] == given_back["parent"] == ""
    assert failed["trace"] != given_back["trace"]


def test_the_service_may_have_another_name(collector, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    traces = tracing.provider("x")
    traces.get_tracer("t").start_span("s").end()
    traces.shutdown()
    assert collector.named("s")["service"] == "mine"


def test_configured_and_not_installed(collector, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    for start in (lambda: app_of(tmp_path), Worker(f"sqlite:///{tmp_path / 'w.sqlite'}", tmp_path).run):
        with pytest.raises(MissingDependencyError) as caught:
            start()
        assert "OTEL_EXPORTER_OTLP_ENDPOINT is set" in caught.value.message
        assert re.search(r"pip install 'vid-diffusion-bench\[otel\]'", caught.value.remedy)


def test_a_protocol_that_is_not_spoken(collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ValidationError, match="grpc"):
        tracing.provider("x")


@pytest.mark.parametrize(
    "variables",
    [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}],
)
def test_nothing_is_traced_unless_it_is_asked_for(collector, monkeypatch, variables):
    if not variables:
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.provider("x") is None
    assert tracing.carried() == {}


def test_without_a_collector_nothing_of_it_is_imported(tmp_path):
    program = (
        "import sys; from pathlib import Path; from server_clients import app_of; app_of(Path(sys.argv[1]));"
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter',"
        " 'opentelemetry.instrumentation'))])"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    variables["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", program, str(tmp_path)]
    found = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
