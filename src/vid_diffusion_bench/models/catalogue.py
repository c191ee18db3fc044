"""The models known by name, as data (``catalogue.toml``), readable without torch."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.results import Value

ModelStatus = Literal["available", "not_downloaded", "missing_dependency", "unconfigured"]


class Requirements(Value):
    """What a model needs; ``None`` where it is not known. ``vram_gb`` is measured, never guessed."""

    vram_gb: float | None = None
    precision: str | None = None
    cuda_capability: str | None = None
    dependencies: list[str] = Field(default_factory=list)


class QueueService(Value):
    """A hosted service behind an asynchronous queue, as its public documentation states it.

    ``url`` is the queue's, ``model`` the path of the model in it. The key is in the environment variable
    ``key_variable`` and is sent as ``Authorization: key_scheme KEY``. ``fields`` maps our parameters to the service's,
    ``options`` are its own with their values, ``seconds_option`` the one that is the length of the clip. ``output`` is
    where in the answer the clip's address is.
    """

    url: str
    model: str
    key_variable: str
    key_scheme: str
    documentation: str
    fields: dict[str, str]
    options: dict[str, list[str | int]] = Field(default_factory=dict)
    seconds_option: str | None = None
    output: str


class ModelInfo(Value):
    """What is known of a model before it is loaded.

    ``parameters`` counts the denoiser's weights; ``resolutions`` are ``WIDTHxHEIGHT``. ``status`` is what would
    happen now: ``available`` only when every part is on this machine, and otherwise ``status_reason`` says why not.
    """

    name: str
    display_name: str
    version: str | None = None
    description: str = ""
    type: str = "diffusion"
    architecture: str | None = None
    parameters: int | None = None
    requirements: Requirements = Requirements()
    licence: str | None = None
    paper_url: str | None = None
    capabilities: list[str] = Field(default_factory=list)
    resolutions: list[str] = Field(default_factory=list)
    max_frames: int | None = None
    aliases: list[str] = Field(default_factory=list)
    defaults: GenerationParameters = GenerationParameters()
    hub: str | None = None
    gated: bool = False
    assembly: str | None = None
    hosted: bool = False
    service: QueueService | None = None
    builtin: bool = False
    entry: str | None = None
    status: ModelStatus = "available"
    status_reason: str | None = None

    @property
    def huggingface_url(self) -> str | None:
        return f"https://huggingface.co/{self.hub}" if self.hub else None

    @property
    def max_resolution(self) -> str | None:
        """The resolution of most pixels among those listed."""
        return max(self.resolutions, key=_pixels) if self.resolutions else None


def _pixels(resolution: str) -> int:
    width, height = resolution.split("x")
    return int(width) * int(height)


@cache
def catalogue() -> tuple[ModelInfo, ...]:
    """Every entry, in the order written, with ``status`` not looked up yet."""
    text = files("vid_diffusion_bench.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_entry(name, fields) for name, fields in tomllib.loads(text).items())


def _entry(name: str, fields: dict[str, Any]) -> ModelInfo:
    kinds = {"hosted": "hosted", "entry": "procedural"}
    kind = next((kind for field, kind in kinds.items() if fields.get(field)), "diffusion")
    return ModelInfo(name=name, **{"type": kind, **fields})
