"""The sending side of a run on a server: its own thread and event loop, which does nothing but send, wait and fetch.

Decoding, checking and storing happen in the thread that takes the outcomes, so that they cannot delay a request.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vid_diffusion_bench.engine.arrivals import Arrivals
from vid_diffusion_bench.engine.generate import WARM_UP_SEED
from vid_diffusion_bench.engine.plan import PlannedSample
from vid_diffusion_bench.engine.slots import Slots
from vid_diffusion_bench.exceptions import GenerationTimeoutError
from vid_diffusion_bench.models.served import DEFAULT_TIMEOUT_SECONDS, Answer, Connection, Progress, ServedModel
from vid_diffusion_bench.results import Serving, utc_now

LEAD_SECONDS = 0.05
"""Between the start of the clock and the first arrival: the requests are ready before the first is due."""

_STOP_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """One request, ended: the answer or the error, and how it went."""

    sample: PlannedSample
    serving: Serving
    answer: Answer | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Order:
    """What to send: ``due`` are the times of ``samples``, ``None`` in a closed loop.

    ``stop`` is the run's, ``given_up`` is set when nobody takes the outcomes any more.
    """

    samples: Sequence[PlannedSample]
    due: Sequence[float] | None
    arrivals: Arrivals
    warmup: int
    timeout_seconds: float | None
    stop: threading.Event
    warm_up_failed: Callable[[Exception], None]
    given_up: threading.Event = field(default_factory=threading.Event)


def send_all(model: ServedModel, order: Order) -> Generator[Outcome]:
    """The outcomes in the order they come. When ``order.stop`` is set, what is still out is cancelled and lost."""
    outcomes: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            asyncio.run(drive(model, order, outcomes.put))
            outcomes.put(None)
        except BaseException as error:  # noqa: BLE001 - the edge of the thread: raised again where it is waited for
            outcomes.put(error)

    thread = threading.Thread(target=work, name="requests", daemon=True)
    thread.start()
    try:
        while (outcome := outcomes.get()) is not None:
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        order.given_up.set()
        thread.join()


async def drive(model: ServedModel, order: Order, put: Callable[[Outcome], None]) -> None:
    """Warm up, send everything on the running event loop, and ``put`` each outcome as it comes."""
    async with model.connect() as connection:
        work = asyncio.create_task(_warm_up_and_send(connection, order, put))
        while not work.done():
            await asyncio.wait([work], timeout=_STOP_SECONDS)
            if order.stop.is_set() or order.given_up.is_set():
                work.cancel()
        with suppress(asyncio.CancelledError):
            work.result()


async def _warm_up_and_send(connection: Connection, order: Order, put: Callable[[Outcome], None]) -> None:
    for number in range(order.warmup):
        sample = order.samples[number % len(order.samples)]
        request = replace(sample.request, seed=WARM_UP_SEED + number)
        try:
            async with asyncio.timeout(order.timeout_seconds or DEFAULT_TIMEOUT_SECONDS):
                await connection.ask(request, Progress())
        except Exception as error:  # noqa: BLE001 - when it fails, so will the sample, and there it is written down
            order.warm_up_failed(error)
            break
    sender = _Sender(connection, order, put)
    await (sender.open_loop(order.due) if order.due is not None else sender.closed_loop())


class _Sender:
    def __init__(self, connection: Connection, order: Order, put: Callable[[Outcome], None]) -> None:
        self._connection = connection
        self._order = order
        self._put = put
        self._sitting = utc_now()
        self._clock = asyncio.get_running_loop().time
        self._zero = self._clock() + LEAD_SECONDS
        self._limit = order.timeout_seconds or DEFAULT_TIMEOUT_SECONDS

    async def open_loop(self, due: Sequence[float]) -> None:
        """Every request at its time, whatever has become of the others."""
        slots = Slots(self._order.arrivals.concurrency)

        async def arrive(sample: PlannedSample, scheduled: float) -> None:
            free = await slots.take()
            try:
                await self._one(sample, scheduled, max(scheduled, free))
            finally:
                slots.give_back()

        async with asyncio.TaskGroup() as group:
            for sample, time in zip(self._order.samples, due, strict=True):
                scheduled = self._zero + time
                # Against the absolute time: a late request does not make the next one late.
                await asyncio.sleep(max(0.0, scheduled - self._clock()))
                group.create_task(arrive(sample, scheduled))

    async def closed_loop(self) -> None:
        """As many clients as may be out at once, each with one request at a time."""
        waiting = iter(self._order.samples)
        await asyncio.sleep(max(0.0, self._zero - self._clock()))

        async def client() -> None:
            for sample in waiting:
                await self._one(sample)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._order.arrivals.concurrency or 1, len(self._order.samples))):
                group.create_task(client())

    async def _one(self, sample: PlannedSample, scheduled: float | None = None, possible: float = math.inf) -> None:
        """Send one request, which arrives now if it is not ``scheduled``; ``possible`` is when it could have gone."""
        progress, sent = Progress(), self._clock()
        answer: Answer | None = None
        error: Exception | None = None
        try:
            async with asyncio.timeout(self._limit):
                answer = await self._connection.ask(sample.request, progress)
        except TimeoutError:
            error = GenerationTimeoutError(self._limit)
        except Exception as caught:  # noqa: BLE001 - whatever a server does to us is the sample's record
            error = caught
        arrived = sent if scheduled is None else scheduled
        serving = self._serving(progress, arrived, sent, max(0.0, sent - possible), answer)
        self._put(Outcome(sample, serving, answer, error))

    def _serving(
        self, progress: Progress, scheduled: float, sent: float, drift: float, answer: Answer | None
    ) -> Serving:
        zero = self._zero
        return Serving(
            sitting=self._sitting,
            process=self._order.arrivals.process,
            scheduled=scheduled - zero,
            sent=sent - zero,
            ended=self._clock() - zero,
            started=None if progress.started is None else progress.started - zero,
            drift=drift,
            discovery=progress.discovery if answer else 0.0,
            discovery_error=progress.discovery_error if answer else 0.0,
            form=progress.form,
            media_type=answer.media_type if answer else "",
            size_bytes=len(answer.content) if answer else None,
            attempts=[attempt.model_copy(update={"ended": attempt.ended - zero}) for attempt in progress.attempts],
            stated=progress.stated,
        )
