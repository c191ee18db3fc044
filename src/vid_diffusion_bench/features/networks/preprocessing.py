"""From frames to what a network reads, as its publisher does it: uint8 (N, H, W, 3) to float32 (N, 3, h, w).

Each protocol is one frozen value. ``describe()`` puts all of its fields into words, for the extractor's identity.

| value | whose |
| --- | --- |
| ``CLIP`` | OpenAI's, and the processor of ``openai/clip-vit-*`` on the hub |
| ``CLIP_VBENCH`` | ``clip_transform(224)`` of VBench's ``vbench/utils.py`` |
| ``DINO_VBENCH`` | ``dino_transform(224)`` of the same file |
| ``DINOV2`` | the processor of ``facebook/dinov2-base`` |
| ``DINOV2_FD`` | ``DINOv2Encoder.transform`` of dgm-eval (Stein et al. 2023), without its ``clean_resize`` |
| ``VIDEOMAE`` | those of ``MCG-NJU/videomae-base-finetuned-kinetics`` and ``microsoft/xclip-base-patch32`` |
| ``VIDEOMAE_V2`` | ``preprocess_videomae`` of cd-fvd's ``third_party/VideoMAEv2/utils.py`` |
| ``VJEPA2`` | the processor of ``facebook/vjepa2-vitl-fpc64-256`` |
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.video import Frames, centre_crop, resize_8bit, short_side_size
from vid_diffusion_bench.video.resize import Filter

if TYPE_CHECKING:
    import torch

Triple = tuple[float, float, float]
Kernel = Literal["pillow", "sampled", "sampled-unit"]

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MAX_ELONGATION = 16
"""Longest side over shortest: beyond it a frame resized by its shorter side would fill the memory."""

_KERNELS: dict[Kernel, str] = {
    "pillow": "antialias, rounded to 8 bits after each pass (Pillow)",
    "sampled": "no antialias (torch interpolate, half-pixel centres) of floats 0..255, not rounded",
    "sampled-unit": "no antialias (torch interpolate, half-pixel centres) of floats 0..1, not rounded",
}


@dataclass(frozen=True)
class Preprocessing:
    """One protocol.

    Args:
        size: Pixels of the shorter side after resizing, or of both where the frame is stretched.
        filter: Interpolation.
        kernel: ``pillow`` antialiases and rounds as Pillow does; ``sampled`` is torchvision's ``Resize`` with
            ``antialias=False`` of the float tensor 0..255 that VBench's ``load_video`` gives (``torch.Tensor(frames)``
            is float32): neither rounded nor cut; ``sampled-unit`` is ``torch.nn.functional.interpolate`` of 0..1.
        keep_aspect: Resize by the shorter side; otherwise both sides become ``size``.
        crop: Pixels of the square cut from the middle; ``None``: nothing is cut.
        crop_rounding: An odd margin: ``down`` leaves the smaller half above and left (transformers), ``even`` rounds
            half the margin to the nearest even number (torchvision).
        mean, std: Of each channel, on the scale 0..1.
    """

    size: int
    filter: Filter
    kernel: Kernel
    keep_aspect: bool = True
    crop: int | None = None
    crop_rounding: Literal["down", "even"] = "down"
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)

    def __call__(self, frames: Frames) -> torch.Tensor:
        """The tensor (N, 3, h, w) of ``frames`` (N, H, W, 3); one frame at a time is held as floats.

        Raises:
            MetricComputationError: The frames are too long and thin to be resized by their shorter side.
        """
        import torch

        height, width = self._resized(frames.shape[1], frames.shape[2])
        planes = [self._crop(_RESIZERS[self.kernel](frame[None], height, width, self.filter)) for frame in frames]
        return torch.from_numpy(self._normalised(np.concatenate(planes)))

    def describe(self) -> str:
        """Every field, in words."""
        fit = f"shorter side {self.size}" if self.keep_aspect else f"stretched to {self.size}x{self.size}"
        margin = {"down": "odd margins rounded down", "even": "half margins rounded to even"}[self.crop_rounding]
        crop = f"centre crop {self.crop}, {margin}" if self.crop else "no crop"
        unscaled = self.mean == (0.0, 0.0, 0.0) and self.std == (1.0, 1.0, 1.0)
        scale = "0..1" if unscaled else f"0..1, minus {list(self.mean)}, divided by {list(self.std)}"
        return f"{fit}, {self.filter}, {_KERNELS[self.kernel]}; {crop}; {scale}"

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) after resizing; the longer side is rounded down."""
        if not self.keep_aspect:
            return self.size, self.size
        if max(height, width) > MAX_ELONGATION * min(height, width):
            raise MetricComputationError(
                f"frames of {width}x{height} are too long and thin: no side may be more than {MAX_ELONGATION} times "
                "the other"
            )
        return short_side_size(height, width, self.size)

    def _crop(self, frames: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return frames if self.crop is None else centre_crop(frames, self.crop, self.crop, rounding=self.crop_rounding)

    def _normalised(self, frames: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """(N, 3, h, w) on the network's scale, of (N, h, w, 3) in 0..255 as uint8 or in 0..1 as floats."""
        planes = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
        if planes.dtype == np.uint8:
            scaled = [_scale(self.mean[c], self.std[c])[planes[:, c]] for c in range(3)]
            return np.stack(scaled, axis=1)
        mean, std = (np.asarray(values, np.float32)[:, None, None] for values in (self.mean, self.std))
        return np.asarray((planes - mean) / std, np.float32)


@cache
def _scale(mean: float, std: float) -> npt.NDArray[np.float32]:
    """The value of each of the 256 grey levels, in the arithmetic of transformers' processors: in 0..1 as float32
    first, then normalised as float32."""
    unit = (np.arange(256) * (1 / 255)).astype(np.float32)
    return np.asarray((unit - np.float32(mean)) / np.float32(std), np.float32)


def _pillow(frames: Frames, height: int, width: int, kernel: Filter) -> npt.NDArray[np.generic]:
    return resize_8bit(frames, height, width, filter=kernel)


def _sampled(frames: Frames, height: int, width: int, kernel: Filter) -> npt.NDArray[np.generic]:
    """By torch itself: its float32 positions are part of what VBench publishes."""
    import torch

    planes = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    resized = planes if frames.shape[1:3] == (height, width) else _interpolate(planes, height, width, kernel)
    return np.asarray(resized.div(255).permute(0, 2, 3, 1).numpy())


def _sampled_unit(frames: Frames, height: int, width: int, kernel: Filter) -> npt.NDArray[np.generic]:
    import torch

    unit = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    return np.asarray(_interpolate(unit, height, width, kernel).permute(0, 2, 3, 1).numpy())


def _interpolate(planes: torch.Tensor, height: int, width: int, kernel: Filter) -> torch.Tensor:
    from torch.nn.functional import interpolate

    return interpolate(planes, (height, width), mode=kernel, align_corners=False)


_RESIZERS = {"pillow": _pillow, "sampled": _sampled, "sampled-unit": _sampled_unit}

CLIP = Preprocessing(224, "bicubic", "pillow", crop=224, mean=CLIP_MEAN, std=CLIP_STD)
CLIP_VBENCH = Preprocessing(224, "bicubic", "sampled", crop=224, crop_rounding="even", mean=CLIP_MEAN, std=CLIP_STD)
DINO_VBENCH = Preprocessing(224, "bilinear", "sampled", mean=IMAGENET_MEAN, std=IMAGENET_STD)
DINOV2 = Preprocessing(256, "bicubic", "pillow", crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)
DINOV2_FD = Preprocessing(224, "bicubic", "pillow", keep_aspect=False, mean=IMAGENET_MEAN, std=IMAGENET_STD)
VIDEOMAE = Preprocessing(224, "bilinear", "pillow", crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)
VIDEOMAE_V2 = Preprocessing(224, "bilinear", "sampled-unit", keep_aspect=False)
VJEPA2 = Preprocessing(292, "bilinear", "pillow", crop=256, mean=IMAGENET_MEAN, std=IMAGENET_STD)
