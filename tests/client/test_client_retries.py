"""What is sent again, when, and what becomes of errors; against servers that fail by a script."""

import asyncio
import json
import logging
import statistics
import subprocess
import sys

import pytest

from live_server import Proxy, scripted
from vid_diffusion_bench import exceptions
from vid_diffusion_bench.client import AsyncVidBenchClient, Retries, VidBenchClient
from vid_diffusion_bench.client.errors import error_of
from vid_diffusion_bench.exceptions import (
    InsufficientMemoryError,
    ModelNotFoundError,
    RateLimitExceededError,
    ServerOverloadedError,
    ServerUnreachableError,
    ValidationError,
    VidBenchError,
)

OK = (200, {}, '{"models": []}')
BUSY = (503, {"Retry-After": "0"}, json.dumps({"error": {"code": "SERVER_OVERLOADED", "message": "full"}}))
QUICK = Retries(first=0.01, longest=0.02)
SECRET = "vdb_thisisthesecretofatest"


def test_a_busy_server_is_asked_until_it_answers():
    gateway = (502, {}, "<html>")
    with scripted(BUSY, gateway, BUSY, OK) as (url, seen):
        assert VidBenchClient(url, "k", retries=QUICK).models() == []
    assert len(seen) == 4


def test_the_last_error_is_raised_with_its_class():
    with scripted(BUSY) as (url, seen), pytest.raises(ServerOverloadedError, match="full"):
        VidBenchClient(url, "k", retries=Retries(attempts=3, first=0.01)).models()
    assert len(seen) == 3


def test_retry_after_is_waited_for_but_not_for_ever(monkeypatch):
    waits = []
    monkeypatch.setattr("vid_diffusion_bench.client.blocking.time.sleep", waits.append)
    limited = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "later", "details": {"retry_after": 7}}}
    with scripted((429, {"Retry-After": "7"}, json.dumps(limited)), OK) as (url, _):
        VidBenchClient(url, "k", retries=QUICK).models()
    assert len(waits) == 1
    assert 7 <= waits[0] <= 7.02
    for header in ({"Retry-After": "3000"}, {"Retry-After": "121"}):
        with (
            scripted((429, header, json.dumps(limited))) as (url, seen),
            pytest.raises(RateLimitExceededError) as error,
        ):
            VidBenchClient(url, "k", retries=QUICK).models()
        assert len(seen) == 1
        assert error.value.details == {"retry_after": 7}


def test_waits_are_full_jitter_that_doubles():
    retries = Retries(attempts=100, first=1.0, longest=8.0)
    for attempt, top in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (90, 8)):
        drawn = [retries.wait(attempt) for _ in range(4000)]
        assert 0 <= min(drawn) < 0.02 * top
        assert 0.98 * top < max(drawn) <= top
        assert statistics.fmean(drawn) == pytest.approx(top / 2, rel=0.05)
    assert Retries(attempts=3).wait(3) is None
    assert Retries(attempts=10_000).wait(9_000) <= 30


def test_errors_that_will_not_pass_are_raised_at_once():
    body = {"code": "MODEL_NOT_FOUND", "message": "m", "details": {"model_name": "x", "available_models": ["y"]}}
    with scripted((404, {}, json.dumps({"error": body}))) as (url, seen), pytest.raises(ModelNotFoundError) as error:
        VidBenchClient(url, "k", retries=QUICK).model("x")
    assert (error.value.model_name, error.value.available_models) == ("x", ["y"])
    assert len(seen) == 1


@pytest.mark.parametrize("cls", exceptions.error_classes())
def test_every_class_comes_back_by_its_code(cls):
    details = {"required_memory_gb": 9.0, "available_memory_gb": 1.0}
    body = {"code": cls.code, "message": "so", "details": details, "remedy": "do", "request_id": "r1"}
    error = error_of(body, 418)
    assert type(error) is cls
    assert (error.message, error.remedy, error.details, error.request_id) == ("so", "do", details, "r1")
    assert str(error) == "so"
    if cls is InsufficientMemoryError:
        assert error.required_gb == 9.0


