"""DINO (Caron et al. 2021) and DINOv2 (Oquab et al. 2023): the class token of every frame."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import FrameNetwork, pretrained

if TYPE_CHECKING:
    import torch


def load_dino(folder: Path) -> Any:
    """ViT-B/16 with the position embeddings resampled as DINO's own code does, which VBench runs."""
    from transformers import ViTModel

    network = pretrained(ViTModel, folder, add_pooling_layer=False)
    network.embeddings.interpolate_pos_encoding = partial(resampled_positions, network.embeddings)
    return network


def resampled_positions(embeddings: Any, tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(1, 1 + n, D) position embeddings for frames of (height, width) pixels.

    Source: ``VisionTransformer.interpolate_pos_encoding`` in github.com/facebookresearch/dino, which adds 0.1 to the
    number of patches along each side and hands ``interpolate`` the resulting factors; transformers gives it the size,
    and so another grid wherever a frame is not square.
    """
    import torch

    table = embeddings.position_embeddings
    trained = table.shape[1] - 1
    if tokens.shape[1] - 1 == trained and height == width:
        return table  # type: ignore[no-any-return] # transformers is untyped here
    side = round(trained**0.5)
    grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    factors = tuple((pixels // embeddings.patch_size + 0.1) / side for pixels in (height, width))
    grid = torch.nn.functional.interpolate(grid, scale_factor=factors, mode="bicubic")
    return torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


def embed_dino(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(N, 3, h, w) to class tokens (N, D)."""
    token: torch.Tensor = network(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0]
    return token


def load_dinov2(folder: Path) -> Any:
    """DINOv2 of any size, as transformers has it."""
    from transformers import Dinov2Model

    return pretrained(Dinov2Model, folder)


def load_dinov2_resampled(folder: Path) -> Any:
    """DINOv2 with the position embeddings resampled as its own code does, which dgm-eval runs.

    Source: ``interpolate_pos_encoding`` in github.com/facebookresearch/dinov2, that of DINO.
    """
    network = load_dinov2(folder)
    network.embeddings.interpolate_pos_encoding = partial(resampled_positions, network.embeddings)
    return network


def embed_dinov2(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(N, 3, 224, 224) to class tokens (N, D)."""
    token: torch.Tensor = network(pixel_values=pixels).pooler_output
    return token


DINO_B16 = FrameNetwork(
    "dino-vit-b-16",
    "dino-vit-b-16",
    preprocessing.DINO_VBENCH,
    load_dino,
    embed_dino,
    "class token of each frame after the last layer norm; positions resampled as in DINO's own code",
).extractor()
DINOV2_BASE = FrameNetwork(
    "dinov2-base",
    "dinov2-base",
    preprocessing.DINOV2,
    load_dinov2,
    embed_dinov2,
    "class token of each frame after the last layer norm",
).extractor()
DINOV2_BASE_FD, DINOV2_LARGE_FD = (
    FrameNetwork(
        f"{weights}-fd",
        weights,
        preprocessing.DINOV2_FD,
        load_dinov2_resampled,
        embed_dinov2,
        "class token of each frame after the last layer norm; positions resampled as in DINOv2's own code",
    ).extractor()
    for weights in ("dinov2-base", "dinov2-large")
)
