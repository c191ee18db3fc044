"""Natural content whose optical flow is known exactly: a camera moving over scikit-image's bundled photographs.

A frame shows an affine view of a flat photograph. What pixel u of frame t shows, frame t+1 shows at
``view[t+1]^-1(view[t](u))``; the flow is that position minus u, without any estimate.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.video import Video

Floats = npt.NDArray[np.float64]

KINDS = ("pan", "zoom", "rotation")
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "rocket")
"""Photographs that lie inside scikit-image's wheel, so that nothing is downloaded."""
BLUR = 0.8
"""Standard deviation in pixels of the low-pass on a photograph: below it, resampling would change what moves."""


@cache
def photograph(name: str) -> npt.NDArray[np.uint8]:
    """uint8 RGB (H, W, 3); grey photographs are repeated."""
    import skimage.data

    image = np.asarray(getattr(skimage.data, name)())
    return image[..., :3] if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


@cache
def _spline(name: str) -> Floats:
    """Cubic B-spline coefficients of the low-passed photograph, float64 (H, W, 3)."""
    from scipy.ndimage import gaussian_filter, spline_filter

    image = gaussian_filter(photograph(name).astype(np.float64), (BLUR, BLUR, 0))
    return np.stack([spline_filter(image[..., channel], order=3) for channel in range(3)], axis=-1)


PLACES = 8
"""Places drawn of which the most textured is shown: sky would look the same under any flow."""


def natural_clip(
    kind: str,
    seed: int,
    num_frames: int = 16,
    height: int = 64,
    width: int = 64,
    *,
    speed: float = 1.0,
    fps: float = 8.0,
) -> tuple[Video, Floats]:
    """A clip over a photograph and its exact flow.

    Args:
        kind: "pan" (0.5 to 3 pixels a frame, any direction), "zoom" (1 to 3 % a frame, in or out, about the centre)
            or "rotation" (0.5 to 2 degrees a frame, either way, about the centre).
        seed: Draws photograph, place and motion; the same arguments always give the same clip.
        num_frames: T.
        height: H in pixels.
        width: W in pixels.
        speed: Multiplies the motion; 0 is a still clip.
        fps: Frames a second.

    Returns:
        The clip and float64 (T-1, H, W, 2): how many pixels right and down the content of each pixel of frame t has
        moved in frame t+1. Some of it leaves the frame: see :func:`inside`.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    name = PHOTOGRAPHS[rng.integers(len(PHOTOGRAPHS))]
    step = _step(kind, rng, speed)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    # Motion is symmetric about the middle frame, so that the path stays near the place drawn.
    views = [_power(step, index - (num_frames - 1) / 2) for index in range(num_frames)]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1) - centre
    places = [grid @ view[:, :2].T + view[:, 2] for view in views]
    frames = np.stack(_render(name, _placed(name, np.stack(places), rng)))
    flow = [_apply(_inverse(after), place) - grid for place, after in zip(places, views[1:], strict=False)]
    return Video(frames, fps), np.stack(flow) if flow else np.zeros((0, height, width, 2))


def inside(flow: Floats) -> npt.NDArray[np.bool_]:
    """Which pixels of (T-1, H, W, 2) still lie within the next frame: bool (T-1, H, W)."""
    height, width = flow.shape[1:3]
    x, y = np.arange(width) + flow[..., 0], np.arange(height)[:, None] + flow[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def _step(kind: str, rng: np.random.Generator, speed: float) -> tuple[float, float, float, float]:
    """Logarithm of scale, angle in radians, and shift (x, y) of the camera, a frame."""
    sign = rng.choice([-1.0, 1.0])
    if kind == "zoom":
        return speed * sign * np.log1p(rng.uniform(0.01, 0.03)), 0.0, 0.0, 0.0
    if kind == "rotation":
        return 0.0, speed * sign * np.deg2rad(rng.uniform(0.5, 2.0)), 0.0, 0.0
    length, direction = speed * rng.uniform(0.5, 3.0), rng.uniform(0, 2 * np.pi)
    return 0.0, 0.0, length * np.cos(direction), length * np.sin(direction)


def _power(step: tuple[float, float, float, float], times: float) -> Floats:
    """The view (2, 3) after ``times`` frames: scale and turn about the centre, then shift (kinds never mix them)."""
    scale, angle = np.exp(step[0] * times), step[1] * times
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, step[2] * times], [sin, cos, step[3] * times]])


def _inverse(view: Floats) -> Floats:
    linear = np.linalg.inv(view[:, :2])
    return np.column_stack([linear, -linear @ view[:, 2]])


def _apply(view: Floats, points: Floats) -> Floats:
    return points @ view[:, :2].T + view[:, 2]


def _placed(name: str, points: Floats, rng: np.random.Generator) -> Floats:
    """Points of the path (T, H, W, 2) in pixels of the photograph, at the most textured of a few places drawn.

    The path is magnified where it is larger than the photograph.
    """
    height, width = photograph(name).shape[:2]
    low, high = points.min(axis=(0, 1, 2)), points.max(axis=(0, 1, 2))
    room = np.array([width - 1.0, height - 1.0])
    scale = min(1.0, float((room / np.maximum(high - low, 1.0)).min()))
    offsets = (room - (high - low) * scale) * rng.random((PLACES, 2))
    offset = max(offsets, key=lambda start: _texture(name, start, start + (high - low) * scale))
    return (points - low) * scale + offset


def _texture(name: str, low: Floats, high: Floats) -> float:
    """Mean absolute difference of neighbours in a box of the photograph, in grey levels."""
    (left, top), (right, bottom) = low.astype(int), high.astype(int) + 2
    box = photograph(name)[top:bottom, left:right].astype(np.float64)
    return float(np.abs(np.diff(box, axis=0)).mean() + np.abs(np.diff(box, axis=1)).mean())


def _render(name: str, points: Floats) -> list[npt.NDArray[np.uint8]]:
    from scipy.ndimage import map_coordinates

    spline, frames = _spline(name), []
    for place in points:
        where = [place[..., 1], place[..., 0]]
        channels = [map_coordinates(spline[..., c], where, order=3, mode="mirror", prefilter=False) for c in range(3)]
        frames.append(np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8))
    return frames
