"""The video network: every attribute, the joint class, and which distortion at which strength."""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.common import FEATURE_WEIGHTS, Ema, Optimizers, Run, save_network
from training.distortions import BREAKS_MOTION, DISTORTIONS, distort
from vid_diffusion_bench.features.shapes import ShapesVideoNet, VideoNetOutput
from vid_diffusion_bench.world.captions import VALID
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import BACKGROUNDS, COLORS, MOTIONS, SHAPES, SPEEDS, Attributes, sample_scene

HEADS = {
    "shape": list(SHAPES),
    "color": list(COLORS),
    "background": list(BACKGROUNDS),
    "motion": list(MOTIONS),
    "speed": ["none", *SPEEDS],
    "distortion": ["none", *DISTORTIONS],
}
CLASSES = [f"{shape} {motion}" for shape, motion in product(SHAPES, MOTIONS)]
CONFIG = {"channels": (48, 96, 128), "feature_dim": 128, "classes": CLASSES, "heads": HEADS}
IGNORED = -100
BATCH = 32
DISTORTION_WEIGHT = 2.0
"""Extra: it is the slowest to learn, and what the Fréchet distance needs."""


def build() -> ShapesVideoNet:
    torch.manual_seed(0)
    return ShapesVideoNet(**CONFIG).to(memory_format=torch.channels_last_3d)


def labels(attributes: Attributes, distortion: str) -> dict[str, int]:
    """The class of every head and of "joint"; what a distortion destroyed is ignored."""
    found = {name: HEADS[name].index(getattr(attributes, name) or "none") for name in HEADS if name != "distortion"}
    found["distortion"] = HEADS["distortion"].index(distortion)
    found["joint"] = CLASSES.index(f"{attributes.shape} {attributes.motion}")
    if distortion in BREAKS_MOTION:
        found |= dict.fromkeys(("motion", "speed", "joint"), IGNORED)
    if distortion == "desaturate":
        found["color"] = IGNORED
    return found


def example(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, int]]:
    """A clip (T, H, W, C) uint8, most of them distorted, and its labels. A still clip is not called shuffled."""
    attributes = VALID[rng.integers(len(VALID))]
    frames = render(sample_scene(rng, attributes))
    name = "none" if rng.random() < 0.3 else str(rng.choice(list(DISTORTIONS)))
    if name in BREAKS_MOTION and attributes.motion == "still":
        name = "none"
    if name != "none":
        frames = distort(name, frames, rng.uniform(0.08, 1.0), rng)
    return frames, labels(attributes, name)


def batch(rng: np.random.Generator, size: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Clips (B, T, C, H, W) in 0..1 and the labels (B,) of every head."""
    clips, found = zip(*(example(rng) for _ in range(size)), strict=True)
    frames = torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float() / 255
    return frames, {name: torch.tensor([label[name] for label in found]) for name in found[0]}


def all_logits(output: VideoNetOutput) -> dict[str, Tensor]:
    return {"joint": output.logits, **output.heads}


def train(seconds: float, lr: float) -> None:
    model, run = build(), Run("video_net", seconds)
    optimizers = Optimizers(model, lr, seconds, adam_names=("heads", "joint"))
    ema = Ema(model, 0.99)
    run.track(model=model, optimizers=optimizers, ema=ema)
    rng = np.random.default_rng([21, run.step_count])
    for step, progress in run.steps():
        clips, wanted = batch(rng, BATCH)
        given = all_logits(model(clips))
        losses = {name: functional.cross_entropy(given[name], wanted[name]) for name in given}
        (torch.stack(list(losses.values())).sum() + DISTORTION_WEIGHT * losses["distortion"]).backward()
        optimizers.step(progress)
        ema.update()
        if step % 50 == 0:
            run.log(**{name: value.item() for name, value in losses.items()})
    ema.copy_to(model)
    save_network(model, CONFIG, FEATURE_WEIGHTS / "video-net")
    run.log(**{f"accuracy_{name}": value for name, value in accuracy(model).items()})


@torch.no_grad()
def accuracy(model: ShapesVideoNet, batches: int = 16) -> dict[str, float]:
    """The share of right answers a head, on new clips of which most are distorted."""
    rng, right, count = np.random.default_rng(99), dict[str, float](), dict[str, float]()
    for _ in range(batches):
        clips, wanted = batch(rng, BATCH)
        for name, logits in all_logits(model(clips)).items():
            known = wanted[name] != IGNORED
            hits = (logits.argmax(-1) == wanted[name])[known]
            right[name] = right.get(name, 0.0) + float(hits.sum())
            count[name] = count.get(name, 0.0) + len(hits)
    return {name: right[name] / count[name] for name in right}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=800)
    parser.add_argument("--lr", type=float, default=2e-3)
    train(**vars(parser.parse_args()))
