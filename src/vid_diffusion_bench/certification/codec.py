"""H.264 there and back in memory: what a file would have done to the frames."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np

from vid_diffusion_bench.exceptions import MissingDependencyError
from vid_diffusion_bench.video import Frames, Video


def h264_round_trip(video: Video, crf: float) -> Frames:
    """The frames (T, H, W, 3) after H.264 at constant rate factor ``crf`` (0 to 51, larger is worse), 4:2:0.

    Odd sides are padded for the encoder and cut again. The ``medium`` preset on one thread, without x264's macroblock
    tree: with it, one and the same clip gives other bits from run to run on some processors.

    Raises:
        MissingDependencyError: This FFmpeg has no H.264 encoder.
    """
    height, width = video.height, video.width
    padded = np.pad(video.frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    decoded = _decode(_encode(padded, video.fps, crf))
    if len(decoded) != video.num_frames:
        raise AssertionError(f"{video.num_frames} frames went into H.264 and {len(decoded)} came out")
    return np.ascontiguousarray(decoded[:, :height, :width])


def _encode(frames: Frames, fps: float, crf: float) -> bytes:
    import av
    import av.error

    file = io.BytesIO()
    options = {"crf": f"{crf:g}", "preset": "medium", "x264-params": "no-mbtree=1"}
    try:
        with av.open(file, "w", format="matroska") as container:
            stream: Any = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=options)
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
            stream.codec_context.thread_count = 1
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
            container.mux(stream.encode(None))
    except (av.error.EncoderNotFoundError, av.codec.codec.UnknownCodecError) as error:
        raise MissingDependencyError(
            "this build of PyAV has no H.264 encoder", remedy="pip install av: its wheels bring libx264"
        ) from error
    return file.getvalue()


def _decode(data: bytes) -> Frames:
    import av

    with av.open(io.BytesIO(data), "r") as container:
        frames: list[Any] = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames)
