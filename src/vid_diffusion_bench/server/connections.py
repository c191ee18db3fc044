"""HTTP connections as uvicorn serves them, with two bounds that it has not."""

from __future__ import annotations

import asyncio
import json
from typing import Final
from uuid import uuid4

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from vid_diffusion_bench.server.errors import SECURITY_HEADERS, now
from vid_diffusion_bench.server.middleware import MOST_HEAD, REQUEST_ID

HEAD_SECONDS: Final = 20.0
"""Seconds that the head of a request may take, or the rest of a body that nobody reads any more."""

MOST_LINE, MOST_HEADERS = 8000, 100
"""Bytes of a line, and headers, of a request for a WebSocket."""


class Connection(H11Protocol):
    """Closes on a client that never ends its headers, or a body after its answer; says in JSON what is no HTTP."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._is_owed():
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._close)

    def _is_owed(self) -> bool:
        """Whether the client has more to say before anybody can go on."""
        if self.transport.is_closing():
            return False
        theirs = self.conn.their_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and self.conn.our_state is h11.DONE)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._timer = None
        if self._is_owed():
            self.transport.close()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # The library of WebSockets reads the head again, and beyond its own bounds would leave the client waiting.
        longest = max(len(part) for part in (event.target, *(b": ".join(header) for header in event.headers)))
        if longest > MOST_LINE or len(event.headers) > MOST_HEADERS:
            self.send_400_response("A request for a WebSocket is larger than it may be.")
        else:
            super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """The body of every error, though no application has seen the request."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            # An answer is under way: nothing can be put into it.
            self.transport.close()
            return
        number = f"req_{uuid4().hex[:16]}"
        message = f"{msg} Its target and headers may have {MOST_HEAD >> 10} kB in all."
        error = {"code": "BAD_REQUEST", "message": message, "details": {}, "request_id": number, "timestamp": now()}
        body = json.dumps({"error": error}).encode()
        own = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        named = {**own, **SECURITY_HEADERS, REQUEST_ID: number}
        headers = [(name.encode(), value.encode()) for name, value in named.items()]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
