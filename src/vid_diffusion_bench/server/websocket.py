"""``/ws`` and ``/ws/benchmarks/{id}``: the same events in the spellings of both API references (R24).

``/ws`` is told what to do by messages: ``authenticate`` first, then ``subscribe`` and ``unsubscribe``.
``/ws/benchmarks/{id}`` follows one benchmark from the start, or from after ``?last_event=N``. Both take the headers of
the API in place of the first message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from vid_diffusion_bench.auth import Principal
from vid_diffusion_bench.auth.audit import Origin
from vid_diffusion_bench.exceptions import AuthenticationError, PermissionDeniedError, ValidationError, VidBenchError
from vid_diffusion_bench.jobs import StoredEvent
from vid_diffusion_bench.results import iso
from vid_diffusion_bench.server.hub import Follower, Hub
from vid_diffusion_bench.server.routes.benchmarks import visible
from vid_diffusion_bench.server.services import Services
from vid_diffusion_bench.server.strict import parse_json

router = APIRouter()
FIRST_SECONDS: Final = 10.0
"""Seconds within which a socket must say who it is."""
AGAIN_SECONDS: Final = 60.0
"""Seconds after which it is asked again whether its token or key still holds."""
LONGEST: Final = 64_000
"""Characters of a message of a client."""
LAST_NUMBER: Final = 2**53
BURST, EACH_SECOND = 100, 20
"""Messages that a client may say at once, and a second from then on."""
SEND_SECONDS: Final = 20.0
"""Seconds that sending one message may take."""
UNKNOWN, DENIED, BEHIND, WRONG = 4401, 4403, 4408, 4400
"""Codes that a socket is closed with: nobody known, not allowed, too slow, not understood."""
_NAMES: Final = {
    "benchmark.started": "benchmark_started",
    "benchmark.progress": "benchmark_progress",
    "benchmark.completed": "benchmark_completed",
    "benchmark.failed": "benchmark_error",
    "benchmark.cancelled": "benchmark_cancelled",
}
Spelling = Callable[[StoredEvent], dict[str, Any]]


def underscored(event: StoredEvent) -> dict[str, Any]:
    """An event as the second API reference spells it: all of it in ``data``."""
    data = {"benchmark_id": event.benchmark_id, **event.data}
    return {"type": _NAMES[event.type], "data": data, "number": event.number, "timestamp": iso(event.at)}


def dotted(event: StoredEvent) -> dict[str, Any]:
    """An event as the first API reference names it."""
    at = {"benchmark_id": event.benchmark_id, "number": event.number, "timestamp": iso(event.at)}
    return {"type": event.type, **at, "data": event.data}


@router.websocket("/ws")
async def follow_any(socket: WebSocket) -> None:
    """Any number of benchmarks over one socket."""
    await _Conversation(socket, underscored).run()


@router.websocket("/ws/benchmarks/{benchmark_id}")
async def follow_one(socket: WebSocket, benchmark_id: str) -> None:
    """One benchmark."""
    await _Conversation(socket, dotted).run(benchmark_id)


class _Closed(Exception):  # noqa: N818 - how a conversation ends, and nobody else's business
    """The socket is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Pace:
    """How long somebody who says much has to wait: a bucket of ``BURST`` that fills by ``EACH_SECOND``."""

    def __init__(self) -> None:
        self._left, self._at = float(BURST), 0.0

    def wait(self, now: float) -> float:
        """Seconds until the message that came ``now`` (seconds of a clock that only goes forward) is due."""
        self._left = min(BURST, self._left + (now - self._at) * EACH_SECOND) - 1
        self._at = now
        return max(0.0, -self._left / EACH_SECOND)


