"""Features kept on disk by the hash of what they were computed from and of what computes them.

A file a clip and extractor, ``EXTRACTOR/IDENTITY/READ[:2]/READ.npz``, written whole or not at all. Any file may be
deleted at any time; a missing, damaged or foreign one is computed again.
"""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vid_diffusion_bench.results import fingerprint

logger = logging.getLogger(__name__)

Entry = tuple[str, str, str]
"""Name of the extractor, hash of its identity, hash of what it read."""
_ARRAY = "value"
_UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, RuntimeError)
"""What NumPy and zipfile raise on a file that is cut, changed or no ``.npz`` at all: a bare array is a TypeError, a
changed compression method or encryption flag a RuntimeError (NotImplementedError among them)."""


@dataclass(frozen=True)
class Kept:
    """A feature, in memory or as the file it can be read from again."""

    value: Any = None
    path: Path | None = None
    output: type | None = None

    def load(self) -> Any:
        """The feature.

        Raises:
            FileNotFoundError: Its file was deleted or damaged meanwhile.
        """
        if self.path is None or self.output is None:
            return self.value
        found = _read(self.path, self.output)
        if found is None:
            raise FileNotFoundError(f"the feature kept in {self.path} is gone; score again")
        return found

    def __eq__(self, other: object) -> bool:
        """Equal by place, or by content where there is none."""
        if not isinstance(other, Kept):
            return NotImplemented
        return self.path == other.path if self.path or other.path else _equal(self.value, other.value)

    __hash__ = None  # type: ignore[assignment]


class FeatureStore:
    """A folder of features. A disk that cannot be written ends the keeping, not the scoring."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._writable = True
        self._identities: dict[str, str] = {}

    def identity(self, name: str, identity: Callable[[], dict[str, Any]]) -> str:
        """Hash of the ``identity`` of extractor ``name``, which is asked once in the life of the store."""
        if name not in self._identities:
            self._identities[name] = fingerprint(identity())[:16]
        return self._identities[name]

    def get(self, entry: Entry, output: type) -> Any | None:
        """What was kept, or ``None``."""
        return _read(self._path(entry), output)

    def put(self, entry: Entry, value: Any) -> None:
        """Keep an array or a dataclass of arrays, numbers and booleans."""
        if not self._writable:
            return
        try:
            _write(self._path(entry), _plain(value))
        except OSError as error:
            self._writable = False
            logger.warning("features are not kept from here on: %s", error)

    def handle(self, entry: Entry, value: Any) -> Kept:
        """Where ``value`` is kept, or the value itself when it could not be written."""
        path = self._path(entry)
        return Kept(path=path, output=type(value)) if path.is_file() else Kept(value)

    def _path(self, entry: Entry) -> Path:
        name, identity, read = entry
        return self.folder / name / identity / read[:2] / f"{read}.npz"


def _plain(value: Any) -> Mapping[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: np.asarray(getattr(value, field.name)) for field in fields(value)}
    return {_ARRAY: np.asarray(value)}


def _equal(first: Any, second: Any) -> bool:
    one, other = _plain(first), _plain(second)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _read(path: Path, output: type) -> Any | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except _UNREADABLE:
        return None
    if not is_dataclass(output):
        return arrays.get(_ARRAY)
    if arrays.keys() != {field.name for field in fields(output)}:
        return None
    return output(**{name: array if array.ndim else array.item() for name, array in arrays.items()})
