"""Whether features, class probabilities and text similarity put the oracle before the base before the small model."""

from __future__ import annotations

import json

import numpy as np
import torch

from training.common import FEATURE_WEIGHTS, WORK
from training.evaluate import Generate, diffusion, drawn, oracle
from training.ladder import features, frechet
from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet
from vid_diffusion_bench.world.captions import VALID, caption
from vid_diffusion_bench.world.reference import reference_scenes
from vid_diffusion_bench.world.render import render_batch

COUNT, BATCH = 128, 16


@torch.no_grad()
def measure(generate: Generate, real: np.ndarray, video: ShapesVideoNet, dual: ShapesDualEncoder) -> dict[str, float]:
    """Of ``COUNT`` clips: Fréchet distance to ``real`` features, inception score and mean cosine with the prompt."""
    prompts = [caption(attributes) for attributes in drawn(VALID, COUNT, seed=5)]
    clips = [generate(prompts[i : i + BATCH], 2000 + i) for i in range(0, COUNT, BATCH)]
    stacked = np.concatenate(clips)
    tensors = [torch.from_numpy(part).permute(0, 1, 4, 2, 3).float() / 255 for part in clips]
    chances = torch.cat([video(part).logits.softmax(-1) for part in tensors])
    divergence = (chances * (chances.clamp_min(1e-12).log() - chances.mean(0).clamp_min(1e-12).log())).sum(1).mean()
    cosine = torch.cat([dual(part, prompts[i * BATCH : (i + 1) * BATCH]) for i, part in enumerate(tensors)]).mean()
    return {
        "frechet": round(frechet(real, features(video, stacked)), 1),
        "inception": round(float(divergence.exp()), 2),
        "similarity": round(float(cosine), 3),
    }


def main() -> None:
    video = ShapesVideoNet.from_pretrained(FEATURE_WEIGHTS / "video-net")
    dual = ShapesDualEncoder.from_pretrained(FEATURE_WEIGHTS / "dual-encoder")
    real = features(video, render_batch(reference_scenes(COUNT, seed=1)))
    makers = {
        "shapes-oracle": oracle,
        "shapes-base": diffusion("shapes-base"),
        "shapes-small": diffusion("shapes-small"),
    }
    table = {name: measure(generate, real, video, dual) for name, generate in makers.items()}
    print(json.dumps(table))
    (WORK / "order.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
