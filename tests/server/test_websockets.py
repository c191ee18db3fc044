"""Events over WebSockets: a real server on loopback, real sockets, the queue moved by the test."""

import asyncio
import json
import random

import pytest
import websockets

from live_server import serving
from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.jobs import Leases, NewJob
from vid_diffusion_bench.server import hub, websocket


@pytest.fixture
def app(tmp_path):
    return app_of(tmp_path / "data")


@pytest.fixture
def url(app):
    with serving(app, ws_max_size=1 << 16) as address:
        yield address.replace("http", "ws")


@pytest.fixture
def owner(app):
    return make_user(app)


@pytest.fixture
def key(app, owner):
    return key_of(app, owner)


class Work:
    """A benchmark that the test moves on as a worker does."""

    def __init__(self, app, owner):
        self.leases = Leases(app.state.services.database, "w")
        job = NewJob(owner.id, ["m"], {"prompts": ["p"]})
        (self.job,) = app.state.services.queue.submit([job])
        self.lease = self.leases.claim()

    def progress(self, count=1):
        for number in range(count):
            self.leases.note(self.lease, ("benchmark.progress", {"percentage": float(number)}))

    def end(self, status="completed", **data):
        with self.leases.ending(self.lease, status, {"status": status, **data}):
            pass


@pytest.fixture
def work(app, owner):
    return Work(app, owner)


async def told(socket, kinds=None, count=None, seconds=20):
    """Messages until ``count`` of them, or until one of ``kinds``."""
    found = []
    async with asyncio.timeout(seconds):
        while count is None or len(found) < count:
            found.append(json.loads(await socket.recv()))
            if kinds and found[-1]["type"] in kinds:
                break
    return found


def headers(key):
    return {"additional_headers": {"X-API-Key": key}}


def test_the_spelling_of_the_second_reference(url, key, work):
    async def talk():
        async with websockets.connect(f"{url}/ws") as socket:
            await socket.send(json.dumps({"type": "authenticate", "token": key}))
            subscribe = {"type": "subscribe", "channel": "benchmark_updates", "benchmark_id": work.job.id}
            await socket.send(json.dumps(subscribe))
            await asyncio.to_thread(work.progress)
            await asyncio.to_thread(work.end, results={"m": {"fvd": 1.0}})
            return await told(socket, {"benchmark_completed"})

    seen = asyncio.run(talk())
    assert [message["type"] for message in seen] == [
        "authenticated", "subscribed", "benchmark_started", "benchmark_progress", "benchmark_completed",
    ]  # fmt: skip
    assert seen[3]["data"]["percentage"] == 0.0
    assert seen[4]["data"]["results"] == {"m": {"fvd": 1.0}}
    assert [message["number"] for message in seen[2:]] == [1, 2, 3]


def test_the_spelling_of_the_first_reference(url, key, work):
    async def talk():
        async with websockets.connect(f"{url}/ws/benchmarks/{work.job.id}", **headers(key)) as socket:
            await asyncio.to_thread(work.end, "failed", error={"code": "X"})
            return await told(socket, {"benchmark.failed"})

    seen = asyncio.run(talk())
    assert [message["type"] for message in seen][2:] == ["benchmark.started", "benchmark.failed"]
    assert seen[-1]["benchmark_id"] == work.job.id
    assert seen[-1]["data"]["error"] == {"code": "X"}


def closing(url, first=None, **options):
    async def talk():
        async with websockets.connect(url, **options) as socket:
            if first is not None:
                await socket.send(first)
            try:
                async with asyncio.timeout(20):
                    while True:
                        await socket.recv()
            except websockets.ConnectionClosed:
                return socket.close_code

    return asyncio.run(talk())


def test_who_may_not_is_let_go(app, url, monkeypatch):
    assert closing(f"{url}/ws", '{"type": "authenticate", "token": "vdb_wrong"}') == websocket.UNKNOWN
    assert closing(f"{url}/ws", '{"type": "subscribe"}') == websocket.UNKNOWN
    assert closing(f"{url}/ws", "no json") == websocket.WRONG
    assert closing(f"{url}/ws", "[1]") == websocket.WRONG
    assert closing(f"{url}/ws", "x" * 70_000) in (1009, 1006)
    poor = key_of(app, make_user(app, ["models.read"]))
    assert closing(f"{url}/ws", **headers(poor)) == websocket.DENIED
    monkeypatch.setattr(websocket, "FIRST_SECONDS", 0.2)
    assert closing(f"{url}/ws") == websocket.UNKNOWN


