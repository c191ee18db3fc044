"""One open way to a ``/v1/videos`` server: submit, wait, fetch, whichever of its forms it speaks."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from vid_diffusion_bench.exceptions import GenerationError, InvalidOutputError
from vid_diffusion_bench.models.base import GenerationRequest
from vid_diffusion_bench.models.endpoint import polling
from vid_diffusion_bench.models.endpoint.content import is_video_type, require_video
from vid_diffusion_bench.models.endpoint.dialects import form_fields, request_body
from vid_diffusion_bench.models.endpoint.reference import EndpointReference
from vid_diffusion_bench.models.endpoint.transport import MAX_VIDEO_BYTES, Reply, Transport
from vid_diffusion_bench.models.served import Answer, Progress
from vid_diffusion_bench.results import Attempt

JOBS, SYNC, GENERATIONS = "/videos", "/videos/sync", "/videos/generations"
_ABSENT = frozenset({404, 405})
_UNREADABLE = frozenset({400, 415, 422})
_FIGURES = ("inference_time_s", "peak_memory_mb", "stage_durations")
_CANCEL_SECONDS = 2.0


@dataclass(frozen=True)
class Spoken:
    """Where and in which encoding a server is asked."""

    path: str
    encoding: str


class EndpointConnection:
    """Asks one server. Which path and encoding it takes is found with the first request that it refuses."""

    def __init__(self, reference: EndpointReference, model: str, transport: Transport, *, sync: bool) -> None:
        self._reference = reference
        self._model = model
        self._transport = transport
        encoding = "json" if reference.encoding == "auto" else reference.encoding
        self._spoken = Spoken(SYNC if sync else JOBS, encoding)
        self._settled = False

    async def ask(self, request: GenerationRequest, progress: Progress) -> Answer:
        """One clip, through a job or at once, as the server's first reply shows."""
        clock = asyncio.get_running_loop().time
        sent = clock()
        url, reply = await self._submit(request, progress)
        if is_video_type(reply.media_type):
            progress.form = "sync"
            progress.stated = _stated_in_headers(reply)
            return require_video(reply.media_type, reply.content, url)
        job = _object(url, reply)
        if job.get("data"):
            progress.form = "inline"
            progress.stated = _stated(job)
            return await self._inline(url, job, progress)
        progress.form = "job"
        return await self._follow(job, progress, (sent, clock()))

    async def _submit(self, request: GenerationRequest, progress: Progress) -> tuple[str, Reply]:
        body = request_body(self._reference.dialect, self._model, request)
        while True:
            spoken = self._spoken
            url = self._reference.url + spoken.path
            content: dict[str, Any] = {"json": body} if spoken.encoding == "json" else {"fields": form_fields(body)}
            reply = await self._transport.send("POST", url, progress, **content)
            if reply.ok:
                self._settled = True
                return url, reply
            refusal = self._transport.explain(url, reply)
            if not self._changes(spoken, reply.status):
                raise GenerationError(refusal, remedy=_remedy(reply.status))
            progress.attempts.append(Attempt(ended=asyncio.get_running_loop().time(), reason=refusal, waited=0.0))

    def _changes(self, tried: Spoken, status: int) -> bool:
        """Whether there is another way to ask after a refusal; it is then the way of the whole connection."""
        if self._spoken != tried or self._settled:
            return self._spoken != tried
        auto = self._reference
        if status in _ABSENT and auto.form == "auto" and tried.path != GENERATIONS:
            self._spoken = Spoken({SYNC: JOBS, JOBS: GENERATIONS}[tried.path], tried.encoding)
        elif status in _UNREADABLE and auto.encoding == "auto" and tried.encoding == "json":
            self._spoken = Spoken(tried.path, "multipart")
        return self._spoken != tried

    async def _inline(self, url: str, job: dict[str, Any], progress: Progress) -> Answer:
        """A clip inside the reply, or at the address it gives."""
        first = job["data"][0] if isinstance(job["data"], list) else job["data"]
        if not isinstance(first, dict):
            raise InvalidOutputError(f"{url} sent a list of clips that holds none")
        if encoded := first.get("b64_json"):
            try:
                content = base64.b64decode(encoded, validate=True)
            except (binascii.Error, TypeError, ValueError) as error:
                raise InvalidOutputError(f"{url} sent a clip that is not base64: {error}") from error
            return require_video(f"video/{first.get('output_format') or 'mp4'}", content, url)
        if address := first.get("url"):
            return await self._download(urljoin(url, str(address)), progress)
        raise InvalidOutputError(f"{url} sent neither a clip nor its address")

    async def _follow(self, job: dict[str, Any], progress: Progress, taken: tuple[float, float]) -> Answer:
        identifier = job.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise InvalidOutputError(f"{self._reference.url} took the request and gave it no id")
        url = f"{self._reference.url}{JOBS}/{quote(identifier, safe='')}"
        try:
            job = await self._wait(url, job, progress, taken)
        except asyncio.CancelledError:
            await self._take_back(url)
            raise
        progress.stated |= _stated(job)
        if job.get("data"):
            return await self._inline(url, job, progress)
        return await self._download(f"{url}/content", progress)

    async def _wait(
        self, url: str, job: dict[str, Any], progress: Progress, taken: tuple[float, float]
    ) -> dict[str, Any]:
        clock = asyncio.get_running_loop().time
        before, asked, found = taken[0], *taken
        while True:
            status = str(job.get("status", "")).lower()
            if status in polling.RUNNING and progress.started is None:
                progress.started = (before + found) / 2
            if status in polling.DONE:
                polling.note_completion(progress, job, taken, (before, found))
                return job
            if status not in polling.WAITING | polling.RUNNING:
                raise GenerationError(f"the server ended the job as {status or 'nothing'}: {self._error(job)}")
            await asyncio.sleep(polling.interval(clock() - taken[0]))
            before, asked = asked, clock()
            reply = await self._transport.send("GET", url, progress)
            if not reply.ok:
                raise GenerationError(self._transport.explain(url, reply), remedy=_remedy(reply.status))
            job, found = _object(url, reply), clock()

    async def _download(self, url: str, progress: Progress) -> Answer:
        reply = await self._transport.send("GET", url, progress, limit=MAX_VIDEO_BYTES)
        if not reply.ok:
            raise GenerationError(self._transport.explain(url, reply), remedy=_remedy(reply.status))
        return require_video(reply.media_type, reply.content, url)

    async def _take_back(self, url: str) -> None:
        """Have the server drop a job that nobody waits for; it may not know how."""
        with suppress(GenerationError, TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._transport.send("DELETE", url, Progress())

    def _error(self, job: dict[str, Any]) -> str:
        error = job.get("error")
        text = error.get("message", error) if isinstance(error, dict) else error
        return self._transport.redact(" ".join(str(text or "no reason is given").split())[:300])


def _object(url: str, reply: Reply) -> dict[str, Any]:
    data = reply.json() if reply.is_json else None
    if not isinstance(data, dict):
        kind = "a web page" if "html" in reply.media_type else reply.media_type or "nothing that is named"
        raise InvalidOutputError(
            f"{url} sent {kind} where a job or a clip was expected", remedy="check the endpoint's address"
        )
    return data


def _stated(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job[name] for name in _FIGURES if job.get(name)}


def _stated_in_headers(reply: Reply) -> dict[str, Any]:
    """The server's own figures beside a clip that came at once, as vLLM-Omni sends them."""
    stated: dict[str, Any] = {}
    for name in ("inference_time_s", "peak_memory_mb"):
        with suppress(KeyError, ValueError):
            stated[name] = float(reply.headers[f"x-{name.replace('_', '-')}"])
    return stated


def _remedy(status: int) -> str | None:
    if status in (401, 403):
        return "put the server's key into the environment variable that the setting key_variable, or ?key=, names"
    return "check the endpoint's address and model" if status in _ABSENT else None
