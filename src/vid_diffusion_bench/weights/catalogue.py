"""The weights known by name, as data (``catalogue.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from vid_diffusion_bench.exceptions import ValidationError

Kind = Literal["file", "hub"]


@dataclass(frozen=True)
class WeightsEntry:
    """What is known of one published set of weights; a field that is not known is ``None`` or empty.

    Args:
        name: What metrics and commands ask for it by.
        kind: ``file``, or ``hub``: a folder as ``save_pretrained`` or a hub snapshot leaves it.
        description: Which network it is.
        needed_by: What computes with it, in a few words.
        file: The published file's name (``file`` only).
        hub: The repository on the Hugging Face hub (``hub`` only).
        revision: The commit of that repository that holds safetensors.
        urls: Where the file can be downloaded, best first.
        sha256: The published SHA-256: of the file, or of the repository's ``model.safetensors``.
        sha256_prefix: Its first hex digits, where only they are published (PyTorch writes them into file names).
        size: Bytes of the file, or of ``model.safetensors``.
        licence: As the publisher's page says it.
        source: Page or code that publishes or names it.
        hash_source: Where ``sha256`` was read, or how it was computed.
    """

    name: str
    kind: Kind
    description: str
    needed_by: str
    file: str | None = None
    hub: str | None = None
    revision: str | None = None
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    sha256_prefix: str | None = None
    size: int | None = None
    licence: str | None = None
    source: str | None = None
    hash_source: str | None = None

    @property
    def page(self) -> str | None:
        """Where a person can look it up or download it."""
        if self.hub:
            return f"https://huggingface.co/{self.hub}"
        return self.urls[0] if self.urls else self.source


@cache
def catalogue() -> tuple[WeightsEntry, ...]:
    """Every entry, in the order written."""
    text = files("vid_diffusion_bench.weights").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_entry(name, fields) for name, fields in tomllib.loads(text).items())


def get_entry(name: str) -> WeightsEntry:
    """The entry of that name, in any spelling that :func:`vid_diffusion_bench.registry.fold` makes one.

    Raises:
        ValidationError: There is none.
    """
    from vid_diffusion_bench.registry import Registry

    registry: Registry[WeightsEntry] = Registry("weights", error=_unknown)
    for entry in catalogue():
        registry.register(entry.name, entry)
    return registry.get(name)


def _entry(name: str, fields: dict[str, Any]) -> WeightsEntry:
    kind: Kind = "hub" if "hub" in fields else "file"
    return WeightsEntry(name=name, kind=kind, **{**fields, "urls": tuple(fields.get("urls", ()))})


def _unknown(name: str, known: list[str], nearest: list[str]) -> ValidationError:
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else "see `vid-bench weights list`"
    return ValidationError(f"no weights are known as {name!r}", remedy=hint, details={"known": known})
