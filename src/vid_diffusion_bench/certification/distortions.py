"""Known distortions as data: pure functions of a clip, each at rising strengths.

What is drawn at random depends on the clip's key and the distortion, not on the strength: the noise of two strengths is
one field at two scales, and the frames that a small share hits are among those of a larger one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.certification.codec import h264_round_trip
from vid_diffusion_bench.video import Frames, Video

Change = Callable[[Video, float, np.random.Generator], Frames]
Matrix = npt.NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])
"""Rec. 601 weights of red, green and blue."""
YIQ = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
"""RGB to the NTSC luma and chroma axes."""


@dataclass(frozen=True)
class Distortion:
    """One way to spoil a clip.

    Args:
        name: What results are kept under.
        title: What people read.
        description: One sentence.
        unit: How a strength is written, with the place of the number.
        strengths: Rising; the undistorted clip is not among them.
        change: uint8 frames (T, H, W, 3) of the clip at a strength; ``rng`` is the same at every strength.
    """

    name: str
    title: str
    description: str
    unit: str
    strengths: tuple[float, ...]
    change: Change

    def apply(self, video: Video, strength: float, key: str) -> Video:
        """``video`` at ``strength``, the same for the same ``key``."""
        seed = hashlib.sha256(f"{self.name}\0{key}".encode("utf-8", "surrogatepass")).digest()
        frames = self.change(video, strength, np.random.default_rng(int.from_bytes(seed, "big")))
        return Video(frames, video.fps)

    def spelled(self, strength: float) -> str:
        """``strength`` with its unit."""
        return self.unit.format(strength)


def _blur(video: Video, strength: float, _rng: np.random.Generator) -> Frames:
    import cv2

    sigma = strength / 100 * min(video.height, video.width)
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma).reshape(frame.shape) for frame in video.frames])


def _noise(video: Video, strength: float, rng: np.random.Generator) -> Frames:
    field = rng.standard_normal(video.frames.shape, np.float32)
    return _as_frames(video.frames + np.float32(strength) * field)


def _h264(video: Video, strength: float, _rng: np.random.Generator) -> Frames:
    return h264_round_trip(video, strength)


def _shuffle(video: Video, strength: float, rng: np.random.Generator) -> Frames:
    """The chosen frames change places in one cycle, so that none of them stays where it was."""
    order = rng.permutation(video.num_frames)
    chosen = order[: round(strength / 100 * video.num_frames)]
    index = np.arange(video.num_frames)
    index[chosen] = np.roll(chosen, 1)
    return video.frames[index]


def _drop(video: Video, strength: float, rng: np.random.Generator) -> Frames:
    """A frame that is lost shows the one before it, as a player does."""
    order = 1 + rng.permutation(video.num_frames - 1)
    index = np.arange(video.num_frames)
    index[order[: round(strength / 100 * (video.num_frames - 1))]] = 0
    return video.frames[np.maximum.accumulate(index)]


def _freeze(video: Video, strength: float, _rng: np.random.Generator) -> Frames:
    last = round((1 - strength / 100) * (video.num_frames - 1))
    return video.frames[np.minimum(np.arange(video.num_frames), last)]


def _jitter(video: Video, strength: float, rng: np.random.Generator) -> Frames:
    reach = strength / 100 * min(video.height, video.width)
    shifts = np.rint(reach * rng.uniform(-1, 1, (video.num_frames, 2))).astype(int)
    rows, columns = np.arange(video.height), np.arange(video.width)
    moved = [
        frame[np.clip(rows + down, 0, video.height - 1)][:, np.clip(columns + right, 0, video.width - 1)]
        for frame, (down, right) in zip(video.frames, shifts, strict=True)
    ]
    return np.stack(moved)


def _hue(video: Video, strength: float, _rng: np.random.Generator) -> Frames:
    """The chroma plane turned, the luma kept (up to clipping)."""
    angle = np.deg2rad(strength)
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return _recoloured(video.frames, np.linalg.inv(YIQ) @ turn @ YIQ)


def _desaturate(video: Video, strength: float, _rng: np.random.Generator) -> Frames:
    share = strength / 100
    return _recoloured(video.frames, (1 - share) * np.eye(3) + share * np.tile(LUMA, (3, 1)))


def _flicker(video: Video, strength: float, rng: np.random.Generator) -> Frames:
    steps = strength * rng.uniform(-1, 1, video.num_frames)
    return _as_frames(video.frames + steps[:, None, None, None])


def _reverse(video: Video, _strength: float, _rng: np.random.Generator) -> Frames:
    return np.ascontiguousarray(video.frames[::-1])


def _recoloured(frames: Frames, matrix: Matrix) -> Frames:
    """Frames through a (3, 3) matrix that maps RGB columns."""
    return _as_frames(frames @ matrix.T)


def _as_frames(values: npt.NDArray[np.floating]) -> Frames:
    frames: Frames = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return frames


LADDER: tuple[Distortion, ...] = (
    Distortion("blur", "Blur", "Gaussian blur; its sigma is a share of the shorter side.", "{:g} % of the side",
               (0.75, 1.5, 3.0, 6.0), _blur),
    Distortion("noise", "Noise", "Gaussian noise on every pixel and channel.", "±{:g} grey levels",
               (4, 8, 16, 32), _noise),
    Distortion("h264", "H.264", "Encoded as H.264 (4:2:0) and decoded again.", "crf {:g}",
               (18, 28, 38, 48), _h264),
    Distortion("shuffle", "Frames shuffled", "A share of the frames change places.", "{:g} % of the frames",
               (25, 50, 75, 100), _shuffle),
    Distortion("drop", "Frames dropped", "A share of the frames show the one before instead.", "{:g} % of the frames",
               (12.5, 25, 50), _drop),
    Distortion("freeze", "Frozen end", "The clip stands still for its last part.", "last {:g} %",
               (25, 50, 100), _freeze),
    Distortion("jitter", "Shaking", "Each frame is shifted at random; the reach is a share of the shorter side.",
               "{:g} % of the side", (2, 4, 8), _jitter),
    Distortion("flicker", "Flickering", "Each frame is made lighter or darker at random.", "±{:g} grey levels",
               (5, 15, 45), _flicker),
    Distortion("hue", "Hue turned", "All colours are turned around the wheel, at equal luma.", "{:g}°",
               (15, 45, 90), _hue),
    Distortion("desaturate", "Colours drained", "Colours are mixed with their grey.", "{:g} %",
               (25, 50, 100), _desaturate),
    Distortion("reverse", "Time reversed", "The last frame comes first.", "reversed", (1,), _reverse),
)  # fmt: skip
"""Every distortion, in the order of the page."""


def distortion(name: str) -> Distortion:
    """The distortion of that name."""
    return next(entry for entry in LADDER if entry.name == name)
