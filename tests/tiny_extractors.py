"""The built-in extractor classes at tiny random configurations, saved like the packaged ones."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import save_file

SHAPES, MOTIONS = ("circle", "square"), ("left", "right", "still")
VIDEO = {
    "channels": [8, 16],
    "feature_dim": 6,
    "classes": [f"{shape} {motion}" for shape, motion in product(SHAPES, MOTIONS)],
    "heads": {"shape": list(SHAPES)},
}
DUAL = {
    "channels": [8, 16],
    "feature_dim": 6,
    "vocabulary": ["a", "red", "blue", "circle", "square", "moving", "left", "on"],
    "text_width": 16,
    "text_layers": 1,
    "max_words": 8,
    "embedding_dim": 12,
}


def save_extractors(folder: Path, *, one_trunk: bool = False) -> Path:
    """Write ``video-net`` and ``dual-encoder`` at random float16 weights; the same trunk in both if ``one_trunk``."""
    from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet

    torch.manual_seed(0)
    video, dual = ShapesVideoNet(**VIDEO), ShapesDualEncoder(**DUAL)
    if one_trunk:
        dual.trunk.load_state_dict(video.trunk.state_dict())
    for name, network, config in (("video-net", video, VIDEO), ("dual-encoder", dual, DUAL)):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(config))
        weights = {key: value.half().contiguous() for key, value in network.state_dict().items()}
        save_file(weights, folder / name / "model.safetensors")
    return folder
