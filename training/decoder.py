"""The decoder alone, trained further on noisy latents while the encoder, and so the latent space, stays as it is."""

from __future__ import annotations

import argparse

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.nn import functional

from training.autoencoder import build, encode, evaluate, noisy
from training.bfloat16 import use_bfloat16_convolutions
from training.common import WORK, Ema, Optimizers, Pool, Run

WINDOWS = ((1, 28, 0.25), (5, 8, 0.35), (17, 3, 0.4))
"""(frames, clips a step, share of the steps); single frames show the most different shapes a step."""
NOISE = 0.3


def edge_weights(clips: Tensor) -> Tensor:
    """Weights (B, 1, T, H, W): 16 within 2 pixels of the outline, 4 inside it, 1 on the background."""
    background = clips[:, :, :1, :1, :1]
    shape = (clips - background).abs().amax(1, keepdim=True).gt(0.02).float()
    pool = {"kernel_size": (1, 5, 5), "stride": 1, "padding": (0, 2, 2)}
    grown, shrunk = functional.max_pool3d(shape, **pool), 1 - functional.max_pool3d(1 - shape, **pool)
    return 1.0 + 3.0 * shape + 12.0 * (grown - shrunk)


def loss(clips: Tensor, decoded: Tensor) -> Tensor:
    error = decoded - clips
    return (edge_weights(clips) * (error.abs() + error.square())).mean()


def train(seconds: float, lr: float) -> None:
    """The result takes the place of the autoencoder in ``.train/autoencoder/final``."""
    final = AutoencoderKLLTXVideo.from_pretrained(WORK / "autoencoder/final")
    model = build()
    model.load_state_dict(final.state_dict())
    model.encoder.requires_grad_(requires_grad=False)
    use_bfloat16_convolutions(model.decoder)
    run = Run("decoder", seconds)
    optimizers, ema = Optimizers(model, lr, seconds, adam_names=("conv_out.conv",)), Ema(model, 0.998)
    run.track(model=model, optimizers=optimizers, ema=ema)
    rng = np.random.default_rng([41, run.step_count])
    pool, held = Pool(6000, seed=42), Pool(12, seed=2).clips(rng, 12, 17)
    for step, progress in run.steps():
        frames, batch, _ = WINDOWS[rng.choice(len(WINDOWS), p=[share for *_, share in WINDOWS])]
        clips = pool.clips(rng, batch, frames)
        with torch.no_grad():
            latents = noisy(encode(model, clips), NOISE * rng.random())
        value = loss(clips, model.decoder(latents))
        value.backward()
        optimizers.step(progress)
        ema.update()
        if step % 200 == 0:
            evaluate(run, ema, held, value.item())
        if step % 500 == 499:
            export(ema)
    export(ema)


def export(ema: Ema) -> None:
    """Replace the decoder in the saved autoencoder; its encoder and latent statistics are kept."""
    folder = WORK / "autoencoder/final"
    saved = AutoencoderKLLTXVideo.from_pretrained(folder)
    saved.decoder.load_state_dict(
        {name.removeprefix("decoder."): v for name, v in ema.values.items() if name.startswith("decoder.")}
    )
    saved.save_pretrained(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    train(**vars(parser.parse_args()))
