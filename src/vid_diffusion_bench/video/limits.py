"""What is refused before it is allocated. Sizes of files are not to be believed: a few bytes can claim any of them."""

from __future__ import annotations

from pathlib import Path

from vid_diffusion_bench.exceptions import InvalidVideoError

MAX_PIXELS_PER_FRAME = 8192 * 8192
"""8K (7680x4320) and the largest sizes of H.264 and HEVC levels fit; a frame of them is 192 MiB."""
MAX_CLIP_BYTES = 8 << 30
"""Decoded frames of one clip: 43,690 of 256x256, 3,106 of 720p, 1,380 of 1080p, 86 of 8K."""
MAX_FRAMES = 1_000_000
"""However small they are: 11 hours at 24 frames a second."""


def shown(path: Path) -> str:
    """The name for messages: one printable line, whatever bytes it holds."""
    return path.name if path.name.isprintable() else ascii(path.name)[1:-1]


def refused(path: Path, reason: str) -> InvalidVideoError:
    """The error that names the file and why."""
    return InvalidVideoError(f"{shown(path)} {reason}", details={"path": str(path)})


def reason(error: BaseException) -> str:
    """What an exception says, without the path that it repeats."""
    text = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_frame_size(path: Path, height: int, width: int) -> None:
    """Raises InvalidVideoError: No pixels, or more than ``MAX_PIXELS_PER_FRAME``."""
    if height < 1 or width < 1:
        raise refused(path, f"has frames of {width}x{height} pixels")
    if height * width > MAX_PIXELS_PER_FRAME:
        raise refused(path, f"is too large to decode: {width}x{height} is more than {MAX_PIXELS_PER_FRAME:,} pixels")


def max_frames(height: int, width: int) -> int:
    """The most frames of this size that a clip may have."""
    return min(MAX_FRAMES, MAX_CLIP_BYTES // (height * width * 3))


def check_clip_size(path: Path, frames: int, height: int, width: int) -> None:
    """Raises InvalidVideoError: A frame or the clip is too large."""
    check_frame_size(path, height, width)
    if frames > max_frames(height, width):
        raise refused(
            path,
            f"is too large to decode: {frames:,} frames of {width}x{height}, and {max_frames(height, width):,} may be "
            f"({MAX_CLIP_BYTES >> 30} GiB a clip and {MAX_FRAMES:,} frames)",
        )
