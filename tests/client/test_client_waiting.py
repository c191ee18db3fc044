"""Following a benchmark over sockets that drop, and polling where there are none."""

import asyncio
import json
import threading
import time

import pytest

from live_server import Proxy, scripted, serving
from vid_diffusion_bench.client import AsyncVidBenchClient, Retries, VidBenchClient
from vid_diffusion_bench.exceptions import (
    AuthenticationError,
    BenchmarkNotFoundError,
    GenerationCancelledError,
    InsufficientMemoryError,
    PermissionDeniedError,
    WaitTimeoutError,
)
from vid_diffusion_bench.jobs import Leases
from vid_diffusion_bench.jobs.child import Outcome
from vid_diffusion_bench.jobs.events import append
from vid_diffusion_bench.jobs.record import Recorder

QUICK = Retries(first=0.02, longest=0.05)
FIGURES = {
    "metrics": {"m": 0.5}, "performance": {}, "success_rate": 1.0, "metric_results": {}, "performance_results": {},
}  # fmt: skip


class Started:
    """A benchmark that a test works on in place of a worker."""

    def __init__(self, app, client):
        database = app.state.services.database
        self.id = client.submit(["a red circle"], model_name="shapes-oracle", priority="high")["benchmark_id"]
        self._leases, self._database = Leases(database, "w"), database
        while (lease := self._leases.claim()).job.id != self.id:
            Recorder(self._leases, lease).ended(Outcome("failed", {}, [], 0.0, {"code": "X", "message": "of a test"}))
        self._recorder = Recorder(self._leases, lease)

    def progress(self, count):
        for number in range(count):
            with self._database.writing() as connection:
                append(connection, self.id, "benchmark.progress", {"completed_prompts": number})

    def end(self, status="completed", error=None):
        self._recorder.ended(Outcome(status, {"shapes-oracle": FIGURES}, [], 1.0, error))


@pytest.fixture
def client(live, key):
    with VidBenchClient(live, key, retries=QUICK) as made:
        yield made


@pytest.fixture
def started(app, client):
    return Started(app, client)


def numbers(events):
    return [event["number"] for event in events]


def test_events_come_in_order_each_once_over_sockets_that_drop(app, live, key, started):
    started.progress(50)
    started.end()
    # Each of the first sockets is cut somewhere: before the handshake, within it, within a frame.
    with Proxy(live, ["refuse", 40, 500, 600, 700, 800]) as proxy:
        events = list(VidBenchClient(proxy.url, key, retries=QUICK).events(started.id, timeout=60))
        assert proxy.count == 7
    assert numbers(events) == list(range(1, len(events) + 1))
    assert len(events) >= 51
    assert events[-1]["type"] == "benchmark.completed"


def test_a_follower_can_begin_after_the_last_it_saw(client, started):
    started.progress(3)
    started.end()
    everything = list(client.events(started.id))
    assert numbers(client.events(started.id, after=everything[1]["number"])) == numbers(everything[2:])


def test_waiting_ends_with_the_benchmark(client, started):
    seen = []
    timer = threading.Timer(0.5, lambda: (started.progress(2), started.end()))
    timer.start()
    results = client.wait_for_completion(started.id, timeout=60, on_event=seen.append)
    timer.join()
    assert results["results"]["metrics"] == {"m": 0.5}
    assert seen[-1]["type"] == "benchmark.completed"
    assert client.wait_for_completion(started.id, timeout=0) == results, "it has ended: there is nothing to wait for"


def test_waiting_goes_on_over_a_drop(live, key, started):
    with Proxy(live, ["pass", 600, "refuse"]) as proxy:
        threading.Timer(0.5, lambda: (started.progress(9), started.end())).start()
        client = VidBenchClient(proxy.url, key, retries=QUICK)
        assert client.wait_for_completion(started.id, timeout=60)["status"] == "completed"
        assert proxy.count >= 3


def test_the_asynchronous_client_waits_alike(live, key, app, client):
    async def wait(started):
        with Proxy(live, ["pass", 700]) as proxy:
            async with AsyncVidBenchClient(proxy.url, key, retries=QUICK) as asking:
                seen = []
                threading.Timer(0.5, lambda: (started.progress(9), started.end())).start()
                results = await asking.wait_for_completion(started.id, timeout=60, on_event=seen.append)
                with pytest.raises(WaitTimeoutError):
                    await asking.wait_for_completion(Started(app, client).id, timeout=0.3)
                return results, seen

    results, seen = asyncio.run(wait(Started(app, client)))
    assert results["status"] == "completed"
    assert numbers(seen) == list(range(1, len(seen) + 1))


def test_time_outs_are_kept(client, started):
    begun = time.monotonic()
    with pytest.raises(WaitTimeoutError, match="has not ended within"):
        client.wait_for_completion(started.id, timeout=0.5)
    assert time.monotonic() - begun < 30
    assert client.get(started.id)["status"] == "running"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_does_not_stretch_the_time_out(status):
    busy = (status, {"Retry-After": "100", "content-type": "application/json"}, "{}")
    with scripted(busy) as (url, _):
        begun = time.monotonic()
        with pytest.raises(WaitTimeoutError):
            VidBenchClient(url, "k").wait_for_completion("b", timeout=0.5)
        assert time.monotonic() - begun < 60
    with scripted(busy) as (url, _):

        async def wait():
            async with AsyncVidBenchClient(url, "k") as asking:
                await asking.wait_for_completion("b", timeout=0.5)

        with pytest.raises(WaitTimeoutError):
            asyncio.run(wait())


