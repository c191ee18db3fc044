"""Requests by arrival at a server whose service time is known: waiting, limits, stopping, resuming.

That the arithmetic of waiting is right to a microsecond, test_sending.py shows on a clock of its own. Here the clock,
the network and the server are real, and so may a time differ from the one computed by hand by SLACK, and by LATE more
for each request before it. One right run of TRIES is enough: disks and other processes hold up the others. If the
machine did not let a sleeping thread on within CALM in the last of them, the test is skipped.
"""

import functools
import threading
import time

import pytest

from vid_diffusion_bench import engine, events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.serving_figures import CLOCK, CLOSED_CLOCK
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.report import html
from video_server import serving

PROMPT = "a red circle moving left on a black background"
SMALL = {"num_frames": 3, "height": 16, "width": 16, "fps": 8}
SERVICE, SLACK, LATE = 0.15, 0.06, 0.012
CALM, TRIES = 0.02, 4


class Pulse:
    """How late a thread of this process was woken at worst, while the block ran."""

    def __enter__(self):
        self.late, self._ended = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return self

    def _beat(self):
        before = time.monotonic()
        while not self._ended.wait(0.005):
            now = time.monotonic()
            self.late, before = max(self.late, now - before - 0.005), now

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def on_a_calm_machine(check):
    """Runs a test of real times; what fails while the machine was busy is tried again."""

    @functools.wraps(check)
    def tried(tmp_path, configure, **parameters):
        for attempt in range(TRIES):
            folder = tmp_path / str(attempt)
            folder.mkdir()
            with Pulse() as pulse:
                try:
                    return check(folder, functools.partial(configure, output_dir=str(folder / "run")), **parameters)
                except AssertionError as error:
                    failure = error
        if pulse.late < CALM:
            raise failure
        return pytest.skip(f"the machine was too busy: a thread was woken {pulse.late:.3f} s late")

    return tried


@pytest.fixture
def configure(tmp_path):
    def config(server, count=6, prompts=(PROMPT,), **fields):
        given = {"metrics": [], "warmup": 0, "device": "cpu", **SMALL, "samples_per_prompt": count, **fields}
        given = {"output_dir": str(tmp_path / "run"), **given}
        return BenchmarkConfig.create(models=[server.reference], prompts=list(prompts), **given)

    return config


def _queue(due, service, places):
    """Start and end of each request with ``places`` servers, first come first served, computed by hand."""
    free, times = [0.0] * places, []
    for arrival in due:
        place = free.index(min(free))
        start = max(arrival, free[place])
        free[place] = start + service
        times.append((start, free[place]))
    return times


def _servings(result):
    return [record.cost.serving for record in result.models[0].records]


def _trace(tmp_path, times):
    path = tmp_path / "trace.txt"
    path.write_text("\n".join(map(str, times)))
    return {"arrival": "trace", "arrival_trace": str(path)}


BURST = [0.0, 0.0, 0.05, 0.1, 0.7, 0.7]


@pytest.mark.parametrize(
    ("workers", "concurrency", "places"),
    [(1, None, 1), (2, None, 2), (6, 1, 1), (6, 2, 2), (1, 2, 1)],
    ids=["server-of-one", "server-of-two", "limit-of-one", "limit-of-two", "both"],
)
@on_a_calm_machine
def test_waiting_agrees_with_the_queue_computed_by_hand(tmp_path, configure, workers, concurrency, places):
    """Wherever requests wait, at the server or behind the client's own limit, the wait is in the latency."""
    with serving("job", service_seconds=SERVICE, workers=workers) as server:
        result = engine.run(configure(server, len(BURST), concurrency=concurrency, **_trace(tmp_path, BURST)))
    expected = _queue(BURST, SERVICE, places)
    for place, (found, due, (start, end)) in enumerate(zip(_servings(result), BURST, expected, strict=True)):
        allowed = SLACK + LATE * place
        assert found.scheduled == pytest.approx(due, abs=1e-6)
        assert found.latency == pytest.approx(end - due, abs=allowed)
        assert found.started - found.scheduled == pytest.approx(start - due, abs=allowed)
    figures = result.models[0].performance
    mean = sum(end - due for due, (_, end) in zip(BURST, expected, strict=True)) / len(BURST)
    assert figures["avg_latency_ms"] / 1000 == pytest.approx(mean, abs=SLACK)
    parts = figures["avg_client_wait_ms"] + figures["avg_request_ms"]
    assert parts == pytest.approx(figures["avg_latency_ms"])
    assert figures["avg_queue_ms"] + figures["avg_service_ms"] == pytest.approx(figures["avg_latency_ms"])
    assert figures["avg_service_ms"] / 1000 == pytest.approx(SERVICE, abs=SLACK)


