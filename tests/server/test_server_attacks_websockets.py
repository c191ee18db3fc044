"""Messages that no follower sends: each ends its own socket at most, and everybody else is told of events as before."""

import asyncio
import json
import socket
import threading
import time

import pytest
import uvicorn
import websockets

from server_clients import app_of, key_of, make_user
from vid_diffusion_bench.jobs import Leases, NewJob
from vid_diffusion_bench.server import websocket
from vid_diffusion_bench.server.serve import configured

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return app_of(tmp_path_factory.mktemp("sockets") / "data", drain_seconds=1, cors_origins=[PAGE])


@pytest.fixture(scope="module")
def url(app):
    server = uvicorn.Server(configured(app, app.state.services.settings))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def owner(app):
    return make_user(app)


@pytest.fixture(scope="module")
def key(app, owner):
    return key_of(app, owner)


@pytest.fixture
def job(app, owner):
    (made,) = app.state.services.queue.submit([NewJob(owner.id, ["m"], {"prompts": ["p"]})])
    yield made
    leases = Leases(app.state.services.database, "w")
    while lease := leases.claim():
        with leases.ending(lease, "completed", {"status": "completed"}):
            pass


def after(url, key, *messages, seconds=20):
    """What is said after ``messages``, until the socket closes; with its code."""

    async def talk():
        async with websockets.connect(url, additional_headers={"X-API-Key": key}) as socket:
            heard = [json.loads(await socket.recv())["type"]]
            try:
                for message in messages:
                    await socket.send(message)
                async with asyncio.timeout(seconds):
                    while True:
                        heard.append(json.loads(await socket.recv()))
            except websockets.ConnectionClosed:
                return heard[1:], socket.close_code

    return asyncio.run(talk())


def subscribe(benchmark_id, last):
    return f'{{"type": "subscribe", "benchmark_id": "{benchmark_id}", "last_event": {last}}}'


