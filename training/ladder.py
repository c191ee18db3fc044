"""How the Fréchet distance of the video network's features answers to each distortion, against the real-real floor."""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch

from training.common import FEATURE_WEIGHTS, WORK
from training.distortions import DISTORTIONS, distort
from vid_diffusion_bench.features.shapes import ShapesVideoNet
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance
from vid_diffusion_bench.world.reference import reference_scenes
from vid_diffusion_bench.world.render import render_batch

STRENGTHS = (0.1, 0.25, 0.5, 1.0)


@torch.no_grad()
def features(model: ShapesVideoNet, clips: np.ndarray) -> np.ndarray:
    """(N, T, H, W, C) uint8 to (N, D) float64."""
    parts = [clips[i : i + 32] for i in range(0, len(clips), 32)]
    tensors = (torch.from_numpy(part).permute(0, 1, 4, 2, 3).float() / 255 for part in parts)
    return np.concatenate([model(tensor).features.numpy() for tensor in tensors]).astype(np.float64)


def ladder(count: int) -> dict[str, list[float] | float]:
    """Distance to ``count`` reference clips of ``count`` others, plain and distorted at each of ``STRENGTHS``."""
    model = ShapesVideoNet.from_pretrained(FEATURE_WEIGHTS / "video-net")
    real = features(model, render_batch(reference_scenes(count, seed=1)))
    others = render_batch(reference_scenes(count, seed=2))
    rng = np.random.default_rng(0)
    table: dict[str, list[float] | float] = {
        "count": count,
        "floor": round(frechet_distance(real, features(model, others)), 2),
    }
    for name in DISTORTIONS:
        row = []
        for strength in STRENGTHS:
            changed = np.stack([distort(name, clip, strength, rng) for clip in others])
            row.append(round(frechet_distance(real, features(model, changed)), 2))
        table[name] = row
        print(name, row, flush=True)
    return table


def main(count: int) -> None:
    result = ladder(count)
    print(json.dumps(result))
    (WORK / "ladder.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=256)
    main(parser.parse_args().count)