def test_a_code_that_is_not_known_is_kept():
    error = error_of({"code": "TEAPOT", "message": "short and stout"}, 418)
    assert (type(error), error.code, error.http_status) == (VidBenchError, "TEAPOT", 418)
    assert type(error_of({"code": "VALIDATION_FAILED", "message": ""}, 422)) is ValidationError


@pytest.mark.parametrize(
    "answer", [(200, {}, "<html>"), (404, {}, "no"), (302, {"Location": "/x"}, ""), (500, {}, "[]")]
)
def test_what_is_no_answer_of_this_server_is_an_error_of_the_package(answer):
    with scripted(answer) as (url, seen), pytest.raises(VidBenchError, match="status"):
        VidBenchClient(url, SECRET, retries=QUICK).models()
    assert len(seen) == 1


def test_nobody_there_is_said_after_the_last_attempt():
    with pytest.raises(ServerUnreachableError, match="asked 3 times"):
        VidBenchClient("http://127.0.0.1:9", "k", retries=Retries(attempts=3, first=0.01)).health()


def test_a_post_whose_answer_is_lost_has_its_effect_once(app, live, key):
    client = VidBenchClient(live, key)
    before = len(list(client.list_benchmarks()))
    with Proxy(live, ["refuse", "swallow", "swallow"]) as proxy:
        flaky = VidBenchClient(proxy.url, key, retries=QUICK)
        made = flaky.submit(["a red circle"], model_name="shapes-oracle")
        assert proxy.count == 4
    after = list(client.list_benchmarks())
    assert len(after) == before + 1
    assert after[0]["benchmark_id"] == made["benchmark_id"]


def test_a_key_is_not_made_twice(live, key):
    with Proxy(live, ["refuse", "swallow"]) as proxy:
        with pytest.raises(ServerUnreachableError, match="asked once"):
            VidBenchClient(proxy.url, key, retries=QUICK).make_key("lost", ["models.read"])
        assert proxy.count == 1


def test_the_asynchronous_client_does_the_same(live, key):
    async def ask():
        with Proxy(live, ["refuse", "swallow", 10]) as proxy:
            async with AsyncVidBenchClient(proxy.url, key, retries=QUICK) as client:
                made = await client.submit(["a red circle"], model_name="shapes-oracle")
                listed = [found async for found in client.list_benchmarks(page_size=1)]
                return made, listed

    made, listed = asyncio.run(ask())
    assert [found["benchmark_id"] for found in listed].count(made["benchmark_id"]) == 1


def test_the_key_is_in_no_text_and_no_log(live, key, caplog):
    caplog.set_level(logging.DEBUG)
    client = VidBenchClient(live, key)
    made = client.submit(["a red circle"], model_name="shapes-oracle")
    client.cancel(made["benchmark_id"])
    assert [event["type"] for event in client.events(made["benchmark_id"])] == ["benchmark.cancelled"]
    assert key not in repr(client) + repr(vars(client)) + caplog.text
    assert "HTTP Request" in caplog.text, "the log is on"


@pytest.mark.parametrize("url", ["ftp://host", "host:80", "", "http://", "http://u:p@host", "http://host/?q=1"])
def test_addresses_that_are_none_are_refused(url):
    with pytest.raises(ValidationError):
        VidBenchClient(url, "k")


@pytest.mark.parametrize("key", ["two words", "line\n", "é"])
def test_keys_that_are_none_are_refused_and_not_shown(key):
    with pytest.raises(ValidationError) as error:
        VidBenchClient("http://host", key)
    assert key not in str(error.value)


def test_names_stay_one_part_of_the_path():
    with scripted((200, {}, "{}")) as (url, seen):
        client = VidBenchClient(url, "k")
        client.model("../health?x=1#y")
        with pytest.raises(ValidationError):
            client.get("..")
    assert [path for _, path, _, _ in seen] == ["/api/v1/models/..%2Fhealth%3Fx%3D1%23y"]


def test_importing_the_client_imports_no_torch():
    code = "import sys, vid_diffusion_bench.client; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
