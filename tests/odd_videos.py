"""Video files that are whole but odd: every codec, size, depth, tag and timing that the bundled FFmpeg can write.

Each is a few kilobytes, made the same way every time. ``broken_videos`` makes those that are damaged or no videos.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from vid_diffusion_bench.video import Frames


@dataclass(frozen=True)
class Case:
    """One file to make.

    ``value``: it must be read (True), refused (False), or either (None). ``says``: a regular expression that must be
    found in the reason, or in the notes of the clip. ``shape``: what must be read.
    """

    name: str
    make: Callable[[Path], object]
    value: bool | None = True
    says: str = ""
    shape: tuple[int, ...] | None = None


ENCODER_OPTIONS = {
    "h264": {"preset": "ultrafast"},
    "hevc": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1:bframes=0"},
    "av1": {"preset": "12"},
    "vp9": {"cpu-used": "8", "deadline": "realtime", "strict": "-2"},
}
"""The quickest settings; the others are asked to allow what is experimental. x265 would start threads of its own, and
with B-frames its time stamps are at times none that MPEG-TS takes."""


def picture(frames: int = 3, height: int = 48, width: int = 64, seed: int = 0) -> Frames:
    """Coloured blocks of 8x8 pixels: cheap to code and not flat."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (frames, -(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return np.repeat(np.repeat(blocks, 8, 1), 8, 2)[:, :height, :width]


def encode(
    path: Path,
    frames: Frames | None = None,
    codec: str = "h264",
    pixels: str = "yuv420p",
    *,
    container: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    rate: Fraction | int = 8,
    stamps: list[int] | None = None,
    time_base: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    source: str = "rgb24",
    **attributes: Any,
) -> Path:
    """Write ``frames`` (T, H, W, 3), or those of another ``source`` format, by one thread."""
    frames = picture() if frames is None else frames
    settings = {"fflags": "+bitexact"} | (container_options or {})
    with av.open(str(path.absolute()), "w", format=container, container_options=settings) as file:
        stream: Any = file.add_stream(
            codec, rate=rate, options=ENCODER_OPTIONS.get(codec, {"strict": "-2"}) | (options or {})
        )
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
        stream.codec_context.thread_count = 1
        stream.metadata.update(metadata or {})
        if time_base:
            stream.codec_context.time_base = time_base
        for name, value in attributes.items():
            setattr(stream.codec_context, name, value)
        for index, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=source)
            frame.pts = stamps[index] if stamps else index
            frame.time_base = time_base or 1 / Fraction(rate)
            if "colorspace" in attributes:
                frame = frame.reformat(format=pixels)
                frame.colorspace, frame.color_range = attributes["colorspace"], attributes.get("color_range", 1)
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return path


def turned(path: Path, matrix: tuple[float, float, float, float]) -> None:
    """An MP4 whose display matrix (a, b, c, d) is written over the identity in its track header."""
    encode(path, picture(3, 48, 64))
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(value * 65536) for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


CODECS = {
    "mkv": "av1 ffv1 h264 hevc jpeg2000 libx264rgb mjpeg mpeg1video mpeg2video mpeg4 msmpeg4 prores rawvideo snow vp8",
    "avi": "amv asv1 asv2 cljr ffvhuff flashsv flv h261 h263p huffyuv jpegls ljpeg msmpeg4v2 msvideo1 speedhq utvideo",
    "vfw.avi": "wmv1 wmv2 zlib",
    "mov": "avrp cfhd cinepak dpx dxv exr gif h263 magicyuv png prores_ks qtrle r10k r210 rpza sgi svq1 targa",
    "qt.mov": "v210 v308 v408 v410 y41p yuv4",
    "mp4": "h264 hevc mpeg4 vp9 av1 mjpeg",
    "webm": "vp8 vp9 av1",
    "ts": "h264 hevc mpeg2video",
    "flv": "flv h264",
    "wmv": "wmv1 wmv2 msmpeg4",
    "nut": "ffv1 rawvideo",
    "ogv": "vp8",
    "ivf": "vp8 vp9 av1",
    "3gp": "h263 mpeg4",
    "mxf": "mpeg2video",
    "mpg": "mpeg1video mpeg2video",
    "y4m": "rawvideo",
}
_SPECIAL_PIXELS = {"libx264rgb": "rgb24", "exr": "gbrpf32le", "ffv1": "bgr0", "gif": "rgb8", "rawvideo": "yuv420p"}


def _formats(codec: str) -> str:
    known = [found.name for found in av.Codec(codec, "w").video_formats or []]
    return _SPECIAL_PIXELS.get(codec) or next((p for p in ("rgb24", "yuv420p", "yuvj420p") if p in known), known[0])


