"""LAION's aesthetic predictor (github.com/LAION-AI/aesthetic-predictor): a linear head on CLIP ViT-L/14.

The head reads unit vectors; frames are prepared as VBench's ``aesthetic_quality`` does. Scores are on LAION's scale of
about 1 to 10; VBench divides them by 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vid_diffusion_bench.features.base import Clip, FeatureExtractor, get_extractor
from vid_diffusion_bench.features.networks.base import (
    Features,
    load_network,
    own,
    versions,
    weights_identity,
)
from vid_diffusion_bench.features.networks.device import exact_arithmetic, network_device

NAME, READS = "laion-aesthetic-l-14", "clip-vit-l-14-vbench"


def load(path: Path) -> Any:
    """The head.

    Raises:
        KeyError, RuntimeError: The file holds something else.
    """
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    head = torch.nn.Linear(state["weight"].shape[1], 1)
    head.load_state_dict(state)
    return head


def scores(clip: Clip) -> Features:
    """The head's score of every frame, float32 (T,)."""
    import torch

    embeddings = torch.from_numpy(clip.feature(READS)).to(network_device())
    head = load_network(NAME, load)
    with exact_arithmetic():
        return own(head(torch.nn.functional.normalize(embeddings, dim=-1))[:, 0])


def identity() -> dict[str, Any]:
    """Everything that decides :func:`scores`."""
    return {
        "name": NAME,
        **weights_identity(NAME),
        "reads": get_extractor(READS).identity(),
        "output": "linear head on the unit vector of each frame, not divided by 10",
        **versions("torch"),
    }


LINEAR_L14 = FeatureExtractor(NAME, scores, identity, np.ndarray)
