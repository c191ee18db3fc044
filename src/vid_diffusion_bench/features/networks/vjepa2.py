"""V-JEPA 2 ViT-L (Assran et al. 2025): the mean over the encoder's tokens of a clip.

The published encoder has no pooled output; its authors read it with probes trained for each task. The mean is what
this extractor defines.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import ClipNetwork, pretrained
from vid_diffusion_bench.features.networks.sampling import Sampling

if TYPE_CHECKING:
    import torch


def load(folder: Path) -> Any:
    """Encoder and predictor; only the encoder is run."""
    from transformers import VJEPA2Model

    return pretrained(VJEPA2Model, folder)


def embed(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(1, T, 3, 256, 256) to (1, D)."""
    features: torch.Tensor = network.get_vision_features(pixels).mean(1)
    return features


VIT_L = ClipNetwork(
    "vjepa2-vit-l",
    "vjepa2-vit-l",
    preprocessing.VJEPA2,
    load,
    embed,
    "mean over the encoder's tokens after its last layer norm",
    Sampling(64, "even"),
).extractor()
