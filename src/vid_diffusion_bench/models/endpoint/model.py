"""A model behind an OpenAI-compatible ``/v1/videos`` server, as a :class:`ServedModel`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import GenerationError, ModelLoadingError
from vid_diffusion_bench.models.base import GenerationRequest
from vid_diffusion_bench.models.endpoint.connection import SYNC, EndpointConnection
from vid_diffusion_bench.models.endpoint.content import decode
from vid_diffusion_bench.models.endpoint.dialects import check_dialect
from vid_diffusion_bench.models.endpoint.keys import read_key, variable_of
from vid_diffusion_bench.models.endpoint.reference import EndpointReference
from vid_diffusion_bench.models.endpoint.transport import Reply, Transport, open_client
from vid_diffusion_bench.models.served import Answer, Connection, Progress, ServedModel
from vid_diffusion_bench.video import Video

PROBE_SECONDS = 10.0
_NOT_ALLOWED = frozenset({401, 403})
PIXELS = "decoded from the file the server sent; what runs behind the address is not known to this program"


class EndpointModel(ServedModel):
    """Clips from one server. What it is asked goes as it is; what it chooses itself is not known here."""

    def __init__(self, name: str, reference: EndpointReference) -> None:
        self.name = name
        self._reference = reference
        self._served_name = reference.model
        self._sync = reference.form == "sync"

    def provenance(self) -> dict[str, Any]:
        reference = self._reference
        return {
            "class": "EndpointModel",
            "url": reference.url,
            "model": reference.model or "the server's own",
            "dialect": reference.dialect,
            "pixels": PIXELS,
        }

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        super().check(parameters, batch_size)
        check_dialect(self._reference.dialect, parameters)

    def probe(self) -> None:
        """Ask what the server serves, and whether it answers at once; make no clip."""
        try:
            models, paths = asyncio.run(self._look())
        except (GenerationError, TimeoutError) as error:
            message = getattr(error, "message", f"no answer within {PROBE_SECONDS:g} s")
            raise ModelLoadingError(
                f"{self._reference.url} cannot be used: {message}", remedy="check that the server is running there"
            ) from error
        self._served_name = self._choose(models)
        if self._reference.form == "auto":
            self._sync = any(path.endswith(SYNC) for path in paths)

    async def _look(self) -> tuple[list[str], list[str]]:
        base = self._reference.url
        async with open_client() as client, asyncio.timeout(PROBE_SECONDS):
            transport = self._transport(client)
            models = await transport.send("GET", f"{base}/models", Progress())
            self._check_models(transport, f"{base}/models", models)
            about = await transport.send("GET", f"{base.removesuffix('/v1')}/openapi.json", Progress())
        paths = (about.json() or {}) if about.ok and about.is_json else {}
        return _names(models), list(paths.get("paths", {})) if isinstance(paths, dict) else []

    def _check_models(self, transport: Transport, url: str, reply: Reply) -> None:
        """That the address is an interface and lets us in; a server need not list its models."""
        if reply.status in _NOT_ALLOWED:
            variable = variable_of(self._reference.key_variable)
            raise ModelLoadingError(transport.explain(url, reply), remedy=f"put the server's key into {variable}")
        if reply.ok and not reply.is_json:
            kind = "a web page" if "html" in reply.media_type else reply.media_type or "nothing that is named"
            raise ModelLoadingError(
                f"{url} answered with {kind}: no video server is there", remedy="give the base of the API, as …/v1"
            )

    def _choose(self, models: list[str]) -> str:
        """The model to name in a request: the one asked for, else the server's only one."""
        wanted = self._reference.model
        if wanted and models and wanted not in models:
            raise ModelLoadingError(
                f"{self._reference.url} serves no {wanted}", remedy=f"it serves {', '.join(models[:20])}"
            )
        if not wanted and len(models) > 1:
            raise ModelLoadingError(
                f"{self._reference.url} serves several models", remedy=f"add #MODEL, one of {', '.join(models[:20])}"
            )
        return wanted or "".join(models)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        async with open_client() as client:
            yield EndpointConnection(self._reference, self._served_name, self._transport(client), sync=self._sync)

    def _transport(self, client: Any) -> Transport:
        return Transport(client, self._reference.url, read_key(variable_of(self._reference.key_variable)))

    def decode(self, answer: Answer, request: GenerationRequest) -> Video:
        asked = request.parameters
        seconds = asked.extra.get("seconds") if asked.num_frames is None else None
        return decode(answer, asked, _number(seconds))


def _names(reply: Reply) -> list[str]:
    data = reply.json() if reply.ok else None
    entries = data.get("data") if isinstance(data, dict) else None
    known = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [name for name in known if isinstance(name, str)]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
