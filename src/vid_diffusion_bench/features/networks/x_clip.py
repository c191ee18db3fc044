"""X-CLIP base/32 (Ni et al. 2022): a clip and its prompt as two unit vectors in one space.

The text vector is steered by what the network sees in the clip (its prompt generator), so both come from one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vid_diffusion_bench.features.base import Clip, FeatureExtractor
from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import (
    Features,
    clip_pixels,
    found,
    load_network,
    own,
    pretrained,
    versions,
    weights_identity,
)
from vid_diffusion_bench.features.networks.device import PRECISION, exact_arithmetic, network_device
from vid_diffusion_bench.features.networks.sampling import Sampling
from vid_diffusion_bench.features.networks.text import tokenize, tokenizer_sha256

NAME = "x-clip-base-32"
SAMPLING = Sampling(8, "middles")
"""As X-CLIP's own tests sample (``SampleFrames`` with 8 clips of 1 frame, in microsoft/VideoX)."""


@dataclass(frozen=True)
class VideoTextFeatures:
    """Of a clip and its prompt: unit vectors ``video`` and ``text``, float32 (D,), whose dot product is their cosine,
    and the share of the prompt's tokens beyond the context, 0..1."""

    video: Features
    text: Features
    truncated_share: float


def load(folder: Path) -> Any:
    """Both towers, the multi-frame transformer and the prompt generator."""
    from transformers import XCLIPModel

    return pretrained(XCLIPModel, folder)


def video_text_features(clip: Clip) -> VideoTextFeatures:
    """What X-CLIP makes of ``clip`` and its prompt.

    Raises:
        MetricComputationError: The prompt is not known, or blank.
    """
    network = load_network(NAME, load)
    tokens = tokenize(clip, found(NAME).path, network.config.text_config.max_position_embeddings)
    pixels = clip_pixels(clip.video.frames, SAMPLING, preprocessing.VIDEOMAE)
    with exact_arithmetic():
        seen = network(input_ids=tokens.ids.to(network_device()), pixel_values=pixels)
        return VideoTextFeatures(own(seen.video_embeds[0]), own(seen.text_embeds[0, 0]), tokens.truncated_share)


def identity() -> dict[str, Any]:
    """Everything that decides :func:`video_text_features`."""
    return {
        "name": NAME,
        **weights_identity(NAME),
        "tokenizer_sha256": tokenizer_sha256(found(NAME).path),
        "sampling": SAMPLING.describe(),
        "preprocessing": preprocessing.VIDEOMAE.describe(),
        "text": "cut to the context length, start and end tokens kept",
        "output": "unit vectors of the clip, and of the prompt steered by the clip",
        "precision": PRECISION,
        **versions("torch", "transformers", "pillow", "tokenizers"),
    }


BASE_32 = FeatureExtractor(NAME, video_text_features, identity, VideoTextFeatures, reads_prompt=True)
