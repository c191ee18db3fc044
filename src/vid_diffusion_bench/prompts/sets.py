"""The prompt sets that come with the package, each a versioned data file."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, overload

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.registry import Registry

_FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class PromptSet(Sequence[str]):
    """A named, versioned list of prompts; indexes and slices like a list of ``str``.

    ``by_category`` maps a category to its prompts, and the set is their concatenation. A changed prompt means a new
    version under a new name, never the same name: :attr:`fingerprint` shows it.
    """

    name: str
    version: int
    description: str
    by_category: Mapping[str, tuple[str, ...]]

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        return tuple(prompt for group in self.by_category.values() for prompt in group)

    @property
    def categories(self) -> list[str]:
        return list(self.by_category)

    def category(self, name: str) -> list[str]:
        """The prompts of one category.

        Raises:
            ValidationError: The set has no such category.
        """
        if name not in self.by_category:
            raise ValidationError(
                f"prompt set {self.name} has no category {name!r}", remedy=f"it has {', '.join(self.by_category)}"
            )
        return list(self.by_category[name])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the prompts in order, as a JSON list in UTF-8."""
        return hashlib.sha256(json.dumps(self.prompts, ensure_ascii=False).encode()).hexdigest()

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return list(self.prompts[index]) if isinstance(index, slice) else self.prompts[index]

    def __len__(self) -> int:
        return len(self.prompts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.prompts)


def _unknown(name: str, known: list[str], nearest: list[str]) -> Exception:
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"sets are {', '.join(known)}"
    return ValidationError(f"no prompt set {name!r}", remedy=hint, details={"prompt_set": name, "available": known})


_files: Registry[Path] = Registry("prompt set", error=_unknown)
for _path in sorted(_FOLDER.glob("*.toml")):
    _files.register(_path.stem, _path)


def prompt_set(name: str) -> PromptSet:
    """The set called ``name`` (``shapes-v1``; ``SHAPES_V1`` is the same).

    Raises:
        ValidationError: No such set; the remedy names the nearest.
    """
    return _load(_files.get(name))


def prompt_set_for(models: Iterable[str]) -> PromptSet:
    """The set for ``models`` where none is named: the built-in ones know the built-in world only."""
    of_the_world = all(name.replace("_", "-").startswith("shapes-") for name in models)
    return prompt_set("shapes-v1" if of_the_world else "diverse-v2")


def list_prompt_sets() -> list[PromptSet]:
    """Every set, by name."""
    return [prompt_set(name) for name in _files.names()]


@cache
def _load(path: Path) -> PromptSet:
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = {group["name"]: tuple(group["prompts"]) for group in data["category"]}
    return PromptSet(path.stem, data["version"], data["description"], groups)


class _Standard:
    """Reads a set from its file when the attribute is first looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> PromptSet:
        return prompt_set(self.name)


class StandardPrompts:
    """The standard sets: ``StandardPrompts.DIVERSE_SET_V2[:5]`` is a list of five prompts."""

    SHAPES_V1: ClassVar = _Standard("shapes-v1")
    SHAPES_DEMO: ClassVar = _Standard("shapes-demo")
    DIVERSE_SET_V2: ClassVar = _Standard("diverse-v2")
    CINEMATIC_SET: ClassVar = _Standard("cinematic-v1")
    MOTION_SET: ClassVar = _Standard("motion-v1")
    COMPOSITION_SET: ClassVar = _Standard("composition-v1")
    MULTILINGUAL_SET: ClassVar = _Standard("multilingual-v1")
