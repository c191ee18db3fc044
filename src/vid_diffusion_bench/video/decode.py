"""Decoding of video files to RGB by PyAV, one thread, into one array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from vid_diffusion_bench.video.clip import Video
from vid_diffusion_bench.video.gif import complete_images
from vid_diffusion_bench.video.limits import (
    MAX_PIXELS_PER_FRAME,
    check_clip_size,
    check_frame_size,
    reason,
    refused,
)
from vid_diffusion_bench.video.pictures import Pictures
from vid_diffusion_bench.video.timing import frame_rate
from vid_diffusion_bench.video.traits import missing_notes, stream_notes

DECODER = "pyav-rgb24"
MAX_SILENT_PACKETS = 10_000
"""Packets in a row that may give no picture: more is a stream whose decoder would go on forever."""
_NOT_VIDEO = frozenset({"tty", "bin", "adf", "idf", "xbin", "concat", "hls", "dash", "sdp", "rtsp", "imf"})
"""Demuxers that draw text as pictures, or read other files than the one named."""


def decode(path: Path) -> Video:
    """Decode the first video stream of a file.

    Raises:
        InvalidVideoError: Whatever is wrong, named.
    """
    with _border(path):
        import av

        # An absolute name is never taken for a protocol, and nothing but files is opened, whatever a playlist says.
        options = {"protocol_whitelist": "file"}
        with av.open(
            str(path.absolute()), container_options=options, options={"max_pixels": str(MAX_PIXELS_PER_FRAME)}
        ) as container:
            return _read(path, container, _stream(path, container))


@contextmanager
def _border(path: Path) -> Iterator[None]:
    """Everything that FFmpeg, PyAV or the file system raise on a broken file becomes InvalidVideoError."""
    import av.error

    # FFmpeg's codes come as OSError, ValueError, EOFError, MemoryError, ...; absurd headers overflow PyAV's numbers.
    broken = (av.error.FFmpegError, OSError, ValueError, EOFError, MemoryError, ArithmeticError, LookupError)
    try:
        yield
    except (*broken, RuntimeError, TypeError, AttributeError) as error:
        raise refused(path, f"cannot be decoded: {reason(error)}") from error


def _stream(path: Path, container: Any) -> Any:
    """The first video stream that is no cover picture."""
    from av.stream import Disposition

    name = container.format.name
    if not _NOT_VIDEO.isdisjoint(name.split(",")):
        raise refused(path, f"is no video but {container.format.long_name} ({name})")
    streams = container.streams.video
    if not streams:
        kinds = sorted({stream.type for stream in container.streams if stream.type})
        raise refused(path, f"has no video stream, only {', '.join(kinds)}" if kinds else "holds no streams")
    moving = [stream for stream in streams if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise refused(path, "has no video stream, only a cover picture")
    if moving[0].codec_context is None:
        raise refused(path, "holds a codec that the bundled FFmpeg cannot decode")
    return moving[0]


def _read(path: Path, container: Any, stream: Any) -> Video:
    if stream.width or stream.height:
        check_frame_size(path, stream.height, stream.width)
        check_clip_size(path, stream.frames, stream.height, stream.width)
    stream.codec_context.thread_count, stream.thread_type = 1, "NONE"
    stream.codec_context.options = {"err_detect": "crccheck"}
    pictures = Pictures(path, _expected(stream))
    damage = _decode_all(path, container, stream, pictures)
    if not pictures.stamps:
        raise refused(path, "holds no frames that can be decoded" + (f": {damage}" if damage else ""))
    fps, notes = frame_rate(pictures.stamps, pictures.first.time_base, stream.average_rate or stream.guessed_rate)
    notes += tuple(stream_notes(container, stream, pictures.first)) + pictures.turn.notes
    if pictures.interlaced:
        notes += ("interlaced: not deinterlaced, frames hold both fields",)
    if damage:
        notes += (f"cut off: the end cannot be decoded ({damage})",)
    return Video(pictures.array(), fps, notes + tuple(missing_notes(container, stream, len(pictures.stamps), fps)))


def _decode_all(path: Path, container: Any, stream: Any, pictures: Pictures) -> str | None:
    """Hand every frame to ``pictures``; returns why the end is missing, if it is.

    A packet or picture that is damaged is the end of the file, or an error as soon as anything follows it.
    """
    import av.error

    damage, silent = None, 0
    # A transport stream marks what follows a joint, too; there the decoder's own word counts.
    joints = container.format.name == "mpegts"
    for packet in container.demux(stream):
        if damage and packet.size:
            raise refused(path, f"is damaged at frame {len(pictures.stamps)}: {damage}")
        if packet.is_corrupt and not joints:
            damage = "the packet is incomplete"
            continue
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            damage, frames = reason(error), []
        silent = 0 if frames else silent + 1
        if silent > MAX_SILENT_PACKETS:
            raise refused(path, f"gives no picture for {MAX_SILENT_PACKETS:,} packets in a row")
        for frame in frames:
            if frame.is_corrupt:
                damage = damage or "the picture is incomplete"
            elif damage and packet.size:
                raise refused(path, f"is damaged at frame {len(pictures.stamps)}: {damage}")
            else:
                pictures.add(frame)
    return damage or (_cut_gif(path, pictures) if container.format.name == "gif" else None)


def _cut_gif(path: Path, pictures: Pictures) -> str | None:
    """Drop the picture that breaks off; returns why the end is missing."""
    complete, ended = complete_images(path)
    if complete < len(pictures.stamps):
        del pictures.stamps[complete:]
        return "the last picture breaks off"
    return None if ended else "the end mark is missing"


def _expected(stream: Any) -> int:
    """How many frames the container speaks of, or 0."""
    if stream.frames > 0:
        return int(stream.frames)
    rate, duration = stream.average_rate, stream.duration
    if not rate or not duration or duration < 0 or not stream.time_base:
        return 0
    return int(Fraction(duration) * stream.time_base * rate) + 1
