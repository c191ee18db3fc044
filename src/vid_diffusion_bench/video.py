"""The only home of pixel conventions: what a clip is, how it is read, written, resized and hashed.

Frames are ``uint8`` of shape (T, H, W, 3), RGB, full range 0..255.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import InvalidVideoError

Frames = npt.NDArray[np.uint8]

VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".avi", ".gif", ".mkv", ".m4v"})
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
MAX_PIXELS_PER_FRAME = 16384 * 16384
DECODER = "pyav-rgb24"


@dataclass(frozen=True)
class Video:
    """One clip.

    Args:
        frames: uint8 RGB of shape (T, H, W, 3), T, H, W >= 1.
        fps: Frames a second, > 0.

    Raises:
        InvalidVideoError: When the array is not that.
    """

    frames: Frames
    fps: float

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.frames), getattr(self.frames, "dtype", None)
        if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise InvalidVideoError(f"a clip is uint8 of shape (T, H, W, 3) with no empty axis, not {dtype} {shape}")
        if not self.fps > 0 or not np.isfinite(self.fps):
            raise InvalidVideoError(f"frames a second must be positive, not {self.fps}")

    @property
    def num_frames(self) -> int:
        return int(self.frames.shape[0])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.num_frames / self.fps

    def sha256(self) -> str:
        """Hash of the pixels and their shape (not of fps, container or metadata)."""
        digest = hashlib.sha256(np.array(self.frames.shape, dtype="<u4").tobytes())
        digest.update(np.ascontiguousarray(self.frames).data)
        return digest.hexdigest()


def read_video(path: Path | str) -> Video:
    """Decode a video file, or a folder of equally sized still frames in name order (taken as 8 fps).

    Raises:
        InvalidVideoError: The file is missing, empty, truncated to nothing, not a video, or absurdly large.
    """
    path = Path(path)
    if path.is_dir():
        return _read_frame_folder(path)
    if not path.is_file():
        raise InvalidVideoError(f"{path} does not exist", details={"path": str(path)})
    if path.stat().st_size == 0:
        raise InvalidVideoError(f"{path.name} is empty (0 bytes)", details={"path": str(path)})
    frames, fps = _decode(path)
    return Video(frames, fps)


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


def find_videos(folder: Path | str) -> list[Path]:
    """Video files and frame folders directly in ``folder``, sorted by name.

    Every other regular file is listed too, so that a broken or foreign file is named instead of passed over; hidden
    files and text notes are not. A folder that holds only still images is itself one clip.

    Raises:
        InvalidVideoError: When the folder is missing or holds nothing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidVideoError(f"{folder} is not a folder", remedy="give a folder of video files")
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    stills = [p for p in entries if p.suffix.lower() in IMAGE_SUFFIXES]
    if stills and len(stills) == len(entries):
        return [folder]
    found = [p for p in entries if p.is_dir() or p.suffix.lower() not in {".txt", ".json", ".csv", ".md", ".html"}]
    if not found:
        raise InvalidVideoError(f"{folder} holds no videos", remedy="mp4, webm, mov, avi, gif, mkv or frame folders")
    return found


def sample_frames(num_frames: int, count: int) -> npt.NDArray[np.intp]:
    """``count`` frame indices spread evenly over a clip, first and last included; repeats when the clip is shorter."""
    return np.round(np.linspace(0, num_frames - 1, count)).astype(np.intp)


def resize(frames: Frames, height: int, width: int) -> npt.NDArray[np.float32]:
    """Resize (T, H, W, 3) uint8 to float32 (T, height, width, 3) in 0..255, bilinear, half-pixel centres, no antialias.

    Same sampling grid as ``torch.nn.functional.interpolate(mode="bilinear", align_corners=False)``.
    """
    import cv2

    source = frames.astype(np.float32)
    if frames.shape[1:3] == (height, width):
        return source
    resized = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in source]
    return np.stack(resized).astype(np.float32, copy=False)


def _read_frame_folder(folder: Path) -> Video:
    from PIL import Image, UnidentifiedImageError

    stills = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not stills:
        raise InvalidVideoError(f"{folder.name} holds no still frames", details={"path": str(folder)})
    try:
        frames = [np.asarray(Image.open(still).convert("RGB")) for still in stills]
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise InvalidVideoError(f"{folder.name}: {error}", details={"path": str(folder)}) from error
    if len({frame.shape for frame in frames}) > 1:
        raise InvalidVideoError(f"{folder.name}: frames differ in size", details={"path": str(folder)})
    return Video(np.stack(frames), 8.0)


def _decode(path: Path) -> tuple[Frames, float]:
    import av
    import av.error

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InvalidVideoError(f"{path.name} has no video stream", details={"path": str(path)})
            stream = container.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS_PER_FRAME:
                raise InvalidVideoError(f"{path.name}: {stream.width}x{stream.height} is too large to decode")
            rate = stream.average_rate or stream.guessed_rate or Fraction(8)
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidVideoError(f"{path.name} cannot be decoded: {error}", details={"path": str(path)}) from error
    if not frames:
        raise InvalidVideoError(f"{path.name} holds no frames", details={"path": str(path)})
    return np.stack(frames), float(rate)


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
