"""The zip itself: written so that equal members give equal bytes, and unpacked without believing what it claims."""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from vid_diffusion_bench.disclosure.contents import ALLOWED, CLIPS, MANIFEST, Member
from vid_diffusion_bench.exceptions import InvalidBundleError, StorageError, ValidationError
from vid_diffusion_bench.storage.clips import storage_errors

Source = bytes | Path
"""What a member is made of: its bytes, or the file that holds them."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = (stat.S_IFREG | 0o644) << 16
_UNIX: Final = 3
_CHUNK: Final = 1 << 20
MAX_MEMBERS: Final = 1_000_000
MAX_TEXT_BYTES: Final = 1 << 30
"""Of one member that is not a clip: these are read into memory."""
_ASK_AGAIN: Final = "ask for the bundle again, or make it again with `vid-bench bundle`"
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What :mod:`zipfile` raises on an archive that is cut, changed or none."""


def describe(source: Source) -> Member:
    """Size and SHA-256 of a member to be."""
    if isinstance(source, bytes):
        return Member(sha256=hashlib.sha256(source).hexdigest(), size=len(source))
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Member(sha256=digest, size=file.tell())


def write_archive(path: Path, members: Mapping[str, Source], described: Mapping[str, Member]) -> None:
    """Write a zip whole or not at all: the manifest first, the others by name, stored, without times.

    Raises:
        StorageError: The disk is full or read-only, or a file changed while it was packed.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.unfinished")
    with storage_errors(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(unfinished, "x", zipfile.ZIP_STORED) as archive:
                for name in sorted(members, key=lambda name: (name != MANIFEST, name)):
                    _add(archive, name, members[name], described.get(name))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, source: Source, expected: Member | None) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = _UNIX, _MODE
    if isinstance(source, bytes):
        archive.writestr(info, source)
        return
    info.file_size = source.stat().st_size
    with source.open("rb") as file, archive.open(info, "w") as target:
        digest = _copy(file, target)
    if expected is not None and digest != expected.sha256:
        raise StorageError(f"{source} changed while it was packed", remedy="wait until nothing writes to the run")


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


class Archive:
    """An open bundle whose table of contents was found safe: known names, no links, nothing compressed."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file, self.path = file, path
        self.names = _safe_names(file, path)

    def read(self, name: str) -> bytes | None:
        """The bytes of a text member; ``None`` where it is damaged.

        Raises:
            InvalidBundleError: It is not there, or too large to be read.
        """
        if name not in self.names:
            raise InvalidBundleError(f"{self.path} holds no {name}", remedy=_ASK_AGAIN)
        if self._file.getinfo(name).file_size > MAX_TEXT_BYTES:
            raise InvalidBundleError(f"{name} in {self.path} is larger than {MAX_TEXT_BYTES >> 30} GiB")
        try:
            return self._file.read(name)
        except (*_UNREADABLE, OSError):
            return None

    def unpack(self, name: str, target: Path) -> Member | None:
        """Write a member to ``target`` and give its hash and size; ``None`` where it is damaged.

        Raises:
            StorageError: The disk is full.
        """
        with storage_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._file.open(name) as source, target.open("wb") as file:
                    return Member(sha256=_copy(source, file), size=file.tell())
            except _UNREADABLE:
                target.unlink(missing_ok=True)
                return None


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a bundle.

    Raises:
        ValidationError: There is no such file.
        InvalidBundleError: It is no zip, is cut off, or holds what no bundle holds.
    """
    if not path.is_file():
        raise ValidationError(f"there is no file {path}", remedy="give the bundle that `vid-bench bundle` wrote")
    try:
        file = zipfile.ZipFile(path)
    except (*_UNREADABLE, OSError) as error:
        raise InvalidBundleError(f"{path} is no zip archive, or is cut off: {error}", remedy=_ASK_AGAIN) from error
    with file:
        yield Archive(file, path)


def _safe_names(file: zipfile.ZipFile, path: Path) -> list[str]:
    entries = file.infolist()
    names = [entry.filename for entry in entries]
    if problem := _problem(entries, names, path.stat().st_size):
        raise InvalidBundleError(f"{path} is not unpacked: {problem}", remedy="do not trust where it came from")
    return names


def _problem(entries: list[zipfile.ZipInfo], names: list[str], size: int) -> str | None:
    """Why an archive must not be unpacked. Stored members cannot be larger than the file they lie in."""
    if len(entries) > MAX_MEMBERS:
        return f"it claims {len(entries):,} members"
    if len(set(names)) < len(names):
        return f"two members are called {Counter(names).most_common(1)[0][0][:200]!a}"
    for entry in entries:
        if not ALLOWED.fullmatch(entry.filename):
            return f"no bundle has a member called {entry.filename[:200]!a}"
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            return f"{entry.filename} is no regular file but a link or a device"
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            return f"{entry.filename} is compressed or encrypted, and members of a bundle are stored as they are"
    if sum(entry.file_size for entry in entries) > size:
        return "its members claim to be larger than the file itself"
    return None


def is_clip(name: str) -> bool:
    """Whether a member is a clip."""
    return name.startswith(f"{CLIPS}/")
