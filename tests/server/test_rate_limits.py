"""How often somebody may ask: the table of the reference, exact however many ask at once."""

import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

import databases
from server_clients import app_of, client, client_as, key_of, make_user
from vid_diffusion_bench.auth import Principal
from vid_diffusion_bench.exceptions import RateLimitExceededError, ServerOverloadedError
from vid_diffusion_bench.server.rate_limits import RateLimiter

REFERENCE = {
    "benchmarks": (100, 20),
    "models": (1000, 100),
    "analytics": (500, 50),
    "streaming": (50, 10),
    "federated": (10, 2),
}


class Time:
    """The clock of `limits`, moved by the test."""

    now = 1_000_000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    import limits.storage.memory

    made = Time()
    monkeypatch.setattr(limits.storage.memory.time, "time", made.time)
    return made


def who(tier="standard", name="u"):
    return Principal(name, name, frozenset(), tier)


def passed(limiter, clock, path, principal, tries, every):
    """How many of ``tries`` requests pass, one every so many seconds."""
    count = 0
    for _ in range(tries):
        clock.now += every
        try:
            limiter.count(principal, None, path)
            count += 1
        except RateLimitExceededError:
            pass
    return count


@pytest.mark.parametrize(("path", "numbers"), REFERENCE.items())
def test_the_table_of_the_reference(clock, path, numbers):
    requests, burst = numbers
    limiter = RateLimiter("memory://")
    assert passed(limiter, clock, f"/{path}", who(), burst + 5, 0) == burst
    clock.now += 7200
    assert passed(limiter, clock, f"/{path}/x", who(), requests + 20, 1.01) == requests
    assert passed(limiter, clock, f"/{path}", who(name="another"), 1, 1) == 1


def test_tiers(clock):
    limiter = RateLimiter("memory://")
    assert passed(limiter, clock, "/benchmarks", who("premium"), 250, 0) == 200
    assert limiter.count(who("enterprise"), None, "/benchmarks") is None


def test_the_window_moves(clock):
    limiter = RateLimiter("memory://")
    assert passed(limiter, clock, "/federated", who(), 10, 100) == 10
    with pytest.raises(RateLimitExceededError) as refused:
        limiter.count(who(), None, "/federated")
    clock.now += refused.value.details["retry_after"] - 2
    assert passed(limiter, clock, "/federated", who(), 1, 0) == 0
    clock.now += 3
    assert passed(limiter, clock, "/federated", who(), 2, 0) == 1


def test_every_answer_says_how_one_stands(tmp_path):
    app = app_of(tmp_path)
    ask = client_as(app)
    first, missing = ask.get("/benchmarks"), ask.get("/benchmarks/none")
    assert first.headers["X-RateLimit-Limit"] == "100"
    assert first.headers["X-RateLimit-Remaining"] == "99"
    assert first.headers["X-RateLimit-Window"] == "3600"
    assert missing.status_code == 404
    assert missing.headers["X-RateLimit-Remaining"] == "98"
    answers = [ask.get("/benchmarks") for _ in range(30)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    error = refused.json()["error"]
    assert error["code"] == "RATE_LIMIT_EXCEEDED"
    assert error["reference"] == "API_002"
    assert error["message"] == f"Rate limit exceeded. Try again in {error['details']['retry_after']} seconds."
    assert refused.headers["Retry-After"] == str(error["details"]["retry_after"])
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert error["details"]["reset_at"].endswith("Z")


def test_threads_together_get_exactly_what_one_gets(tmp_path):
    app = app_of(tmp_path)
    key = key_of(app, make_user(app))
    statuses, lock = [], threading.Lock()

    def ask():
        answer = client(app, **{"X-API-Key": key}).get("/benchmarks/none")
        with lock:
            statuses.append(answer.status_code)

    limiter = app.state.services.limiter
    for _ in range(99):
        limiter._windows.hit(__import__("limits").RateLimitItemPerHour(100), "benchmarks", f"user:{who_is(app, key)}")
    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [404] + [429] * 11


def who_is(app, key):
    return app.state.services.auth.authenticate(None, key).user_id


def _hits(url):
    limiter, count = RateLimiter(url), 0
    for _ in range(40):
        try:
            limiter.count(who(), None, "/benchmarks")
            count += 1
        except RateLimitExceededError:
            pass
    return count


def test_processes_share_what_redis_counts():
    with databases.redis() as url, ProcessPoolExecutor(3) as pool:
        limiter = RateLimiter(url)
        for _ in range(95):
            limiter._windows.hit(__import__("limits").RateLimitItemPerHour(100), "benchmarks", "user:u")
        assert sum(pool.map(_hits, [url] * 3)) == 5


def test_without_its_store_the_server_says_so(tmp_path):
    with pytest.raises(ServerOverloadedError):
        RateLimiter("redis://127.0.0.1:1").count(who(), None, "/benchmarks")
    ask = client_as(app_of(tmp_path))
    assert ask.get("/health").headers.get("X-RateLimit-Limit") is None


def test_wrong_keys_are_requests_of_their_address(tmp_path):
    app = app_of(tmp_path / "data")
    stranger = client(app, **{"X-API-Key": "vdb_" + "x" * 43})
    answers = [stranger.get("/benchmarks") for _ in range(25)]
    assert {answer.status_code for answer in answers} == {401, 429}, "a burst of 20"
    assert answers[0].headers["X-RateLimit-Remaining"] == "99"