def codec_cases() -> Iterator[Case]:
    """Every codec in a container that holds it; H.261 and H.263 know only fixed sizes."""
    for container, codecs in CODECS.items():
        for codec in codecs.split():
            frames = picture(2, 144, 176)
            make = partial(encode, frames=frames, codec=codec, pixels=_formats(codec), rate=25)
            yield Case(f"codec-{codec}.{container}", make, shape=(2, 144, 176, 3))


def size_cases() -> Iterator[Case]:
    for height, width in ((1, 1), (1, 2), (2, 1), (3, 3), (33, 47), (129, 2), (2, 129), (17, 1)):
        for codec, pixels, container in (("rawvideo", "rgb24", "nut"), ("png", "rgb24", "mov")):
            shape = (2, height, width, 3)
            make = partial(encode, frames=picture(2, height, width), codec=codec, pixels=pixels)
            yield Case(f"size-{height}x{width}-{codec}.{container}", make, shape=shape)
        yield Case(f"size-{height}x{width}-gif.gif", partial(gif, frames=picture(2, height, width)), shape=shape)
    for container in ("mp4", "mkv", "avi", "gif", "mov"):
        codec, pixels = ("gif", "rgb8") if container == "gif" else ("mpeg4", "yuv420p")
        make = partial(encode, frames=picture(1), codec=codec, pixels=pixels)
        yield Case(f"one-frame.{container}", make, shape=(1, 48, 64, 3))
    eight_k = np.full((1, 4320, 7680, 3), 90, np.uint8)
    make = partial(encode, frames=eight_k, codec="mjpeg", pixels="yuvj420p")
    yield Case("eight-k.avi", make, shape=(1, 4320, 7680, 3))


def gif(path: Path, frames: Frames, durations: int | list[int] = 100, **options: Any) -> None:
    """By Pillow; ``durations`` in milliseconds."""
    first, *rest = (Image.fromarray(frame).quantize(16) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, **options)


def timing_cases() -> Iterator[Case]:
    thousandths = Fraction(1, 1000)
    uneven = [0, 100, 400, 450, 1500]
    frames = picture(5)
    for container in ("mp4", "mkv", "mov"):
        make = partial(encode, frames=frames, codec="mpeg4", stamps=uneven, time_base=thousandths)
        yield Case(f"variable-rate.{container}", make, says="variable frame rate", shape=frames.shape)
    make = partial(gif, frames=frames, durations=[100, 300, 50, 1000, 100])
    yield Case("variable-rate.gif", make, says="variable frame rate", shape=frames.shape)
    for label, rate in (("half", Fraction(1, 2)), ("ntsc", Fraction(24000, 1001)), ("high", 240)):
        yield Case(f"rate-{label}.mp4", partial(encode, codec="mpeg4", rate=rate), shape=(3, 48, 64, 3))
    yield Case("rate-absurd.mp4", partial(encode, codec="mpeg4", rate=60000), says="implausible")
    late = [10**11 + 125 * index for index in range(3)]
    make = partial(encode, codec="ffv1", pixels="bgr0", stamps=late, time_base=thousandths)
    yield Case("far-future.mkv", make, value=None)
    distant = [0, 125, 10**12]
    make = partial(encode, codec="ffv1", pixels="bgr0", stamps=distant, time_base=thousandths)
    yield Case("one-frame-in-thirty-years.mkv", make, value=None)


def depth_cases() -> Iterator[Case]:
    ten = {
        "hevc.mp4": "yuv420p10le",
        "h264.mkv": "yuv420p10le",
        "av1.mp4": "yuv420p10le",
        "ffv1.mkv": "gray10le",
        "prores_ks.mov": "yuv422p10le",
    }
    for name, pixels in ten.items():
        codec, container = name.split(".")
        yield Case(f"ten-bit-{codec}.{container}", partial(encode, codec=codec, pixels=pixels), says="depth: 10 bits")
    for codec, pixels, bits in (("ffv1", "gbrp16le", 16), ("hevc", "yuv420p12le", 12), ("ffv1", "gray16le", 16)):
        yield Case(f"deep-{pixels}.mkv", partial(encode, codec=codec, pixels=pixels), says=f"depth: {bits} bits")
    yield Case("deep-png.mov", partial(encode, codec="png", pixels="rgb48be"), says="depth: 16 bits")
    for codec, pixels in (("ffv1", "gray"), ("h264", "gray"), ("png", "monob")):
        yield Case(
            f"grey-{codec}-{pixels}.mov" if codec == "png" else f"grey-{codec}.mkv",
            partial(encode, codec=codec, pixels=pixels),
        )