@on_a_calm_machine
def test_a_clock_that_starts_after_the_clients_limit_would_hide_the_wait(tmp_path, configure):
    with serving("sync", service_seconds=SERVICE, workers=6) as server:
        result = engine.run(configure(server, 6, concurrency=1, arrival="constant", rate=1000))
    figures = result.models[0].performance
    assert figures["avg_request_ms"] / 1000 == pytest.approx(SERVICE, abs=SLACK)
    assert figures["avg_latency_ms"] / 1000 == pytest.approx(3.5 * SERVICE, abs=SLACK + 6 * LATE)
    assert figures["max_in_flight"] == 1
    assert figures["avg_queue_ms"] is None, "this server does not say when it begins"


@on_a_calm_machine
def test_a_closed_loop_waits_for_nobody(tmp_path, configure):
    with serving("sync", service_seconds=SERVICE, workers=6) as server:
        result = engine.run(configure(server, 4, concurrency=2))
    found = _servings(result)
    assert all(serving.sent == serving.scheduled for serving in found)
    assert all(serving.latency == pytest.approx(SERVICE, abs=SLACK) for serving in found)
    model = result.models[0]
    assert model.performance["max_in_flight"] == 2
    assert "closed loop" in model.performance_results["offered_rate"].reason
    assert model.performance_results["avg_latency_ms"].protocol["clock"] == CLOSED_CLOCK


def test_figures_say_the_arrivals_and_count_failures(configure):
    prompts = (PROMPT, f"fail {PROMPT}")
    with serving("job", service_seconds=0.02, workers=4) as server:
        config = configure(server, 6, prompts, arrival="poisson", rate=60, slo_seconds=5, warmup=2)
        result = engine.run(config)
        assert len(server.bodies) == 14, "two warm-up requests come first"
    figures = result.models[0].performance_results
    process = figures["avg_latency_ms"].protocol["arrivals"]
    assert (process["arrival"], process["rate"], process["warmup"]) == ("poisson", 60, 2)
    assert figures["avg_latency_ms"].protocol["clock"] == CLOCK
    assert (figures["avg_latency_ms"].n, figures["avg_latency_ms"].total) == (6, 12)
    assert figures["slo_attainment"].value == 0.5, "a failed request did not keep it"
    assert figures["slo_attainment"].protocol["slo_seconds"] == 5
    assert figures["p50_latency_ms"].value is not None
    assert figures["p95_latency_ms"].value is None
    assert "too few" in figures["p95_latency_ms"].reason
    assert figures["avg_latency_ms"].confidence_interval is None
    assert 20 < figures["offered_rate"].value < 180
    assert figures["schedule_drift_ms"].value >= 0
    assert len({result.protocol_fingerprint for result in figures.values()}) == len(figures)


@on_a_calm_machine
def test_a_tight_objective_is_missed_by_those_that_wait(tmp_path, configure):
    with serving("job", service_seconds=SERVICE) as server:
        config = configure(server, 4, slo_seconds=1.5 * SERVICE, **_trace(tmp_path, [0, 0, 1, 1]))
        result = engine.run(config)
    assert result.models[0].performance["slo_attainment"] == 0.5


