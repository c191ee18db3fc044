"""Hosted services behind an asynchronous queue: submit, follow the status, fetch. All that differs is data.

The interface is fal's, as its public reference describes it (https://fal.ai/docs/api-reference/inference-api): a POST
gives ``status_url``, ``response_url`` and ``cancel_url``, which are used as they are; ``status_url`` + ``/stream``
tells the changes as server-sent events, so that nothing waits for a next question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import GenerationError, InvalidOutputError, ValidationError
from vid_diffusion_bench.models.base import GenerationRequest
from vid_diffusion_bench.models.catalogue import ModelInfo, QueueService
from vid_diffusion_bench.models.endpoint import polling
from vid_diffusion_bench.models.endpoint.content import decode, require_video
from vid_diffusion_bench.models.endpoint.keys import check_key, read_key
from vid_diffusion_bench.models.endpoint.transport import MAX_VIDEO_BYTES, Reply, Transport, open_client
from vid_diffusion_bench.models.served import Answer, Connection, Progress, ServedModel
from vid_diffusion_bench.video import Video

_CANCEL_SECONDS = 2.0
_BROKEN_STREAM = (httpx2.HTTPError, httpx2.SSEError, httpx2.StreamError, ValueError)


class QueueModel(ServedModel):
    """A catalogue entry whose clips a service makes."""

    hosted = True

    def __init__(self, info: ModelInfo) -> None:
        assert info.service is not None, "a hosted entry has a service"
        self.name = info.name
        self._service = info.service
        self._licence = info.licence

    def provenance(self) -> dict[str, Any]:
        return {
            "class": "QueueModel",
            "url": self._service.url,
            "model": self._service.model,
            "documentation": self._service.documentation,
            "licence": self._licence,
            "pixels": "decoded from the file the service sent; what it runs is not known to this program",
        }

    def identity(self) -> dict[str, Any]:
        return {"class": "QueueModel", "url": self._service.url, "model": self._service.model}

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        super().check(parameters, batch_size)
        service = self._service
        asked = parameters.model_dump(exclude_none=True, exclude={"extra"})
        if unknown := [name for name in asked if name not in service.fields]:
            known = ", ".join([*service.fields, *(f"extra.{name}" for name in service.options)])
            raise ValidationError(f"{self.name} takes no {', '.join(unknown)}", remedy=f"it takes {known}")
        for name, value in parameters.extra.items():
            if name not in service.options:
                raise ValidationError(f"{self.name} has no option {name}", remedy=f"options: {_spelled(service)}")
            if value not in service.options[name]:
                raise ValidationError(f"{self.name}: {name} is not {value!r}", remedy=f"options: {_spelled(service)}")

    def probe(self) -> None:
        """That there is a key. A service has no question that costs nothing; a wrong key shows in the first clip."""
        check_key(self.name, self._service)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        service = self._service
        async with open_client() as client:
            yield QueueConnection(
                service, Transport(client, service.url, read_key(service.key_variable, service.key_scheme))
            )

    def decode(self, answer: Answer, request: GenerationRequest) -> Video:
        length = request.parameters.extra.get(self._service.seconds_option or "")
        return decode(answer, request.parameters, float(length) if length is not None else None)


class QueueConnection:
    """Asks one service."""

    def __init__(self, service: QueueService, transport: Transport) -> None:
        self._service = service
        self._transport = transport

    async def ask(self, request: GenerationRequest, progress: Progress) -> Answer:
        sent = asyncio.get_running_loop().time()
        progress.form = "queue"
        ticket = await self._call("POST", f"{self._service.url}/{self._service.model}", progress, self._body(request))
        status_url, response_url = (self._address(ticket, name) for name in ("status_url", "response_url"))
        try:
            await self._wait(status_url, progress, sent)
        except asyncio.CancelledError:
            await self._take_back(ticket)
            raise
        result = await self._call("GET", response_url, progress)
        return await self._download(self._clip_url(result), progress)

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        asked = request.parameters.model_dump(exclude_none=True, exclude={"extra"})
        asked |= {"prompt": request.prompt, "seed": request.seed}
        own = {spelled: asked[name] for name, spelled in self._service.fields.items() if name in asked}
        return own | request.parameters.extra

    async def _wait(self, url: str, progress: Progress, sent: float) -> None:
        """Follow the events; where there are none, ask again and again."""
        with suppress(*_BROKEN_STREAM):
            async with self._transport.events(f"{url}/stream") as events:
                async for status in events:
                    if self._note(status, progress, asyncio.get_running_loop().time()):
                        return
        await self._poll(url, progress, sent)

    async def _poll(self, url: str, progress: Progress, sent: float) -> None:
        clock = asyncio.get_running_loop().time
        before = asked = clock()
        while True:
            status = await self._call("GET", url, progress)
            found = clock()
            if self._note(status, progress, (before + found) / 2):
                polling.note_completion(progress, {}, (sent, sent), (before, found))
                return
            await asyncio.sleep(polling.interval(found - sent))
            before, asked = asked, clock()

    def _note(self, status: Any, progress: Progress, now: float) -> bool:
        """Take in one status; whether it is the last."""
        said = str(status.get("status", "")).lower() if isinstance(status, dict) else ""
        if said in polling.RUNNING and progress.started is None:
            progress.started = now
        if said in polling.DONE:
            if status.get("error"):
                raise GenerationError(f"the service failed: {self._transport.redact(str(status['error']))[:300]}")
            progress.stated |= {"metrics": status["metrics"]} if status.get("metrics") else {}
            return True
        if said and said not in polling.WAITING | polling.RUNNING:
            raise GenerationError(f"the service ended the job as {said}")
        return False

    async def _call(self, method: str, url: str, progress: Progress, body: Any = None) -> dict[str, Any]:
        reply = await self._transport.send(method, url, progress, json=body)
        if not reply.ok:
            raise GenerationError(self._transport.explain(url, reply), remedy=self._remedy(reply))
        data = reply.json() if reply.is_json else None
        if not isinstance(data, dict):
            raise InvalidOutputError(f"{url.partition('?')[0]} sent {reply.media_type or 'nothing'} instead of JSON")
        return data

    def _remedy(self, reply: Reply) -> str | None:
        refused = reply.status in (401, 403)
        return f"check the key in {self._service.key_variable}" if refused else f"see {self._service.documentation}"

    def _address(self, ticket: dict[str, Any], name: str) -> str:
        url = ticket.get(name)
        if not isinstance(url, str) or not self._transport.is_home(url):
            raise InvalidOutputError(f"the service gave no {name} of its own: the key is sent nowhere else")
        return url

    def _clip_url(self, result: Any) -> str:
        for name in self._service.output.split("."):
            result = result.get(name) if isinstance(result, dict) else None
        if not isinstance(result, str):
            raise InvalidOutputError(f"the service's answer has no {self._service.output}")
        return result

    async def _download(self, url: str, progress: Progress) -> Answer:
        reply = await self._transport.send("GET", url, progress, limit=MAX_VIDEO_BYTES)
        if not reply.ok:
            raise GenerationError(self._transport.explain(url, reply))
        return require_video(reply.media_type, reply.content, url)

    async def _take_back(self, ticket: dict[str, Any]) -> None:
        with suppress(GenerationError, TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._transport.send("PUT", self._address(ticket, "cancel_url"), Progress())


def _spelled(service: QueueService) -> str:
    return "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in service.options.items())
