"""Which frame counts and sizes an autoencoder can make, read from its configuration before any weights are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models.snapshot import components, read_config

_NOT_CAUSAL = frozenset({"AutoencoderKLAllegro"})
"""Autoencoders that code every group of frames alike; all others code the first frame by itself."""

ONLY_TILED = frozenset({"AutoencoderKLAllegro"})
"""Autoencoders that decode in tiles only, and are not told to when a pipeline is loaded."""


@dataclass(frozen=True)
class Grid:
    """Frame counts are ``k * temporal + first``, sides are multiples of ``spatial``.

    ``only`` is the one count of frames there is. ``tiles`` are (size, step) in frames, height and width of an
    autoencoder that decodes in tiles only, and leaves grey what no whole tile covers.
    """

    temporal: int = 1
    first: int = 0
    spatial: int = 1
    only: int | None = None
    tiles: tuple[tuple[int, int], ...] = ()

    def check(self, parameters: GenerationParameters) -> None:
        """Raise :class:`ValidationError`, with the nearest possible values, for what is not on the grid."""
        frames = parameters.num_frames
        if self.only and frames not in (None, self.only):
            raise ValidationError(f"this model makes {self.only} frames only", remedy=f"use num_frames={self.only}")
        if frames is not None and (frames < self.first or (frames - self.first) % self.temporal):
            form = f"k*{self.temporal}+{self.first}" if self.first else f"k*{self.temporal}"
            near = _nearest(frames, self.temporal, self.first)
            raise ValidationError(
                f"this model makes {form} frames, not {frames}", remedy=f"use num_frames={' or '.join(map(str, near))}"
            )
        for side in ("height", "width"):
            value = getattr(parameters, side)
            if value is not None and value % self.spatial:
                near = _nearest(value, self.spatial, 0)
                raise ValidationError(
                    f"this model's {side} is a multiple of {self.spatial}, not {value}",
                    remedy=f"use {side}={' or '.join(map(str, near))}",
                )
        self._check_tiles(parameters)

    def _check_tiles(self, parameters: GenerationParameters) -> None:
        for name, (size, step) in zip(("num_frames", "height", "width"), self.tiles, strict=False):
            value = getattr(parameters, name)
            if value is not None and (value < size or (value - size) % step):
                near = _nearest(max(value, size), step, size)
                raise ValidationError(
                    f"this model decodes whole tiles only: its {name} is k*{step}+{size}, not {value}",
                    remedy=f"use {name}={' or '.join(map(str, near))}",
                )


def _nearest(value: int, step: int, first: int) -> list[int]:
    below = (value - first) // step * step + first
    return [number for number in (below, below + step) if number >= max(1, first)]


def read_grid(folder: Path) -> Grid:
    """The grid of a diffusers folder, from the configurations of its autoencoder and its denoiser.

    Raises:
        ModelLoadingError: They are damaged.
    """
    try:
        return _read_grid(folder)
    except (
        AttributeError,
        ArithmeticError,
        LookupError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelLoadingError(
            f"the configuration of {folder.name} makes no autoencoder or denoiser: {error}",
            remedy="download or save the pipeline again",
        ) from error


def _read_grid(folder: Path) -> Grid:
    parts = components(folder)
    vae = build_autoencoder(folder)
    if vae is None:
        return Grid()
    temporal, spatial = ratios(vae)
    tiles = tuple(zip(vae.kernel, vae.stride, strict=True)) if parts["vae"] in ONLY_TILED else ()
    patch_time, patch_space = _patch(folder, parts)
    first = 1 if temporal > 1 and parts["vae"] not in _NOT_CAUSAL else 0
    only = read_config(folder, "transformer").get("video_length")
    return Grid(temporal * patch_time, first, spatial * patch_space, only, tiles)


def build_autoencoder(folder: Path) -> Any:
    """A folder's autoencoder without its weights, which knows its own shape; ``None`` where diffusers has none such."""
    import diffusers
    import torch

    autoencoder = getattr(diffusers, components(folder).get("vae", ""), None)
    if autoencoder is None:
        return None
    with torch.device("meta"):
        return autoencoder.from_config(read_config(folder, "vae"))


def ratios(built: Any) -> tuple[int, int]:
    """Compression (in time, in space) of an autoencoder."""
    temporal = _stated(built, "temporal_compression_ratio") or _stated(built, "scale_factor_temporal") or 1
    spatial = (
        _stated(built, "scale_factor_spatial")
        or _stated(built, "spatial_compression_ratio")
        or 2 ** (len(_stated(built, "block_out_channels") or (1,)) - 1)
    )
    return int(temporal), int(spatial)


def _stated(module: Any, name: str) -> Any:
    """What a module says of itself, in its configuration or as an attribute of its own."""
    own = getattr(module, name) if name in vars(module) or hasattr(type(module), name) else None
    return module.config.get(name) or own


def _patch(folder: Path, parts: dict[str, str]) -> tuple[int, int]:
    """How many latent cells a token of a transformer covers (in time, in space); a UNet has none."""
    if "transformer" not in parts:
        return 1, 1
    config = read_config(folder, "transformer")
    patch = config.get("patch_size") or 1
    if isinstance(patch, list | tuple):
        return int(patch[0]) if len(patch) == 3 else 1, math.lcm(*map(int, patch[-2:]))
    return 1, int(patch)
