"""Still frames: a folder of them is a clip, and so is a single one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vid_diffusion_bench.video.clip import Frames, Video
from vid_diffusion_bench.video.limits import check_clip_size, reason, refused, shown

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
STILLS_FPS = 8.0
_EXIF_ORIENTATION = 0x0112
_DEEP_MODES = ("I", "F")
"""Pillow's modes of more than 8 bits; it would clip them to 255 instead of scaling."""


def read_frame_folder(folder: Path) -> Video:
    """Read equally sized stills in name order, as 8 frames a second.

    Raises:
        InvalidVideoError: There are none, one cannot be read, sizes differ, or together they are too large.
    """
    try:
        stills = sorted(
            p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")
        )
    except OSError as error:
        raise refused(folder, f"cannot be read: {reason(error)}") from error
    if not stills:
        raise refused(folder, "holds no still frames")
    return _clip(folder, stills)


def read_still(path: Path) -> Video:
    """Read one picture as a clip of one frame.

    Raises:
        InvalidVideoError: It cannot be read or is too large.
    """
    return _clip(path, [path])


def is_animated(path: Path) -> bool:
    """Whether a picture file holds several frames.

    Raises:
        InvalidVideoError: It cannot be read.
    """
    with _opened(path, path) as image:
        return bool(getattr(image, "is_animated", False))


def _clip(source: Path, stills: list[Path]) -> Video:
    notes: set[str] = set()
    first = _still(source, stills[0], notes)
    height, width = first.shape[:2]
    check_clip_size(source, len(stills), height, width)
    frames = np.empty((len(stills), height, width, 3), np.uint8)
    for index, still in enumerate(stills):
        frame = first if index == 0 else _still(source, still, notes)
        if frame.shape != first.shape:
            raise refused(source, f"holds frames that differ in size: {shown(still)} is not {width}x{height}")
        frames[index] = frame
    return Video(frames, STILLS_FPS, tuple(sorted(notes)))


def _still(source: Path, still: Path, notes: set[str]) -> Frames:
    from PIL import ImageOps

    with _opened(source, still) as image:
        check_clip_size(source, 1, image.height, image.width)
        if image.mode.startswith(_DEEP_MODES):
            raise refused(source, f"holds a picture of more than 8 bits a pixel: {shown(still)} ({image.mode})")
        if image.has_transparency_data:
            notes.add("alpha: dropped, colours as stored")
        if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
            notes.add("rotation: applied as the file's orientation says")
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@contextmanager
def _opened(source: Path, still: Path) -> Iterator[Image]:
    """The picture with everything Pillow raises on a broken one turned into InvalidVideoError."""
    from PIL import Image, UnidentifiedImageError

    # SyntaxError is how Pillow's readers say "broken".
    broken = (OSError, ValueError, EOFError, SyntaxError, TypeError, LookupError, ArithmeticError, MemoryError)
    where = "" if still == source else f"{shown(still)}: "
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        if not still.is_file():
            raise refused(source, f"holds {shown(still)}, which is no regular file")
        with Image.open(still) as image:
            yield image
    except UnidentifiedImageError as error:
        raise refused(source, f"cannot be decoded: {where}no known picture format") from error
    except (*broken, *bombs, struct.error) as error:
        raise refused(source, f"cannot be decoded: {where}{reason(error)}") from error