def test_stopping_takes_jobs_back_and_a_later_run_goes_on(tmp_path, configure):
    stop, ended = threading.Event(), []

    def listener(event):
        if isinstance(event, events.SampleCompleted):
            ended.append(event.record.key)
            if len(ended) == 2:
                stop.set()

    prompts = (PROMPT, "a blue square moving up on a white background", f"hang {PROMPT}")
    with serving("job", service_seconds=0.02, workers=3) as server:
        config = configure(server, 1, prompts, **_trace(tmp_path, [0, 0.05, 0.1]))
        started = time.monotonic()
        result = engine.run(config, listener=listener, stop=stop)
        assert time.monotonic() - started < 20, "a server that hangs does not hold a stopped run"
        assert result.status == "interrupted"
        assert [record.key for record in result.models[0].records] == ended
        assert [server.jobs[name].word for name in server.deleted] in ([], ["hang"])
        before = len(server.bodies)
        again = engine.run(config.model_copy(update={"timeout_seconds": 0.3}))
        assert len(server.bodies) == before + 1
    hung = again.models[0].records[2]
    assert hung.failure.code == "GENERATION_TIMEOUT"
    assert hung.cost.serving.scheduled == 0, "the clock of a sitting starts with its first request"
    assert any("2 sittings" in text for text in again.models[0].performance_results["avg_latency_ms"].warnings)


def test_times_of_other_arrivals_are_not_mixed(configure):
    warned = []
    with serving("job", workers=4) as server:
        engine.run(configure(server, 2, arrival="constant", rate=50))
        more = configure(server, 3, arrival="constant", rate=20)
        result = engine.run(
            more, listener=lambda event: warned.append(event) if isinstance(event, events.Warned) else None
        )
    assert "another folder" in warned[0].message
    figures = result.models[0].performance_results
    assert "2 different ways" in figures["avg_latency_ms"].reason
    assert figures["success_rate"].value == 1


@pytest.mark.parametrize("fields", [{"arrival": "constant", "rate": 2}, {"concurrency": 2}, {"slo_seconds": 3}])
def test_a_model_of_this_process_takes_no_arrivals(tmp_path, fields):
    config = BenchmarkConfig.create(
        models=["shapes-oracle"], prompts=[PROMPT], output_dir=str(tmp_path), device="cpu", **fields
    )
    with pytest.raises(ValidationError, match="runs in this process") as caught:
        engine.run(config)
    assert "endpoint:http" in caught.value.remedy
    assert not any(tmp_path.iterdir())


def test_a_trace_that_is_too_short_is_refused_before_any_request(tmp_path, configure):
    with serving("job") as server, pytest.raises(ValidationError, match="2 arrivals for 3 requests"):
        engine.run(configure(server, 3, **_trace(tmp_path, [0, 1])))
    assert server.seen == []


def test_a_disk_that_fails_ends_the_run_and_the_sending(tmp_path, configure, monkeypatch):
    from vid_diffusion_bench.exceptions import StorageError
    from vid_diffusion_bench.storage import ClipStore

    def full(*_args, **_options):
        raise StorageError("the disk is full")

    monkeypatch.setattr(ClipStore, "write", full)
    with serving("job", service_seconds=0.05) as server, pytest.raises(StorageError, match="full"):
        engine.run(configure(server, 50, arrival="constant", rate=10))
    assert len(server.bodies) < 50
    assert "requests" not in {thread.name for thread in threading.enumerate()}


def test_a_served_model_is_scored_and_reported_beside_a_local_one(tmp_path, configure):
    with serving("job") as server:
        config = configure(server, 2, metrics=["temporal_consistency"])
        config = config.model_copy(update={"models": [*config.models, "shapes-oracle"]})
        result = engine.run(config)
    served, local = result.models
    assert served.metrics == local.metrics, "the server renders the same clips"
    assert served.metrics["temporal_consistency"] is not None
    latencies = [model.performance_results["avg_latency_ms"].protocol_fingerprint for model in result.models]
    assert latencies[0] != latencies[1], "two clocks never share a column"
    page = html(result, tmp_path / "run", tmp_path / "run" / "report.html")
    assert server.reference in page.read_text(encoding="utf-8")
