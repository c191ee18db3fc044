"""Models behind a network: :class:`ServedModel`, asked through a :class:`Connection`, many requests at once."""

# ruff: noqa: ARG002 - what a server decides itself, it is not told

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback, VideoModel
from vid_diffusion_bench.models.conditioning import CONDITIONS
from vid_diffusion_bench.results import Attempt

if TYPE_CHECKING:
    from vid_diffusion_bench.video import Video

REMOTE = "remote"
"""Device and precision of what a server runs: they are the server's own."""

DEFAULT_TIMEOUT_SECONDS = 1800.0
"""How long one request may take when the user says nothing: a server that hangs must not hang a run."""


@dataclass
class Progress:
    """What is seen of one request while it runs, on the event loop's clock; kept when the request fails.

    ``started`` is when the server was first seen at work on it. A clip found by polling was ready ``discovery``
    seconds earlier, right within ``discovery_error``.
    """

    started: float | None = None
    discovery: float = 0.0
    discovery_error: float = 0.0
    form: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    stated: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The file that came back, as bytes, and what the server called it."""

    content: bytes
    media_type: str


class Connection(Protocol):
    """An open way to the server, inside one event loop."""

    async def ask(self, request: GenerationRequest, progress: Progress) -> Answer:
        """Have one clip made and fetch it. A cancelled call takes its job back as far as the server lets it.

        Raises:
            GenerationError: The server refused, failed, or sent something that is not a video.
        """
        ...


class ServedModel(VideoModel):
    """A model that answers over a network; the engine sends it requests by arrival, several at a time.

    ``hosted``: somebody else's, who may charge for every clip, and makes none in one step.
    """

    hosted = False

    @property
    def defaults(self) -> GenerationParameters:
        """Nothing: what is left open is the server's choice."""
        return GenerationParameters()

    @abstractmethod
    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open connections for the running event loop."""

    @abstractmethod
    def probe(self) -> None:
        """See whether the server can be asked now.

        Raises:
            ModelLoadingError: It cannot be; ``remedy`` says what to do.
        """

    @abstractmethod
    def decode(self, answer: Answer, request: GenerationRequest) -> Video:
        """The frames of what came back, checked against what was asked.

        Raises:
            InvalidOutputError: It is no video, or not the one that was asked for.
        """

    def default_precision(self, device: str) -> str:
        return REMOTE

    def check(self, parameters: GenerationParameters, batch_size: int) -> None:
        if batch_size > 1:
            raise ValidationError(
                f"{self.name} is asked for one clip at a time, not for {batch_size} together",
                remedy=f"leave the batch size at 1 and use --concurrency {batch_size}",
            )

        given = [name for name in CONDITIONS if getattr(parameters, name) is not None]
        if given:
            raise ValidationError(f"{self.name} is asked by text only", remedy=f"leave --{given[0]} out for this model")

    def load(self, device: str, precision: str) -> None:
        if precision != REMOTE:
            raise ModelLoadingError(
                f"the precision of {self.name} is its server's choice, not {precision}", remedy="leave it out"
            )
        self.probe()

    def generate(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> list[Video]:
        """One clip after the other. A run does not come this way: it asks through :meth:`connect`."""
        import asyncio

        async def ask_all() -> list[Answer]:
            async with self.connect() as connection:
                async with asyncio.timeout(DEFAULT_TIMEOUT_SECONDS):
                    return [await connection.ask(request, Progress()) for request in requests]

        answers = asyncio.run(ask_all())
        on_step(1, 1)
        return [self.decode(answer, request) for answer, request in zip(answers, requests, strict=True)]