class _Conversation:
    """What is said over one socket, from its opening to its end."""

    def __init__(self, socket: WebSocket, spelling: Spelling) -> None:
        self._socket, self._spelling = socket, spelling
        self._services: Services = socket.app.state.services
        self._hub: Hub = socket.app.state.hub
        self._credentials: tuple[str | None, str | None] = (None, None)
        self._principal: Principal | None = None

    async def run(self, benchmark_id: str | None = None) -> None:
        if not self._is_of_this_place():
            await self._socket.close(1008)
            return
        await self._socket.accept()
        try:
            await self._introduction()
            async with self._hub.follower() as follower:
                if benchmark_id:
                    await self._subscribe(follower, benchmark_id, self._socket.query_params.get("last_event", "0"))
                await self._talk(follower)
        except _Closed as end:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(end.code, end.reason[:120])
        except WebSocketDisconnect:
            pass

    def _is_of_this_place(self) -> bool:
        """Whether no browser sends this, or one that shows a page of this server, or of an origin that may ask."""
        origin, allowed = self._socket.headers.get("origin"), self._services.settings.cors_origins
        here = self._socket.headers.get("host")
        return origin is None or "*" in allowed or origin in allowed or origin in (f"http://{here}", f"https://{here}")

    async def _introduction(self) -> None:
        headers = self._socket.headers
        self._credentials = (headers.get("authorization"), headers.get("x-api-key"))
        if self._credentials == (None, None):
            try:
                message = await asyncio.wait_for(self._hear(), FIRST_SECONDS)
            except TimeoutError as error:
                raise _Closed(UNKNOWN, "nobody said who it is") from error
            token = message.get("token")
            if message.get("type") != "authenticate" or not isinstance(token, str):
                raise _Closed(UNKNOWN, 'the first message is {"type": "authenticate", "token": …}')
            self._credentials = (f"Bearer {token}", None)
        await self._identify()
        assert self._principal is not None, "it was identified"
        await self._say({"type": "authenticated", "data": {"username": self._principal.username}})

    async def _identify(self) -> None:
        """Whether the token or key holds, now."""
        client = self._socket.client
        origin = Origin(client.host if client else None, None)
        try:
            found = await asyncio.to_thread(self._services.auth.authenticate, *self._credentials, origin=origin)
        except AuthenticationError as error:
            raise _Closed(UNKNOWN, error.message) from error
        except VidBenchError as error:
            raise _Closed(1013, error.message) from error
        if found is None:
            raise _Closed(UNKNOWN, "nobody known")
        if not found.may("benchmark.read"):
            raise _Closed(DENIED, "this needs the permission benchmark.read")
        self._principal = found

    async def _talk(self, follower: Follower) -> None:
        """Say and hear, until one side has enough."""
        tasks = [
            asyncio.create_task(self._tell(follower)),
            asyncio.create_task(self._listen(follower)),
            asyncio.create_task(self._ask_again()),
        ]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            task.result()

    async def _tell(self, follower: Follower) -> None:
        async for event in follower.events():
            await self._say(self._spelling(event))
        raise _Closed(BEHIND, "too slow, or the server ends; come back with the last number you saw")

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            await self._identify()

    async def _listen(self, follower: Follower) -> None:
        pace = Pace()
        while True:
            message = await self._hear()
            # Who says too much is heard later; meanwhile nothing more of theirs is read.
            await asyncio.sleep(pace.wait(time.monotonic()))
            benchmark = message.get("benchmark_id")
            match message.get("type"):
                case "subscribe" if isinstance(benchmark, str):
                    await self._subscribe(follower, benchmark, message.get("last_event", 0))
                case "unsubscribe" if isinstance(benchmark, str):
                    follower.seen.pop(benchmark, None)
                    await self._say({"type": "unsubscribed", "data": {"benchmark_id": benchmark}})
                case "ping":
                    await self._say({"type": "pong", "data": {}})
                case _:
                    await self._complain(ValidationError("this message is not understood"))

    async def _subscribe(self, follower: Follower, benchmark_id: str, last: Any) -> None:
        try:
            number = int(last)
            if not 0 <= number <= LAST_NUMBER:
                raise ValueError
            await asyncio.to_thread(self._visible, benchmark_id)
        except (TypeError, ValueError, OverflowError):
            return await self._complain(ValidationError("last_event is the number of an event"))
        except VidBenchError as error:
            return await self._complain(error)
        await self._say({"type": "subscribed", "data": {"benchmark_id": benchmark_id, "last_event": number}})
        self._hub.follow(follower, benchmark_id, number)
        return None

    def _visible(self, benchmark_id: str) -> None:
        if self._principal is None:
            raise PermissionDeniedError("nobody known asks")
        visible(benchmark_id, self._principal, self._services)

    async def _complain(self, error: VidBenchError) -> None:
        await self._say({"type": "error", "data": {"error": error.to_dict()}})

    async def _hear(self) -> dict[str, Any]:
        try:
            text = await self._socket.receive_text()
        except KeyError as error:
            raise _Closed(1003, "messages are text") from error
        if len(text) > LONGEST:
            raise _Closed(1009, "the message is too long")
        try:
            message = parse_json(text)
        except (ValueError, ValidationError) as error:
            raise _Closed(WRONG, "messages are JSON that can be kept") from error
        if not isinstance(message, dict):
            raise _Closed(WRONG, "messages are JSON objects")
        return message

    async def _say(self, message: dict[str, Any]) -> None:
        try:
            await asyncio.wait_for(self._socket.send_text(json.dumps(message)), SEND_SECONDS)
        except TimeoutError as error:
            raise _Closed(BEHIND, "too slow") from error
