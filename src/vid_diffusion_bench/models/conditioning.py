"""The pictures and clips a pipeline starts from, read from the user's files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.models.snapshot import file_sha256

if TYPE_CHECKING:
    from vid_diffusion_bench.video import Video

CONDITIONS = ("image", "video")
"""The generation parameters that are files."""


def file_hash(path: str) -> str:
    """SHA-256 of the file's content.

    Raises:
        ValidationError: It cannot be read.
    """
    try:
        return file_sha256(Path(path).expanduser())
    except OSError as error:
        raise ValidationError(f"{path} cannot be read: {error.strerror or error}", remedy="give a file") from error


def open_image(path: Any) -> Any:
    """The RGB picture in a file.

    Raises:
        ValidationError: It is not there or not a picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(Path(path).expanduser()) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, TypeError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValidationError(f"{path} is not an image: {error}", remedy="give a png, jpg or webp file") from error


def open_video(path: str, num_frames: int | None = None) -> Video:
    """The clip in a file, or its first ``num_frames`` frames.

    Raises:
        ValidationError: It is not there, not a video, or shorter than that.
    """
    from vid_diffusion_bench.video import Video

    video = _read(str(Path(path).expanduser()), _state(path))
    if num_frames is None:
        return video
    if video.num_frames < num_frames:
        raise ValidationError(
            f"{path} has {video.num_frames} frames, not {num_frames}", remedy=f"use num_frames={video.num_frames}"
        )
    return Video(video.frames[:num_frames], video.fps)


def _state(path: str) -> tuple[int, int]:
    try:
        stat = Path(path).expanduser().stat()
    except OSError as error:
        raise ValidationError(
            f"{path} cannot be read: {error.strerror or error}", remedy="give a video file"
        ) from error
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=1)
def _read(path: str, _state: tuple[int, int]) -> Video:
    """Decoded once for all clips of a run, so that reading it is not part of what making them takes."""
    from vid_diffusion_bench.video import read_video

    try:
        return read_video(path)
    except InvalidVideoError as error:
        raise ValidationError(
            f"{path} is not a video: {error.message}", remedy="give an mp4, webm or gif file"
        ) from error


def pictures(video: Video) -> list[Any]:
    """The frames of a clip as Pillow images, as video pipelines take them."""
    from PIL import Image

    return [Image.fromarray(frame) for frame in video.frames]
