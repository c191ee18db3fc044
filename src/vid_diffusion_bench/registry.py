"""Name to object, in one place for models, metrics and feature extractors.

An entry is an object, a lazy ``"module:attribute"`` string, or an entry point of an installed distribution; built-ins
use the same door as strangers.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from vid_diffusion_bench.exceptions import MissingDependencyError
from vid_diffusion_bench.foreign import foreign

T = TypeVar("T")


def fold(name: str, separator: str = "-") -> str:
    """Spell a name one way: lower case, with ``_``, ``.``, ``-`` and spaces folded to ``separator``.

    >>> fold("svd_xt_1.1")
    'svd-xt-1-1'
    """
    return re.sub(r"[\s_.\-]+", separator, name.strip().lower())


class Registry(Generic[T]):
    """A mapping of folded names and aliases to objects that are imported when first asked for.

    Args:
        kind: What the entries are, for messages ("metric").
        group: Entry-point group that third parties register under, read once on first look-up.
        error: Makes the exception for an unknown name from ``(name, known names, nearest names)``.
        separator: What ``_``, ``.`` and ``-`` fold to.
    """

    def __init__(
        self,
        kind: str,
        *,
        group: str | None = None,
        error: Callable[[str, list[str], list[str]], Exception],
        separator: str = "-",
    ) -> None:
        self.kind = kind
        self._group = group
        self._error = error
        self._separator = separator
        self._entries: dict[str, T | str] = {}
        self._aliases: dict[str, str] = {}
        self._entry_points_read = group is None

    def register(self, name: str, entry: T | str, *, aliases: Iterable[str] = ()) -> None:
        """Add or replace an entry; a string is imported as ``"module:attribute"`` on first use."""
        key = self.fold(name)
        self._entries[key] = entry
        self._aliases.pop(key, None)
        for alias in aliases:
            self._aliases[self.fold(alias)] = key

    def unregister(self, name: str) -> None:
        """Remove an entry and its aliases; unknown names are ignored."""
        key = self.fold(name)
        self._entries.pop(key, None)
        self._aliases = {alias: target for alias, target in self._aliases.items() if target != key}

    def fold(self, name: str) -> str:
        """The spelling this registry keeps ``name`` under."""
        return fold(name, self._separator)

    def resolve(self, name: str) -> str:
        """The canonical name behind a spelling or alias.

        Raises:
            Exception: What ``error`` makes, when nothing is registered so.
        """
        self._read_entry_points()
        key = self.fold(name)
        key = self._aliases.get(key, key)
        if key not in self._entries:
            raise self._error(name, self.names(), self.nearest(name))
        return key

    def get(self, name: str) -> T:
        """The object registered as ``name``.

        Raises:
            Exception: What ``error`` makes, when nothing is registered so.
            MissingDependencyError: What is registered cannot be imported.
        """
        key = self.resolve(name)
        entry = self._entries[key]
        if isinstance(entry, str):
            entry = cast("T", self._imported(key, entry))
            self._entries[key] = entry
        return entry

    def _imported(self, key: str, place: str) -> Any:
        module, _, attribute = place.partition(":")
        error = partial(
            MissingDependencyError,
            remedy="update or uninstall the package that registers it",
            details={"dependency": place},
        )
        with foreign(f"the {self.kind} {key} is registered as {place}, which cannot be imported:", error):
            return getattr(import_module(module), attribute)

    def names(self) -> list[str]:
        """Canonical names in the order of registration."""
        self._read_entry_points()
        return list(self._entries)

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Known names that hold ``name`` as a part, then those that look like it, nearest first."""
        spellings, key = [*self._entries, *self._aliases], self.fold(name)
        parts = [known for known in spellings if key in known] if len(key) > 2 else []
        close = difflib.get_close_matches(key, spellings, n=count)
        found = dict.fromkeys(self._aliases.get(spelling, spelling) for spelling in [*parts, *close])
        return list(found)[:count]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        self._read_entry_points()
        key = self.fold(name)
        return self._aliases.get(key, key) in self._entries

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        for point in entry_points(group=self._group or ""):
            self._add_entry_point(point)

    def _add_entry_point(self, point: EntryPoint) -> None:
        """What is there already stays, and a warning names both."""
        key = self.fold(point.name)
        known = self._entries.setdefault(key, point.value)
        if known != point.value:
            stays = known if isinstance(known, str) else f"{type(known).__module__}.{type(known).__qualname__}"
            source = f" of {point.dist.name}" if point.dist else ""
            warnings.warn(
                f"the {self.kind} {point.name}{source} ({point.value}) is not used: {stays} has that name",
                UserWarning,
                stacklevel=2,
            )