def alpha_cases() -> Iterator[Case]:
    rgba = np.concatenate([picture(3), picture(3, seed=1)[..., :1]], axis=-1)
    for codec, pixels, container in (
        ("qtrle", "argb", "mov"),
        ("png", "rgba", "mov"),
        ("ffv1", "yuva420p", "mkv"),
        ("ffv1", "bgra", "mkv"),
        ("prores_ks", "yuva444p10le", "mov"),
        ("utvideo", "gbrap", "avi"),
        ("vp9", "yuva420p", "webm"),
        ("vp8", "yuva420p", "webm"),
    ):
        codec_name = {"vp9": "libvpx-vp9", "vp8": "libvpx"}.get(codec, codec)
        make = partial(
            encode, frames=rgba, codec=codec_name, pixels=pixels, source="rgba", options={"auto-alt-ref": "0"},
            metadata={"alpha_mode": "1"} if container == "webm" else None,
        )  # fmt: skip
        yield Case(f"alpha-{codec}-{pixels}.{container}", make, says="alpha: dropped", shape=(3, 48, 64, 3))
    clear = [
        Image.fromarray(frame, "RGBA")
        for frame in np.where(rgba[..., 3:] < 128, 0, rgba | [[[[0, 0, 0, 255]]]]).astype(np.uint8)
    ]
    yield Case(
        "alpha-gif.gif",
        lambda path: clear[0].save(path, save_all=True, append_images=clear[1:], duration=100, disposal=2),
        says="alpha: dropped",
    )


TURNS = {
    "quarter": (0.0, 1.0, -1.0, 0.0),
    "half": (-1.0, 0.0, 0.0, -1.0),
    "three-quarters": (0.0, -1.0, 1.0, 0.0),
    "mirror-x": (-1.0, 0.0, 0.0, 1.0),
    "mirror-y": (1.0, 0.0, 0.0, -1.0),
    "transpose": (0.0, 1.0, 1.0, 0.0),
    "transverse": (0.0, -1.0, -1.0, 0.0),
}


def display_cases() -> Iterator[Case]:
    for label, matrix in TURNS.items():
        shape = (3, 64, 48, 3) if matrix[0] == 0 else (3, 48, 64, 3)
        yield Case(
            f"turned-{label}.mp4", partial(turned, matrix=matrix), says="rotation: (turned|mirrored)", shape=shape
        )
    slanted = (0.7071, 0.7071, -0.7071, 0.7071)
    yield Case(
        "turned-slanted.mp4", partial(turned, matrix=slanted), says="rotation: not applied", shape=(3, 48, 64, 3)
    )
    interlaced = {"mpeg2video.ts": {"flags": "+ildct+ilme"}, "h264.mkv": {"x264-params": "tff=1", "preset": "medium"}}
    for name, options in interlaced.items():
        codec, container = name.split(".")
        make = partial(encode, frames=picture(4, 64, 64), codec=codec, options=options)
        yield Case(f"interlaced-{codec}.{container}", make, says="interlaced")
    for codec, container in (("h264", "mp4"), ("h264", "mkv"), ("mpeg4", "avi")):
        make = partial(encode, codec=codec, sample_aspect_ratio=Fraction(4, 3))
        yield Case(f"wide-pixels-{codec}.{container}", make, says="pixels: not square")


def colour_cases() -> Iterator[Case]:
    for label, space in (("709", 1), ("601", 6), ("pal", 5), ("240m", 7), ("2020", 9)):
        for full in (1, 2):
            make = partial(encode, codec="ffv1", pixels="yuv444p", colorspace=space, color_range=full)
            yield Case(f"colour-{label}-{'limited' if full == 1 else 'full'}.mkv", make)
    for label, space in (("ycgco", 8), ("constant-2020", 10), ("ictcp", 14)):
        make = partial(encode, codec="ffv1", pixels="yuv444p", colorspace=space)
        yield Case(f"colour-{label}.mkv", make, value=False, says="colour matrix")
    for label, transfer in (("pq", 16), ("hlg", 18)):
        for codec, container in (("hevc", "mp4"), ("av1", "webm")):
            tags = {"colorspace": 9, "color_trc": transfer, "color_primaries": 9}
            make = partial(encode, codec=codec, pixels="yuv420p10le", **tags)
            yield Case(f"hdr-{label}-{codec}.{container}", make, says=f"HDR: {label.upper()}")


def odd_cases() -> list[Case]:
    """All of them."""
    parts = (codec_cases, size_cases, timing_cases, depth_cases, alpha_cases, display_cases, colour_cases)
    return [case for part in parts for case in part()]
