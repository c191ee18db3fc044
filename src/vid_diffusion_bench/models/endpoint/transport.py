"""HTTP to one server: bounded bodies, bounded retries that are written down, and a key that nothing repeats."""

from __future__ import annotations

import asyncio
import json as json_module
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from vid_diffusion_bench.exceptions import GenerationError, InvalidOutputError
from vid_diffusion_bench.models.endpoint.keys import Credentials
from vid_diffusion_bench.models.served import Progress
from vid_diffusion_bench.results import Attempt

MAX_VIDEO_BYTES = 512 * 2**20
MAX_JSON_BYTES = MAX_VIDEO_BYTES * 4 // 3 + 2**20
"""A video may come inside JSON, in base64."""

MAX_ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 120.0
CONNECT_SECONDS = 10.0
MAX_REDIRECTS = 5
_BUSY = 429
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Reply:
    """What a server answered, whole."""

    status: int
    headers: httpx2.Headers
    content: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def json(self) -> Any:
        """The body as data; ``None`` where it is none."""
        try:
            return json_module.loads(self.content)
        except ValueError:
            return None


class Transport:
    """Requests to the server at ``base``; the key goes there and nowhere else."""

    def __init__(self, client: httpx2.AsyncClient, base: str, credentials: Credentials | None) -> None:
        self._client = client
        self._home = _origin(base)
        self._credentials = credentials

    async def send(
        self,
        method: str,
        url: str,
        progress: Progress,
        *,
        json: Any = None,
        fields: dict[str, str] | None = None,
        limit: int = MAX_JSON_BYTES,
    ) -> Reply:
        """One request. Tried again when the server is busy (429) or fails (5xx); a GET also when it breaks off.

        Raises:
            GenerationError: No answer, or the server stays busy or broken; its message holds the last reason.
            InvalidOutputError: The answer is larger than ``limit``.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            wait = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
            try:
                reply = await self._once(method, url, json, fields, limit)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ReadError, httpx2.RemoteProtocolError) as error:
                reason = self._why(url, error)
                # A job that may have been taken is not asked for twice.
                again = method == "GET" or isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
            except httpx2.TooManyRedirects as error:
                raise GenerationError(
                    f"{_shown(url)} redirects more than {MAX_REDIRECTS} times", remedy="check the endpoint's address"
                ) from error
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise GenerationError(self._why(url, error)) from error
            else:
                if reply.status != _BUSY and (reply.status < _SERVER_ERROR or reply.status == _NOT_IMPLEMENTED):
                    return reply
                reason, again = self.explain(url, reply), True
                wait = _retry_after(reply) or wait
            if not again or attempt == MAX_ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
                raise GenerationError(_final(reason, attempt, wait), remedy=_remedy(reason))
            progress.attempts.append(Attempt(ended=asyncio.get_running_loop().time(), reason=reason, waited=wait))
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, method: str, url: str, json: Any, fields: dict[str, str] | None, limit: int) -> Reply:
        files = {name: (None, value) for name, value in fields.items()} if fields is not None else None
        request = self._client.stream(method, url, json=json, files=files, headers=self._headers(url))
        async with request as response:
            return Reply(response.status_code, response.headers, await _bounded(response, url, limit))

    @asynccontextmanager
    async def events(self, url: str) -> AsyncIterator[AsyncIterator[Any]]:
        """Server-sent events, each as its data."""
        async with self._client.sse(url, headers=self._headers(url)) as source:

            async def data() -> AsyncIterator[Any]:
                async for event in source:
                    yield json_module.loads(event.data) if event.data else None

            yield data()

    def _headers(self, url: str) -> dict[str, str]:
        if self._credentials is None or not self.is_home(url):
            return {}
        return {"Authorization": f"{self._credentials.scheme} {self._credentials.key}"}

    def is_home(self, url: str) -> bool:
        """Whether ``url`` is on the server itself."""
        return _origin(url) == self._home

    def explain(self, url: str, reply: Reply) -> str:
        """What a reply that is no success says, for people."""
        return f"{_shown(url)} answered {reply.status}: {self.redact(_message(reply))}"

    def redact(self, text: str) -> str:
        """``text`` without the key, should a server repeat it."""
        return text.replace(self._credentials.key, "…") if self._credentials else text

    def _why(self, url: str, error: Exception) -> str:
        return f"{_shown(url)}: {self.redact(str(error)) or type(error).__name__}"


@asynccontextmanager
async def open_client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client that never makes a request wait for a connection: that wait would be hidden in the latency."""
    async with httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
    ) as client:
        yield client


async def _bounded(response: httpx2.Response, url: str, limit: int) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > limit:
            raise InvalidOutputError(f"{_shown(url)} sent more than {limit / 2**20:g} MiB; the rest was not read")
        parts.append(part)
    return b"".join(parts)


def _message(reply: Reply) -> str:
    """The words of an error in the shapes servers give them (``error.message``, ``detail``), or how it begins."""
    data = reply.json() if reply.is_json else None
    if isinstance(data, dict):
        inner = data.get("error") or data.get("detail") or data.get("message") or data
        inner = inner.get("message", inner) if isinstance(inner, dict) else inner
        text = inner if isinstance(inner, str) else json_module.dumps(inner)
    elif reply.media_type in ("text/html", "application/xhtml+xml"):
        text = "a web page"
    else:
        text = reply.content[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace")
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _retry_after(reply: Reply) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or a date; never less than nothing."""
    said = str(reply.headers.get("retry-after", "")).strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _final(reason: str, attempts: int, wait: float) -> str:
    if wait > LONGEST_WAIT_SECONDS:
        return f"{reason}; it asks to come back in {wait:g} s"
    return f"{reason} ({attempts} attempts)" if attempts > 1 else reason


def _remedy(reason: str) -> str:
    if f"answered {_BUSY}" in reason:
        return "lower --rate or --concurrency, or ask the provider for more"
    return "see the server's log" if "answered" in reason else "check that the server is running and reachable"


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx2.URL(url)
    port = parsed.port or {"http": 80, "https": 443}.get(parsed.scheme)
    return parsed.scheme, parsed.host, port


def _shown(url: str) -> str:
    """A URL without its query, which may hold a signature."""
    return url.partition("?")[0]
