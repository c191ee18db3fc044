"""The text-clip dual encoder: the video network's trunk, frozen, and two heads taught by contrast on its features."""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.common import FEATURE_WEIGHTS, Ema, Optimizers, Run, random_caption, save_network
from training.distortions import DISTORTIONS, distort
from training.video_net import CONFIG as VIDEO_CONFIG
from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet
from vid_diffusion_bench.world.captions import VALID, caption, parse, vocabulary
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import Attributes, sample_scene

CONFIG = {
    "channels": VIDEO_CONFIG["channels"],
    "feature_dim": VIDEO_CONFIG["feature_dim"],
    "vocabulary": vocabulary(),
    "text_width": 96,
    "text_layers": 2,
    "max_words": 20,
    "embedding_dim": 128,
}
BATCH = 96
KEPT_DISTORTIONS = ("noise", "blur", "jitter", "flicker")
"""Those that leave the caption true; a fifth of the clips has one."""


def build() -> ShapesDualEncoder:
    torch.manual_seed(0)
    model = ShapesDualEncoder(**CONFIG)
    video = ShapesVideoNet.from_pretrained(FEATURE_WEIGHTS / "video-net")
    model.trunk.load_state_dict(video.trunk.state_dict())
    model.trunk.requires_grad_(requires_grad=False)
    return model


@torch.no_grad()
def feature_pool(model: ShapesDualEncoder, size: int, seed: int) -> tuple[Tensor, list[Attributes]]:
    """Trunk features (N, D) of rendered clips and their attributes."""
    rng, features, attributes = np.random.default_rng(seed), [], []
    for _ in range(size // 32):
        drawn = [VALID[rng.integers(len(VALID))] for _ in range(32)]
        clips = np.stack([_clip(rng, one) for one in drawn])
        features.append(model.trunk(torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 255))
        attributes += drawn
    return torch.cat(features), attributes


def _clip(rng: np.random.Generator, attributes: Attributes) -> np.ndarray:
    frames = render(sample_scene(rng, attributes))
    if rng.random() < 0.2:
        name = str(rng.choice([name for name in DISTORTIONS if name in KEPT_DISTORTIONS]))
        frames = distort(name, frames, rng.uniform(0.0, 0.5), rng)
    return frames


def fits(prompts: list[str], attributes: list[Attributes]) -> Tensor:
    """Whether clip i is described by prompt j (B, B): a prompt that says less describes more clips."""
    said = [parse(prompt).named().items() for prompt in prompts]
    return torch.tensor([[all(getattr(a, k) == v for k, v in s) for s in said] for a in attributes])


def contrast(model: ShapesDualEncoder, features: Tensor, prompts: list[str], matches: Tensor) -> Tensor:
    """Symmetric InfoNCE in which other true pairs are left out of the denominator."""
    noisy = features + 0.05 * features.std(0) * torch.randn_like(features)
    logits = model.logit_scale.exp() * model.project(noisy) @ model.encode_text(prompts).T
    others = matches & ~torch.eye(len(prompts), dtype=torch.bool)
    logits = logits.masked_fill(others, -1e4)
    wanted = torch.arange(len(prompts))
    return functional.cross_entropy(logits, wanted) + functional.cross_entropy(logits.T, wanted)


def train(seconds: float, lr: float, pool: int) -> None:
    model, run = build(), Run("dual_encoder", seconds)
    optimizers = Optimizers(model, lr, seconds, adam_names=("words", "positions", "logit_scale"))
    ema = Ema(model, 0.99)
    run.track(model=model, optimizers=optimizers, ema=ema)
    features, attributes = feature_pool(model, pool, seed=31)
    rng = np.random.default_rng([32, run.step_count])
    for step, progress in run.steps():
        rows = rng.integers(len(features), size=BATCH)
        drawn = [attributes[row] for row in rows]
        prompts = [
            random_caption(rng, one) if rng.random() < 0.5 else caption(one, int(rng.integers(4))) for one in drawn
        ]
        value = contrast(model, features[rows], prompts, fits(prompts, drawn))
        value.backward()
        optimizers.step(progress)
        ema.update()
        if step % 50 == 0:
            run.log(loss=value.item())
    ema.copy_to(model)
    save_network(model, CONFIG, FEATURE_WEIGHTS / "dual-encoder")
    run.log(**retrieval(model))


@torch.no_grad()
def retrieval(model: ShapesDualEncoder, rounds: int = 10, among: int = 40) -> dict[str, float]:
    """How often a new clip's own caption is the most similar of ``among`` captions of different attributes."""
    rng, right, own, other = np.random.default_rng(98), 0, [], []
    for _ in range(rounds):
        drawn = [VALID[index] for index in rng.choice(len(VALID), among, replace=False)]
        clips = np.stack([render(sample_scene(rng, one)) for one in drawn])
        embedded = model.encode_clips(torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 255)
        similarity = embedded @ model.encode_text([caption(one) for one in drawn]).T
        right += int((similarity.argmax(1) == torch.arange(among)).sum())
        own.append(similarity.diag().mean().item())
        other.append((similarity.sum() - similarity.trace()).item() / (among * (among - 1)))
    return {"top1": right / (rounds * among), "own": float(np.mean(own)), "other": float(np.mean(other))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--pool", type=int, default=6400)
    train(**vars(parser.parse_args()))
