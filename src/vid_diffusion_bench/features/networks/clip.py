"""CLIP (Radford et al. 2021, github.com/openai/CLIP): frames and prompts in one space.

Three sizes, each as three extractors: ``NAME`` reads frames as the published processor does, ``NAME-vbench`` as
VBench's ``clip_transform(224)``, and ``NAME-text`` reads the prompt. Embeddings are projected and not normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import (
    Features,
    FrameNetwork,
    found,
    load_network,
    own,
    pretrained,
    versions,
    weights_identity,
)
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic, network_device
from vid_diffusion_bench.features.networks.text import tokenize, tokenizer_sha256

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TextFeatures:
    """Of one prompt: its ``embedding`` float32 (D,), and the share of its tokens beyond the context, 0..1."""

    embedding: Features
    truncated_share: float


def load(folder: Path) -> Any:
    """Both towers and their projections."""
    from transformers import CLIPModel

    return pretrained(CLIPModel, folder)


def embed_frames(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(N, 3, 224, 224) to projected embeddings (N, D)."""
    embeddings: torch.Tensor = network.visual_projection(network.vision_model(pixel_values=pixels).pooler_output)
    return embeddings


def text_features(name: str, clip: Clip) -> TextFeatures:
    """The projected embedding of the prompt of ``clip`` by the network of the weights ``name``.

    Raises:
        MetricComputationError: The prompt is not known, or blank.
    """
    network = load_network(name, load)
    context = network.config.text_config.max_position_embeddings
    tokens = tokenize(clip, found(name).path, context)
    with exact_arithmetic():
        hidden = network.text_model(input_ids=tokens.ids.to(network_device())).pooler_output
        embedding = own(network.text_projection(hidden)[0])
    return TextFeatures(embedding, tokens.truncated_share)


def text_identity(name: str) -> dict[str, Any]:
    """Everything that decides :func:`text_features`."""
    return {
        "name": f"{name}-text",
        **weights_identity(name),
        "tokenizer_sha256": tokenizer_sha256(found(name).path),
        "preprocessing": "cut to the context length, start and end tokens kept",
        "output": "projected embedding of the prompt, not normalised",
        "precision": PRECISION,
        **versions("torch", "transformers", "tokenizers"),
    }


def _frames(name: str, weights_name: str, protocol: preprocessing.Preprocessing) -> FeatureExtractor:
    output = "projected embedding of each frame, not normalised"
    return FrameNetwork(name, weights_name, protocol, load, embed_frames, output).extractor()


def _text(name: str) -> FeatureExtractor:
    return FeatureExtractor(
        f"{name}-text",
        lambda clip: text_features(name, clip),
        lambda: text_identity(name),
        TextFeatures,
        reads_prompt=True,
    )


B32, B16, L14 = (
    _frames(name, name, preprocessing.CLIP) for name in ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")
)
B32_VBENCH, B16_VBENCH, L14_VBENCH = (
    _frames(f"{name}-vbench", name, preprocessing.CLIP_VBENCH)
    for name in ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")
)
B32_TEXT, B16_TEXT, L14_TEXT = (_text(name) for name in ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14"))
