"""The arithmetic of arrivals, limits and waiting, exact, on an event loop whose clock jumps to the next event."""

import asyncio
import selectors
import threading
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.arrivals import Arrivals
from vid_diffusion_bench.engine.plan import PlannedSample
from vid_diffusion_bench.engine.sending import Order, drive, send_all
from vid_diffusion_bench.exceptions import GenerationError
from vid_diffusion_bench.models import GenerationRequest
from vid_diffusion_bench.models.served import Answer, ServedModel


class JumpingLoop(asyncio.SelectorEventLoop):
    """Nothing takes time but waiting, and waiting takes no real time."""

    def __init__(self):
        self.now = 1000.0
        super().__init__(_Jump(self))

    def time(self):
        return self.now


class _Jump(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        self._loop.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class Desk(ServedModel):
    """A server of ``places`` places, first come first served, that is busy ``service`` seconds with each request."""

    name = "desk"

    def __init__(self, places, service, fails=()):
        self.places, self.service, self.fails = places, service, fails
        self.cancelled = 0

    def provenance(self):
        return {"class": "Desk"}

    def probe(self):
        pass

    def decode(self, answer, request):
        raise NotImplementedError

    @asynccontextmanager
    async def connect(self):
        self._desk = asyncio.Semaphore(self.places)
        yield self

    async def ask(self, request, progress):
        try:
            async with self._desk:
                progress.started = asyncio.get_running_loop().time()
                await asyncio.sleep(self.service)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if request.seed in self.fails:
            raise GenerationError("refused")
        return Answer(b"clip", "video/mp4")


def _order(count, due, concurrency=None, **fields):
    samples = [
        PlannedSample(str(n), "desk", n, GenerationRequest("p", n, GenerationParameters())) for n in range(count)
    ]
    given_up = {"warmup": 0, "timeout_seconds": None, "stop": threading.Event(), "warm_up_failed": print, **fields}
    return Order(samples=samples, due=due, arrivals=Arrivals({}, due, concurrency), **given_up)


def _send(desk, order):
    outcomes = []
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(drive(desk, order, outcomes.append))
    return {outcome.sample.index: outcome for outcome in outcomes}


def _queue(due, service, places):
    free, times = [0.0] * places, []
    for arrival in due:
        place = free.index(min(free))
        start = max(arrival, free[place])
        free[place] = start + service
        times.append((start, free[place]))
    return times


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.integers(0, 400), min_size=1, max_size=12),
    service=st.integers(1, 500),
    places=st.integers(1, 4),
    limit=st.one_of(st.none(), st.integers(1, 4)),
)
def test_every_wait_is_that_of_the_queue(gaps, service, places, limit):
    """A client's limit and a server's places are one queue of the smaller; only where the wait is spent differs."""
    due = [sum(gaps[: place + 1]) / 1000 for place in range(len(gaps))]
    found = _send(Desk(places, service / 1000), _order(len(due), due, limit))
    expected = _queue(due, service / 1000, min(places, limit or places))
    for place, (start, end) in enumerate(expected):
        serving = found[place].serving
        assert serving.scheduled == pytest.approx(due[place], abs=1e-6)
        assert serving.started == pytest.approx(start, abs=1e-6)
        assert serving.latency == pytest.approx(end - due[place], abs=1e-6)
        assert serving.drift == pytest.approx(0, abs=1e-6)
        waits_here = limit is not None and limit <= places
        assert serving.sent == pytest.approx(start if waits_here else serving.sent, abs=1e-6)


def test_a_closed_loop_sends_when_another_has_ended():
    found = _send(Desk(9, 0.5), _order(5, None, 2))
    assert [found[place].serving.sent for place in range(5)] == pytest.approx([0, 0, 0.5, 0.5, 1.0])
    assert all(outcome.serving.latency == pytest.approx(0.5) for outcome in found.values())


def test_a_failure_or_a_time_out_frees_its_slot():
    found = _send(Desk(9, 1.0, fails={0}), _order(3, [0, 0, 0], 1, timeout_seconds=5))
    assert isinstance(found[0].error, GenerationError)
    assert [found[place].serving.sent for place in range(3)] == pytest.approx([0, 1, 2])
    slow = _send(Desk(9, 60.0), _order(2, [0, 0], 1, timeout_seconds=5))
    assert [outcome.error.code for outcome in slow.values()] == ["GENERATION_TIMEOUT"] * 2
    assert slow[1].serving.sent == pytest.approx(5)


def test_warm_up_comes_before_the_clock_starts():
    desk = Desk(1, 3.0)
    found = _send(desk, _order(1, [0.0], warmup=2))
    assert found[0].serving.latency == pytest.approx(3.0)
    said = []
    broken = Desk(1, 1.0, fails={0})
    found = _send(broken, _order(1, [0.0], warmup=3, warm_up_failed=said.append))
    assert [str(error) for error in said] == ["refused"], "one failure is enough to know"


def test_stopping_cancels_what_is_out_and_sends_no_more():
    desk, order = Desk(9, 60.0), _order(4, [0, 0, 0, 1000.0])
    order.stop.set()
    assert _send(desk, order) == {}
    desk, order = Desk(1, 0.01), _order(20, [0.02 * place for place in range(20)])
    seen = []
    for outcome in send_all(desk, order):
        seen.append(outcome)
        order.stop.set()
    assert 1 <= len(seen) < 20
