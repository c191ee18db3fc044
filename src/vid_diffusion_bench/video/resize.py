"""Resizing as the published protocols do it, each named and exact.

Frames come as uint8 (T, H, W, 3) and leave as float32 in 0..255 (bicubic overshoots) unless the protocol rounds.

| protocol step | here |
| --- | --- |
| ``torch.nn.functional.interpolate(align_corners=False)`` | ``resize(...)`` |
| the same with ``antialias=True``; Pillow on mode F (clean-fid) | ``resize(..., antialias=True)`` |
| Pillow on 8-bit pictures (CLIP and other processors) | ``resize_8bit(...)`` |
| TensorFlow 1 ``tf.image.resize_bilinear`` (FVD of 2019) | ``resize_tf1(...)`` |
"""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.video.clip import Frames

Filter = Literal["bilinear", "bicubic"]
Floats = npt.NDArray[np.float32]
_T = TypeVar("_T", bound=np.generic)


def resize(frames: Frames, height: int, width: int, *, filter: Filter = "bilinear", antialias: bool = False) -> Floats:
    """Resize (T, H, W, 3) uint8 to float32 (T, height, width, 3), half-pixel centres, edges repeated.

    Without ``antialias`` each pixel is drawn from its 2x2 (bilinear) or 4x4 (bicubic, a = -0.75) neighbours however
    much is thrown away: the grid and kernel of ``torch.nn.functional.interpolate(align_corners=False)`` and of OpenCV.
    With it the kernel widens by the factor of reduction (bicubic a = -0.5): those of Pillow and of torch's
    ``antialias=True``. Each is within 1e-3 grey levels of the definition in float64; torch itself strays by up to
    0.04 on these arrays, because it computes the positions in float32.
    """
    _check(height, width)
    if frames.shape[1:3] == (height, width):
        return frames.astype(np.float32)
    out = np.empty((len(frames), height, width, 3), np.float32)
    draw = _antialiased if antialias else _sampled
    for frame, target in zip(frames, out, strict=True):
        draw(frame, target, filter)
    return out


def _sampled(frame: Frames, target: Floats, filter: Filter) -> None:
    import cv2

    kernel = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}[filter]
    target[:] = cv2.resize(frame.astype(np.float32), target.shape[1::-1], interpolation=kernel)


def _antialiased(frame: Frames, target: Floats, filter: Filter) -> None:
    """By Pillow's 32-bit float pictures, which have one channel and are not rounded."""
    import cv2
    from PIL import Image

    size, kernel = target.shape[1::-1], _pillow(filter)
    planes = (Image.fromarray(plane).convert("F").resize(size, kernel) for plane in cv2.split(frame))
    target[:] = cv2.merge([np.asarray(plane) for plane in planes])


def resize_8bit(frames: Frames, height: int, width: int, *, filter: Filter = "bicubic") -> Frames:
    """Resize (T, H, W, 3) uint8 to uint8 as Pillow resizes 8-bit pictures.

    It antialiases, and rounds and clips after each of its two passes, across first.
    """
    from PIL import Image

    _check(height, width)
    resized = [np.asarray(Image.fromarray(frame).resize((width, height), _pillow(filter))) for frame in frames]
    return np.stack(resized)


def resize_tf1(frames: Frames, height: int, width: int) -> Floats:
    """Resize (T, H, W, 3) uint8 to float32 on TensorFlow 1's bilinear grid: source = target index * (input / output).

    The defaults ``align_corners=False, half_pixel_centers=False`` of ``tf.image.resize_bilinear``; pixel 0 stays on
    pixel 0, so the picture shifts. Arithmetic in float32 in the order of its CPU kernel
    (tensorflow/core/kernels/image/resize_bilinear_op.cc).
    """
    _check(height, width)
    top, bottom, down = _tf1_axis(frames.shape[1], height)
    left, right, across = _tf1_axis(frames.shape[2], width)
    out = np.empty((len(frames), height, width, 3), np.float32)
    for frame, target in zip(frames, out, strict=True):
        rows = frame.astype(np.float32)
        rows = rows[:, left] + (rows[:, right] - rows[:, left]) * across[:, None]
        target[:] = rows[top] + (rows[bottom] - rows[top]) * down[:, None, None]
    return out


def _tf1_axis(source: int, target: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Lower and upper neighbour of each target pixel, and its distance from the lower."""
    scale = np.float32(source) / np.float32(target)
    position = np.arange(target, dtype=np.float32) * scale
    lower = np.minimum(np.floor(position).astype(np.intp), source - 1)
    return lower, np.minimum(lower + 1, source - 1), position - np.floor(position)


def short_side_size(height: int, width: int, size: int) -> tuple[int, int]:
    """(H, W) of which the shorter side is ``size`` and the longer ``int(size * longer / shorter)``.

    The rule of torchvision's ``Resize(size)`` and transformers' ``get_resize_output_image_size``: it rounds down.
    """
    if height <= width:
        return size, int(size * width / height)
    return int(size * height / width), size


def short_side(frames: Frames, size: int, *, filter: Filter = "bilinear", antialias: bool = False) -> Floats:
    """:func:`resize` to :func:`short_side_size`."""
    height, width = short_side_size(frames.shape[1], frames.shape[2], size)
    return resize(frames, height, width, filter=filter, antialias=antialias)


def centre_crop(
    frames: npt.NDArray[_T], height: int, width: int, *, rounding: Literal["down", "even"] = "down"
) -> npt.NDArray[_T]:
    """The middle (height, width) of (T, H, W, 3), as a view.

    An odd margin splits unevenly. "down": the smaller half above and left (transformers' processors). "even": half the
    margin rounded to the nearest even number (torchvision's ``CenterCrop``), so a margin of 3 leaves 2 above.

    Raises:
        ValidationError: The frames are smaller than that.
    """
    margins = frames.shape[1] - height, frames.shape[2] - width
    if min(margins) < 0:
        raise ValidationError(f"no {width}x{height} can be cropped from {frames.shape[2]}x{frames.shape[1]}")
    top, left = (margin // 2 if rounding == "down" else round(margin / 2) for margin in margins)
    return frames[:, top : top + height, left : left + width]


def _pillow(filter: Filter) -> int:
    from PIL import Image

    return {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[filter]


def _check(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise ValidationError(f"no frame has {width}x{height} pixels")
