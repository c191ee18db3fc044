"""Clips on disk: lossless FFV1 named by the hash of the pixels, and an H.264 preview for people."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from vid_diffusion_bench.exceptions import InvalidVideoError, StorageError
from vid_diffusion_bench.results import ClipInfo
from vid_diffusion_bench.video import Video, content_hash, read_video, write_lossless, write_preview

CLIPS, PREVIEWS = "clips", "previews"
_UNFINISHED = ".unfinished-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True)
class StoredClip:
    """A clip as it lies in the folder: what the record says of it, and the hash of its file's bytes."""

    info: ClipInfo
    file_sha256: str


class ClipStore:
    """The clips of one run folder. Every file is written under another name, flushed to the disk and then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folders, and clear away what a killed process had not finished."""
        with storage_errors(self._folder):
            for name in (CLIPS, PREVIEWS):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
                for leftover in (self._folder / name).glob(f"{_UNFINISHED}*"):
                    leftover.unlink()

    def write(self, key: str, video: Video, *, preview: bool) -> StoredClip:
        """Store a clip and, if asked, the preview of sample ``key``.

        Raises:
            StorageError: The disk is full, read-only or broken.
        """
        sha256 = video.sha256()
        path, preview_path = f"{CLIPS}/{sha256}.mkv", f"{PREVIEWS}/{key}.mp4"
        file_sha256 = self._replace(path, lambda target: write_lossless(target, video))
        if preview:
            self._replace(preview_path, lambda target: write_preview(target, video))
        info = ClipInfo(
            sha256=sha256,
            path=path,
            preview=preview_path if preview else None,
            num_frames=video.num_frames,
            height=video.height,
            width=video.width,
            fps=video.fps,
        )
        return StoredClip(info, file_sha256)

    def _replace(self, relative: str, write: Callable[[Path], None]) -> str:
        """Write a whole file or none; returns the SHA-256 of its bytes."""
        target = self._folder / relative
        unfinished = target.parent / f"{_UNFINISHED}{uuid4().hex}{target.suffix}"
        with storage_errors(self._folder):
            try:
                write(unfinished)
                digest = _flushed_sha256(unfinished)
                unfinished.replace(target)
                _flush_folder(target.parent)
            finally:
                unfinished.unlink(missing_ok=True)
        return digest

    def is_intact(self, clip: ClipInfo, file_sha256: str | None) -> bool:
        """Whether the clip's file is there, byte for byte as it was written."""
        if clip.path is None or file_sha256 is None:
            return False
        try:
            with (self._folder / clip.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == file_sha256
        except OSError:
            return False

    def content(self, clip: ClipInfo) -> str | None:
        """What the clip's file is known by, as any file's :func:`content_hash`; ``None`` when it cannot be read."""
        return content_hash(self._folder / clip.path) if clip.path else None

    def read(self, clip: ClipInfo) -> Video:
        """The clip's pixels, checked against their hash.

        Raises:
            InvalidVideoError: The file is missing or damaged, or holds other pixels.
        """
        if clip.path is None:
            raise InvalidVideoError("the clip was not kept", remedy="run again with --save-videos")
        video = read_video(self._folder / clip.path)
        if video.sha256() != clip.sha256:
            raise InvalidVideoError(f"{clip.path} is damaged: its pixels are not those that were stored")
        return video

    def discard(self, clip: ClipInfo) -> None:
        """Delete a clip's lossless file."""
        if clip.path is not None:
            with storage_errors(self._folder):
                (self._folder / clip.path).unlink(missing_ok=True)


def _flushed_sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a :class:`StorageError` that names the folder and what to do."""
    import av.error

    try:
        yield
    except (OSError, av.error.FFmpegError) as error:
        raise disk_error(folder, error) from error


def disk_error(folder: Path, error: BaseException) -> StorageError:
    """The error a user reads when ``folder`` cannot be written."""
    number, name = getattr(error, "errno", None), getattr(error, "sqlite_errorname", "")
    if number in _FULL or name == "SQLITE_FULL":
        remedy = "free some space and run the same command again: what is measured is kept"
    elif number in _FORBIDDEN or name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        remedy = "choose an --output that can be written"
    else:
        remedy = "check the disk, then run the same command again: what is measured is kept"
    return StorageError(f"{folder} cannot be written: {error}", remedy=remedy, details={"path": str(folder)})
