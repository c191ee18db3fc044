"""VideoMAE (Tong et al. 2022), fine-tuned on Kinetics-400: what its classifier reads of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import ClipNetwork, pretrained
from vid_diffusion_bench.features.networks.sampling import Sampling

if TYPE_CHECKING:
    import torch

OUTPUT = "mean over the tokens of the last layer, layer norm: what the classifier reads"


def load(folder: Path) -> Any:
    """The classifier.

    Raises:
        ValueError: It does not read the mean over the tokens.
    """
    from transformers import VideoMAEForVideoClassification

    network = pretrained(VideoMAEForVideoClassification, folder)
    if network.fc_norm is None:
        raise ValueError("its configuration says use_mean_pooling: false")
    return network


def embed(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(1, T, 3, 224, 224) to (1, D)."""
    features: torch.Tensor = network.fc_norm(network.videomae(pixels).last_hidden_state.mean(1))
    return features


BASE = ClipNetwork(
    "videomae-base", "videomae-base", preprocessing.VIDEOMAE, load, embed, OUTPUT, Sampling(16, "even")
).extractor()
