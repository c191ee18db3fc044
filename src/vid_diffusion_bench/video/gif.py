"""Whether a GIF is whole: FFmpeg draws a picture that breaks off as far as it goes and says nothing."""

from __future__ import annotations

from pathlib import Path

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def complete_images(path: Path) -> tuple[int, bool]:
    """How many images of a GIF are there to their end, and whether its end mark follows.

    Source of the layout: GIF89a specification, appendix A.
    """
    data = path.read_bytes()
    place, images = 13 + _palette(data, 10), 0
    while place < len(data):
        kind = data[place]
        if kind == _TRAILER:
            return images, True
        if kind == _EXTENSION:
            end = _blocks_end(data, place + 2)
        elif kind == _IMAGE:
            end = _blocks_end(data, place + 11 + _palette(data, place + 9))
        else:
            return images, False
        if end is None:
            return images, False
        images += kind == _IMAGE
        place = end
    return images, False


def _palette(data: bytes, flags_at: int) -> int:
    """Bytes of the colour table that the flags announce."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, place: int) -> int | None:
    """Where a chain of sub-blocks ends, or None when the data ends before it."""
    while place < len(data):
        if data[place] == 0:
            return place + 1
        place += data[place] + 1
    return None
