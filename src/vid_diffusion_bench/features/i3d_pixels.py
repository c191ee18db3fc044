"""From frames to what I3D reads, as each published FVD protocol does it: uint8 (T, H, W, 3) to -1..1."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features.networks.preprocessing import MAX_ELONGATION
from vid_diffusion_bench.video import Frames, resize_tf1

Pixels = npt.NDArray[np.float32]

SIZE = 224
CDFVD_RESOLUTION = 256

SCALE = "x * 2 / 255 - 1"
STRETCH = f"{SIZE}x{SIZE} bilinear, half-pixel centres, no antialias, aspect not kept; {SCALE}"
STRETCH_TF1 = f"{SIZE}x{SIZE} bilinear on TensorFlow 1's grid (source = index * in / out), aspect not kept; {SCALE}"
CDFVD_LOADER = (
    f"short side {CDFVD_RESOLUTION} (long side rounded up) bilinear antialias in 0..1, centre crop, truncated to 8 bits"
)
CDFVD = f"{CDFVD_LOADER}; {STRETCH}"


def stretch(frames: Frames) -> Pixels:
    """(T, 224, 224, 3) in -1..1 by ``torch.nn.functional.interpolate``.

    By that function itself, in channels-last memory: its positions are rounded to float32, and exact ones, as OpenCV
    has them, moved the FVD of natural clips by 6e-7.
    """
    import torch
    from torch.nn.functional import interpolate

    out = np.empty((len(frames), SIZE, SIZE, 3), np.float32)
    for frame, target in zip(frames, out, strict=True):
        planes = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
        resized = interpolate(planes, (SIZE, SIZE), mode="bilinear", align_corners=False)
        target[:] = resized[0].permute(1, 2, 0).numpy()
    return _scaled(out)


def stretch_tf1(frames: Frames) -> Pixels:
    """(T, 224, 224, 3) in -1..1 on the grid of TensorFlow 1's ``resize_bilinear``."""
    return _scaled(resize_tf1(frames, SIZE, SIZE))


def cdfvd_pixels(frames: Frames) -> Pixels:
    """(T, 224, 224, 3) in -1..1 as cd-fvd's loader and its ``preprocess_i3d`` make them."""
    return stretch(cdfvd_loaded(frames))


def cdfvd_loaded(frames: Frames, resolution: int = CDFVD_RESOLUTION) -> Frames:
    """uint8 (T, resolution, resolution, 3) that cd-fvd's loader hands on.

    By PyTorch's own kernel: what is truncated, a rounding difference would move by a whole grey level.

    Raises:
        MetricComputationError: The frames are too long and thin to be resized by their shorter side.
    """
    import torch
    from torch.nn import functional

    height, width = frames.shape[1:3]
    if max(height, width) > MAX_ELONGATION * min(height, width):
        raise MetricComputationError(f"frames of {width}x{height} are too long and thin")
    scale = resolution / min(height, width)
    size = (resolution, math.ceil(width * scale)) if height < width else (math.ceil(height * scale), resolution)
    if (height, width) == size:
        # Every grey level comes back from 0..1 as itself.
        return _centre(frames, resolution)
    out = np.empty((len(frames), resolution, resolution, 3), np.uint8)
    for frame, target in zip(frames, out, strict=True):
        unit = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255.0
        resized = functional.interpolate(unit, size, mode="bilinear", align_corners=False, antialias=True)
        target[:] = _centre((resized * 255).byte().permute(0, 2, 3, 1).numpy(), resolution)[0]
    return out


def _centre(frames: Frames, side: int) -> Frames:
    top, left = (frames.shape[1] - side) // 2, (frames.shape[2] - side) // 2
    return frames[:, top : top + side, left : left + side]


def _scaled(pixels: Pixels) -> Pixels:
    """0..255 to -1..1 in place, in the order and rounding of the published code."""
    pixels *= 2
    pixels /= 255
    pixels -= 1
    return pixels
