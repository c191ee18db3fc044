"""What a decoded stream is beyond its pixels: orientation, depth, colour, alpha. Decided here, noted on the clip."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vid_diffusion_bench.video.clip import Frames

_UNSPECIFIED = (0, 2)
_TRANSFER = {16: "PQ", 18: "HLG"}
"""AVColorTransferCharacteristic of the HDR curves (ITU-T H.273)."""
_NO_MATRIX = {
    8: "YCgCo",
    10: "BT.2020 constant luminance",
    11: "SMPTE ST 2085",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
}
"""AVColorSpace values that swscale does not convert."""
_DECLARE_DURATION = frozenset({"matroska", "webm", "flv"})
_HD = (1280, 576)
"""Beyond this width or height players take untagged YUV for BT.709; we and the other Python decoders do not."""


@dataclass(frozen=True)
class Orientation:
    """A turn by quarter circles and mirror images: transpose first, then flip."""

    swaps_sides: bool = False
    flip_x: bool = False
    flip_y: bool = False
    notes: tuple[str, ...] = ()

    def apply(self, frame: Frames) -> Frames:
        """The frame (H, W, 3) as a viewer sees it."""
        if not self.notes:
            return frame
        turned = frame.swapaxes(0, 1) if self.swaps_sides else frame
        return turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def orientation(frame: Any) -> Orientation:
    """Read the display matrix of a decoded frame.

    Nine int32, rows (a, b, u), (c, d, v), (x, y, w): the pixel (p, q) is shown at (a p + c q + x, b p + d q + y).
    Source: libavutil/display.h; ISO/IEC 14496-12, 8.3.2 (tkhd).
    """
    from av.sidedata.sidedata import Type

    try:
        data = frame.side_data.get(Type.DISPLAYMATRIX)
    except ValueError:
        # PyAV refuses to list side data of a kind that it does not know; it still tells the turn.
        return _quarter_turn(frame.rotation)
    if data is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    if a > 0 and d > 0 and not b and not c:
        return Orientation()
    if a and d and not b and not c:
        return _noted(swaps_sides=False, flip_x=a < 0, flip_y=d < 0)
    if b and c and not a and not d:
        return _noted(swaps_sides=True, flip_x=c < 0, flip_y=b < 0)
    return _quarter_turn(frame.rotation)


def _quarter_turn(degrees: int) -> Orientation:
    """The orientation of a turn against the clock, as PyAV's ``rotation`` gives it."""
    turns = {
        0: Orientation(),
        90: _noted(swaps_sides=True, flip_x=False, flip_y=True),
        180: _noted(swaps_sides=False, flip_x=True, flip_y=True),
        270: _noted(swaps_sides=True, flip_x=True, flip_y=False),
    }
    slanted = Orientation(notes=(f"rotation: not applied, it is no quarter turn ({degrees} degrees)",))
    return turns.get(degrees % 360, slanted)


def _noted(*, swaps_sides: bool, flip_x: bool, flip_y: bool) -> Orientation:
    kind = "mirrored" if swaps_sides == (flip_x == flip_y) else "turned"
    note = f"rotation: {kind} as the file's display matrix says"
    return Orientation(swaps_sides, flip_x, flip_y, (note,))


def stream_notes(container: Any, stream: Any, frame: Any) -> Iterator[str]:
    """Notes on a stream by its first decoded frame."""
    moving = len(container.streams.video)
    if moving > 1:
        yield f"streams: the first of {moving} video streams is read"
    depth = max((component.bits for component in frame.format.components), default=8)
    if depth > 8:
        yield f"depth: {depth} bits a channel, reduced to 8"
    if _has_alpha(stream, frame):
        yield "alpha: dropped, colours as stored"
    yield from _colour_notes(stream, frame)
    aspect = stream.sample_aspect_ratio
    if aspect and aspect > 0 and aspect != 1:
        yield f"pixels: not square ({aspect.numerator}:{aspect.denominator}), frames as stored"


def unconvertible(frame: Any) -> str | None:
    """The colour matrix of a frame, when there is no conversion to RGB from it."""
    return None if frame.format.is_rgb else _NO_MATRIX.get(int(frame.colorspace))


def missing_notes(container: Any, stream: Any, decoded: int, fps: float) -> Iterator[str]:
    """A note when the file declares more than was in it."""
    if decoded < stream.frames and container.format.name != "gif":
        yield f"short: {decoded} of the {stream.frames} frames that the file declares"
    # Other containers declare no duration or the count above; FFmpeg would give its own guess.
    timed = not _DECLARE_DURATION.isdisjoint(container.format.name.split(","))
    declared = ((container.duration or 0) - max(container.start_time or 0, 0)) / 1e6
    if timed and len(container.streams) == 1 and not stream.frames and decoded / fps < declared - 1.5 / fps:
        yield f"short: {decoded / fps:.3g} of the {declared:.3g} seconds that the file declares"


def _has_alpha(stream: Any, frame: Any) -> bool:
    # VP8 and VP9 carry alpha beside the picture, where the decoder does not look.
    beside = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    if stream.codec_context.name != "gif":
        return beside or any(part.is_alpha for part in frame.format.components)
    # Every GIF is decoded with an alpha channel; most do not use it.
    return bool((frame.to_ndarray(format="rgba", threads=1)[..., 3] < 255).any())


def _colour_notes(stream: Any, frame: Any) -> Iterator[str]:
    transfer = _TRANSFER.get(int(stream.codec_context.color_trc or 0))
    if transfer:
        yield f"HDR: {transfer} values as stored, no tone mapping"
    large = frame.width >= _HD[0] or frame.height > _HD[1]
    if large and frame.colorspace in _UNSPECIFIED and not frame.format.is_rgb and len(frame.format.components) > 1:
        yield "colour: no matrix is tagged, BT.601 assumed"