def test_somebody_elses_benchmark_is_not_there(app, url, work):
    other = key_of(app, make_user(app, ["benchmark.read"]))

    async def talk():
        async with websockets.connect(f"{url}/ws/benchmarks/{work.job.id}", **headers(other)) as socket:
            return await told(socket, count=2)

    assert asyncio.run(talk())[1]["data"]["error"]["code"] == "BENCHMARK_NOT_FOUND"


def test_a_key_that_is_revoked_ends_its_socket(app, url, owner, monkeypatch):
    monkeypatch.setattr(websocket, "AGAIN_SECONDS", 0.3)
    keys = app.state.services.auth.keys
    made, secret = keys.make(owner, "short", owner.permissions)

    async def talk():
        async with websockets.connect(f"{url}/ws", **headers(secret)) as socket:
            await told(socket, count=1)
            await asyncio.to_thread(keys.revoke, made.id)
            with pytest.raises(websockets.ConnectionClosed):
                await told(socket, count=1)
            return socket.close_code

    assert asyncio.run(talk()) == websocket.UNKNOWN


def test_who_comes_back_misses_nothing(url, key, work):
    """Connections are dropped at moments that vary; each goes on after the last number that was seen."""
    draw = random.Random(7)
    total = 40

    async def talk():
        seen, last = [], 0
        mover = asyncio.create_task(asyncio.to_thread(work.progress, total - 1))
        while last < total:
            async with websockets.connect(
                f"{url}/ws/benchmarks/{work.job.id}?last_event={last}", **headers(key)
            ) as socket:
                for _ in range(draw.randint(1, 15)):
                    message = (await told(socket, count=1))[0]
                    if "number" in message:
                        seen.append(message["number"])
                        last = message["number"]
                    if last == total:
                        break
        await mover
        return seen

    assert asyncio.run(talk()) == list(range(1, total + 1))


def test_a_hundred_followers_miss_nothing(url, key, work):
    async def follow():
        async with websockets.connect(f"{url}/ws/benchmarks/{work.job.id}", **headers(key)) as socket:
            return [m["number"] for m in await told(socket, {"benchmark.completed"}, seconds=60) if "number" in m]

    async def talk():
        tasks = [asyncio.create_task(follow()) for _ in range(100)]
        await asyncio.to_thread(work.progress, 20)
        await asyncio.to_thread(work.end)
        return await asyncio.gather(*tasks)

    assert asyncio.run(talk()) == [list(range(1, 23))] * 100


def test_the_slow_are_dropped_and_not_waited_for():
    """The hub itself: one follower never takes what it is given."""
    from vid_diffusion_bench.jobs import StoredEvent

    async def run():
        slow, quick, got = hub.Follower(waiting=asyncio.Queue(5)), hub.Follower(waiting=asyncio.Queue(5)), []
        for number in range(1, 21):
            event = StoredEvent("b", number, "benchmark.progress", {}, 0.0)
            slow.give(event)
            quick.give(event)
            got.append((await quick.waiting.get()).number)
        return slow, got, [event async for event in slow.events()]

    slow, got, left = asyncio.run(run())
    assert slow.dropped
    assert left == []
    assert got == list(range(1, 21))


def test_a_fault_lets_all_go_and_the_next_who_come_are_served():
    """The hub itself, over a log that fails once as only a fault of ours does."""
    from vid_diffusion_bench.jobs import StoredEvent

    class Log:
        failed = False

        def last_numbers(self, names):
            if not self.failed:
                self.failed = True
                raise ValueError("a fault")
            return dict.fromkeys(names, 1)

        def after(self, name, number):
            return [StoredEvent(name, 1, "benchmark.started", {}, 0.0)][number:]

    async def run():
        events = hub.Hub(Log())
        async with events.running():
            got = []
            for _ in range(2):
                async with events.follower() as follower:
                    events.follow(follower, "b", 0)
                    got.append(await asyncio.wait_for(follower.waiting.get(), 10))
            return got

    let_go, served = asyncio.run(run())
    assert let_go is None
    assert served.number == 1
