"""Writing clips: lossless to score, small to look at."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vid_diffusion_bench.video.clip import Video


def write_lossless(path: Path | str, video: Video) -> None:
    """Write FFV1 in Matroska; :func:`read_video` gives the same pixels back, bit for bit."""
    _encode(Path(path), video, codec="ffv1", pixel_format="bgr0", container_format="matroska", options={"level": "3"})


def write_preview(path: Path | str, video: Video, *, min_side: int = 128) -> None:
    """Write an H.264 MP4 for people to look at (lossy; never scored). Small clips are enlarged by whole numbers."""
    scale = max(1, min_side // min(video.height, video.width))
    frames = np.repeat(np.repeat(video.frames, scale, axis=1), scale, axis=2)
    # H.264 wants even sides.
    even = np.pad(frames, ((0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)), mode="edge")
    options = {"crf": "18", "preset": "veryfast", "movflags": "+faststart"}
    _encode(Path(path), Video(even, video.fps), "h264", "yuv420p", "mp4", options)


def _encode(
    path: Path, video: Video, codec: str, pixel_format: str, container_format: str, options: dict[str, str]
) -> None:
    import av

    # bitexact: no random ids or dates in the container, so the same pixels always give the same file.
    with av.open(str(path), "w", format=container_format, container_options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(codec, rate=Fraction(video.fps).limit_denominator(1001), options=options)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, pixel_format
        stream.codec_context.thread_count = 1
        for packet in _packets(stream, video):
            container.mux(packet)


def _packets(stream: Any, video: Video) -> Iterator[Any]:
    import av

    for frame in video.frames:
        yield from stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"))
    yield from stream.encode(None)