def test_a_failure_is_the_class_of_its_code(client, started):
    error = InsufficientMemoryError("24 GiB are needed", required_gb=24, available_gb=8).to_dict()
    started.end("failed", error)
    with pytest.raises(InsufficientMemoryError, match="24 GiB") as raised:
        client.wait_for_completion(started.id, timeout=10)
    assert raised.value.details["benchmark_id"] == started.id
    assert raised.value.required_gb == 24


def test_a_cancelled_benchmark_is_an_error_of_its_own(client):
    made = client.submit(["a red circle"], model_name="shapes-oracle")
    threading.Timer(0.3, client.cancel, [made["benchmark_id"]]).start()
    with pytest.raises(GenerationCancelledError, match="was cancelled"):
        client.wait_for_completion(made["benchmark_id"], timeout=30)


def test_what_cannot_be_followed_is_said(client, live, started):
    with pytest.raises(BenchmarkNotFoundError):
        list(client.events("bench_none"))
    with pytest.raises(BenchmarkNotFoundError):
        client.wait_for_completion("bench_none")
    with pytest.raises(AuthenticationError):
        list(VidBenchClient(live, "vdb_wrong", retries=QUICK).events(started.id))


def test_a_key_that_may_not_read_may_not_follow(app, live, started):
    from server_clients import key_of, make_user

    with pytest.raises(PermissionDeniedError):
        list(VidBenchClient(live, key_of(app, make_user(app, ["models.read"]))).events(started.id))


def test_where_there_are_no_sockets_it_polls_as_limits_allow(monkeypatch):
    waits = []
    monkeypatch.setattr("vid_diffusion_bench.client.blocking.time.sleep", waits.append)

    def state(status):
        return 200, {}, json.dumps({"benchmark_id": "b", "status": status})

    limited = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "later", "details": {"retry_after": 3000}}}
    answers = [
        state("submitted"), (404, {}, "no sockets"), state("running"), state("running"),
        (429, {"Retry-After": "3000"}, json.dumps(limited)), state("completed"), (200, {}, '{"status": "completed"}'),
    ]  # fmt: skip
    with scripted(*answers) as (url, seen):
        assert VidBenchClient(url, "k").wait_for_completion("b", timeout=10_000) == {"status": "completed"}
    assert waits == [1.0, 1.5, 3000.0]
    assert [path for _, path, _, _ in seen].count("/ws/benchmarks/b?last_event=0") == 1


class Clock:
    """A module of time (or asyncio) in which waiting takes no time; ``at`` are calls by the moment they are due."""

    def __init__(self, real, shared=None):
        self._real, self.shared = real, shared or {"now": time.time(), "at": []}

    def __getattr__(self, name):
        return getattr(self._real, name)

    def time(self):
        return self.shared["now"]

    monotonic = time

    def sleep(self, seconds):
        if threading.current_thread() is not threading.main_thread():
            return self._real.sleep(seconds)
        self.shared["now"] += seconds
        while self.shared["at"] and self.shared["at"][0][0] <= self.shared["now"]:
            self.shared["at"].pop(0)[1]()
        return self._real.sleep(0)


@pytest.fixture
def hours(monkeypatch):
    """The clock of the client and of the server's limits."""
    import limits.storage.memory

    from vid_diffusion_bench.client import asynchronous, blocking, following
    from vid_diffusion_bench.server import rate_limits

    made = Clock(time)
    for module in (limits.storage.memory, blocking, following, rate_limits):
        monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(asynchronous, "asyncio", Clock(asyncio, made.shared))
    return made


def without_sockets(app, seen):
    async def served(scope, receive, send):
        async def sent(message):
            if message["type"] == "http.response.start":
                seen.append(message["status"])
            await send(message)

        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await app(scope, receive, sent)

    return served


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_hour_of_polling_fits_the_limit_of_the_standard_tier(app, client, started, hours, asynchronous):
    """The table of the second reference: 100 requests an hour for benchmarks."""
    from server_clients import key_of, make_user

    key = key_of(app, make_user(app, tier="standard"))
    seen = []
    hours.shared["at"].append((hours.time() + 3590, started.end))
    with serving(without_sockets(app, seen)) as url:
        if asynchronous:
            results = asyncio.run(waited(AsyncVidBenchClient(url, key), started.id))
        else:
            results = VidBenchClient(url, key).wait_for_completion(started.id, timeout=3700)
    assert results["status"] == "completed"
    assert set(seen) == {200}, "it was never refused"
    assert 50 < len(seen) < 80


async def waited(client, benchmark_id):
    async with client:
        return await client.wait_for_completion(benchmark_id, timeout=3700)


@pytest.mark.parametrize("sockets", [True, False])
def test_who_has_used_up_the_limit_waits_for_it_and_is_not_refused(app, started, hours, monkeypatch, sockets):
    from server_clients import key_of, make_user

    user = make_user(app, tier="standard")
    for _ in range(100):
        hours.shared["now"] += 0.5
        app.state.services.limiter.count(principal_of(user), None, "/benchmarks")
    monkeypatch.setattr("vid_diffusion_bench.client.blocking.SILENCE", 0.1)
    hours.shared["at"].append((hours.time() + 3000, started.end))
    seen = []
    with serving(app if sockets else without_sockets(app, seen)) as url:
        client = VidBenchClient(url, key_of(app, user), retries=QUICK)
        assert client.wait_for_completion(started.id, timeout=8000)["status"] == "completed"
    assert sockets or 429 in seen


def principal_of(user):
    from vid_diffusion_bench.auth import Principal

    return Principal(user.id, user.username, user.permissions, user.tier)
