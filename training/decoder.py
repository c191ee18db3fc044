"""The decoder alone, trained further on noisy latents while the encoder, and so the latent space, stays as it is."""

from __future__ import annotations

import argparse

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo

from training.autoencoder import build, encode, evaluate, loss, noisy
from training.common import WORK, Ema, Optimizers, Pool, Run

WINDOWS = ((1, 28, 0.25), (5, 8, 0.35), (17, 3, 0.4))
"""(frames, clips a step, share of the steps); single frames show the most different shapes a step."""
NOISE = 0.3


def train(seconds: float, lr: float) -> None:
    """The result takes the place of the autoencoder in ``.train/autoencoder/final``."""
    final = AutoencoderKLLTXVideo.from_pretrained(WORK / "autoencoder/final")
    model = build()
    model.load_state_dict(final.state_dict())
    model.encoder.requires_grad_(requires_grad=False)
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
    parser.add_argument("--lr", type=float, default=8e-4)
    train(**vars(parser.parse_args()))
