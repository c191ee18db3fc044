"""What a server sent, turned into frames, or the reason why it cannot be."""

from __future__ import annotations

import tempfile
from pathlib import Path

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import InvalidOutputError, InvalidVideoError
from vid_diffusion_bench.models.served import Answer
from vid_diffusion_bench.video import Video, read_video

_SUFFIXES = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "image/gif": ".gif",
}
_UNNAMED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
FPS_TOLERANCE = 0.01
"""Share by which the frame rate of a file may differ: containers round it."""


def is_video_type(media_type: str) -> bool:
    """Whether a body of this type can be the clip: a video, a GIF, or bytes without a name."""
    return media_type.startswith("video/") or media_type in _SUFFIXES or media_type in _UNNAMED


def require_video(media_type: str, content: bytes, source: str) -> Answer:
    """The answer, if it may be a clip.

    Raises:
        InvalidOutputError: It is of another type, or empty.
    """
    if not is_video_type(media_type):
        kind = "a web page" if "html" in media_type else media_type
        raise InvalidOutputError(f"{source.partition('?')[0]} sent {kind} instead of a video")
    if not content:
        raise InvalidOutputError(f"{source.partition('?')[0]} sent a video of 0 bytes")
    return Answer(content, media_type)


def decode(answer: Answer, parameters: GenerationParameters, seconds: float | None = None) -> Video:
    """The frames of an answer, as long, as large and as fast as was asked.

    Args:
        answer: The file.
        parameters: What was asked; what is ``None`` is not looked at.
        seconds: The length asked for where frames cannot be; one frame less is no mistake.

    Raises:
        InvalidOutputError: It cannot be decoded, or is another clip.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{_SUFFIXES.get(answer.media_type, '.mp4')}"
        path.write_bytes(answer.content)
        try:
            video = read_video(path)
        except InvalidVideoError as error:
            raise InvalidOutputError(
                f"the server sent {len(answer.content)} bytes that are no whole video: {error.message}"
            ) from error
    if differences := _differences(video, parameters, seconds):
        raise InvalidOutputError(f"the server sent {', '.join(differences)}")
    return video


def _differences(video: Video, asked: GenerationParameters, seconds: float | None) -> list[str]:
    found = [
        f"{name} {getattr(video, name)} instead of {wanted}"
        for name in ("num_frames", "height", "width")
        if (wanted := getattr(asked, name)) is not None and wanted != getattr(video, name)
    ]
    if asked.fps is not None and abs(video.fps - asked.fps) > FPS_TOLERANCE * asked.fps:
        found.append(f"fps {video.fps:g} instead of {asked.fps:g}")
    if seconds is not None and video.duration < seconds - 1.5 / video.fps:
        found.append(f"{video.duration:.2f} s instead of {seconds:g} s")
    return found