DEEP = "[" * 60_000
CLOSING = [
    ("x" * (10 << 20), 1009), (b"x" * (10 << 20), 1009), (b'{"type": "ping"}', 1003), (DEEP, 4400),
    ('{"a": NaN}', 4400), ('{"a": 1e400}', 4400), ('{"type": "ping", "type": "ping"}', 4400),
    (subscribe("a\\u0000", 0), 4400), (subscribe("\\ud800", 0), 4400), ("", 4400), ("null", 4400),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code"), CLOSING, ids=lambda value: repr(value)[:30])
def test_messages_that_end_their_socket(url, key, message, code):
    heard, closed = after(f"{url}/ws", key, message)
    assert (heard, closed) == ([], code)


def test_numbers_that_no_event_has_are_refused_and_the_others_hear_on(app, url, key, job):
    """A number that the database cannot take would end the one task that looks for events for everybody."""

    async def talk():
        header = {"additional_headers": {"X-API-Key": key}}
        async with (
            websockets.connect(f"{url}/ws/benchmarks/{job.id}", **header) as other,
            websockets.connect(f"{url}/ws", **header) as evil,
        ):
            await evil.recv()
            kinds = []
            for last in ("-1", f"-1{'0' * 30}", f"1{'0' * 30}", '"x"', "null", "[]", "{}", '"-99999999999999999999"'):
                await evil.send(subscribe(job.id, last))
                kinds.append(json.loads(await evil.recv())["data"]["error"]["code"])
            leases = Leases(app.state.services.database, "w")
            lease = await asyncio.to_thread(leases.claim)
            await asyncio.to_thread(leases.note, lease, ("benchmark.progress", {}))
            heard = []
            async with asyncio.timeout(10):
                while "benchmark.progress" not in heard:
                    heard.append(json.loads(await other.recv())["type"])
            return kinds

    assert asyncio.run(talk()) == ["INVALID_PARAMETERS"] * 8


@pytest.mark.parametrize("path", ["/ws/benchmarks/%00", "/ws/benchmarks/a?last_event=%00", f"/ws?x={'a' * 20_000}"])
def test_paths_that_open_no_socket(url, key, path):
    async def talk():
        with pytest.raises(websockets.InvalidHandshake) as refused:
            async with websockets.connect(f"{url}{path}", additional_headers={"X-API-Key": key}):
                pass
        return refused.value

    refused = asyncio.run(talk())
    assert not isinstance(refused, websockets.InvalidStatus) or refused.response.status_code in (400, 403, 431)


def test_last_events_in_the_path_are_checked_too(url, key, job):
    async def talk():
        number = f"-1{'0' * 30}"
        path = f"{url}/ws/benchmarks/{job.id}?last_event={number}"
        async with websockets.connect(path, additional_headers={"X-API-Key": key}) as socket:
            return [json.loads(await socket.recv()) for _ in range(2)][1]

    assert asyncio.run(talk())["data"]["error"]["code"] == "INVALID_PARAMETERS"


def test_a_flood_is_heard_slowly_and_disturbs_nobody(url, key, monkeypatch):
    monkeypatch.setattr(websocket, "BURST", 5)
    monkeypatch.setattr(websocket, "EACH_SECOND", 10)

    async def talk():
        header = {"additional_headers": {"X-API-Key": key}, "close_timeout": 0.1}
        async with (
            websockets.connect(f"{url}/ws", **header) as flood,
            websockets.connect(f"{url}/ws", **header) as calm,
        ):
            await asyncio.gather(flood.recv(), calm.recv())
            assert flood.protocol.extensions == [], "a message that is small on the way is small"
            pouring = asyncio.create_task(pour(flood))
            started = time.monotonic()
            for _ in range(3):
                await calm.send('{"type": "ping"}')
                assert json.loads(await asyncio.wait_for(calm.recv(), 5))["type"] == "pong"
            heard = 0
            for _ in range(15):
                await asyncio.wait_for(flood.recv(), 10)
                heard += 1
            took = time.monotonic() - started
            flood.transport.abort()
            pouring.cancel()
            return heard, took

    async def pour(socket):
        while True:
            await socket.send(json.dumps({"type": "ping", "x": "x" * 50_000}))

    heard, took = asyncio.run(talk())
    assert heard == 15
    assert took > 0.8, "15 answers are 5 at once and 10 at 10 a second"


def test_the_pace_is_a_bucket():
    pace = websocket.Pace()
    waits = [pace.wait(100.0) for _ in range(websocket.BURST + 2)]
    assert waits[: websocket.BURST] == [0.0] * websocket.BURST
    assert waits[-2:] == pytest.approx([1 / websocket.EACH_SECOND, 2 / websocket.EACH_SECOND])
    assert [pace.wait(1000.0) for _ in range(websocket.BURST)] == [0.0] * websocket.BURST


def test_pages_of_elsewhere_open_no_socket(url, key):
    """A page has no header of ours to send and there are no cookies; its user's key alone does not make it ours."""

    async def status(origin):
        try:
            async with websockets.connect(f"{url}/ws", origin=origin) as socket:
                await socket.send(json.dumps({"type": "authenticate", "token": key}))
                return json.loads(await socket.recv())["type"]
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    host = url.removeprefix("ws://")
    for origin in (
        "https://evil.example",
        "null",
        f"http://evil.example/{host}",
        f"http://{host}.evil.example",
        "http://127.0.0.1",
    ):
        assert asyncio.run(status(origin)) == 403, origin
    for origin in (None, f"http://{host}", f"https://{host}", PAGE):
        assert asyncio.run(status(origin)) == "authenticated", origin


def test_many_who_say_nothing_are_let_go(url, monkeypatch):
    monkeypatch.setattr(websocket, "FIRST_SECONDS", 0.3)

    async def talk():
        async def one():
            async with websockets.connect(f"{url}/ws") as socket:
                with pytest.raises(websockets.ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), 20)
                return socket.close_code

        return await asyncio.gather(*(one() for _ in range(50)))

    assert set(asyncio.run(talk())) == {websocket.UNKNOWN}
