"""The video autoencoder: 16x in space, 4x in time, 48 channels; trained to draw sharp edges from noisy latents."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.nn import functional

from training.common import WORK, Ema, Optimizers, Pool, Run

LATENT_CHANNELS = 48
CONFIG: dict[str, Any] = {
    "latent_channels": LATENT_CHANNELS,
    "block_out_channels": (32, 64),
    "down_block_types": ("LTXVideoDownBlock3D",) * 2,
    "layers_per_block": (0, 0, 1),
    "decoder_block_out_channels": (64, 64),
    "decoder_layers_per_block": (1, 1, 1),
    "spatio_temporal_scaling": (True, True),
    "decoder_spatio_temporal_scaling": (True, True),
    "downsample_type": ("conv",) * 2,
    "upsample_residual": (False,) * 2,
    "upsample_factor": (1,) * 2,
    "decoder_inject_noise": (False,) * 3,
    "patch_size": 4,
}
WINDOWS = ((5, 8, 0.6), (9, 5, 0.2), (17, 3, 0.2))
"""(frames, clips a step, share of the steps): equal cost, and the decoder sees every context length."""
LATENT_NOISE = 0.25


def build() -> AutoencoderKLLTXVideo:
    torch.manual_seed(0)
    model = AutoencoderKLLTXVideo(**CONFIG)
    return model.to(memory_format=torch.channels_last_3d)


def encode(model: AutoencoderKLLTXVideo, clips: Tensor) -> Tensor:
    """Latent means (B, Z, t, h, w) of ``clips`` (B, C, T, H, W) in -1..1, not normalised."""
    return model.encoder(clips)[:, :LATENT_CHANNELS]


def pixel_weights(clips: Tensor) -> Tensor:
    """Weights (B, 1, T, H, W): 1 on the plain background, 6 on the shape and 2 pixels around it."""
    background = clips[:, :, :1, :1, :1]
    shape = (clips - background).abs().amax(1, keepdim=True).gt(0.02).float()
    return 1.0 + 5.0 * functional.max_pool3d(shape, (1, 5, 5), stride=1, padding=(0, 2, 2))


def loss(clips: Tensor, decoded: Tensor) -> Tensor:
    error = decoded - clips
    return (pixel_weights(clips) * (error.abs() + error.square())).mean()


def psnr(clips: Tensor, decoded: Tensor) -> float:
    """Of pixels in 0..1, in decibels, the mean over clips."""
    error = ((decoded.clamp(-1, 1) - clips) / 2).square().flatten(1).mean(1)
    return float((-10 * error.log10()).mean())


def noisy(latents: Tensor, amount: float) -> Tensor:
    """Latents with noise relative to each channel's spread, so that no information hides in faint directions."""
    spread = latents.detach().std((0, 2, 3, 4), keepdim=True)
    return latents + amount * spread * torch.randn_like(latents)


def window(rng: np.random.Generator) -> tuple[int, int]:
    frames, clips, _ = WINDOWS[rng.choice(len(WINDOWS), p=[share for *_, share in WINDOWS])]
    return frames, clips


def train(seconds: float, lr: float, name: str = "autoencoder") -> None:
    model, run = build(), Run(name, seconds)
    optimizers, ema = Optimizers(model, lr, seconds, adam_names=("conv_out.conv",)), Ema(model, 0.998)
    run.track(model=model, optimizers=optimizers, ema=ema)
    pool, rng = Pool(6000, seed=1), np.random.default_rng(run.step_count)
    held = Pool(12, seed=2).clips(rng, 12, 17)
    for step, progress in run.steps():
        frames, batch = window(rng)
        clips = pool.clips(rng, batch, frames)
        latents = encode(model, clips)
        amount = LATENT_NOISE * min(1.0, 3 * progress)
        value = loss(clips, model.decoder(noisy(latents, amount))) + 1e-4 * latents.square().mean()
        value.backward()
        optimizers.step(progress)
        ema.update()
        if step % 200 == 0:
            evaluate(run, ema, held, value.item())
    export(ema, pool)


@torch.no_grad()
def evaluate(run: Run, ema: Ema, clips: Tensor, value: float) -> None:
    model = build()
    ema.copy_to(model)
    latents = encode(model, clips)
    clean, rough = model.decoder(latents), model.decoder(noisy(latents, LATENT_NOISE))
    run.log(loss=value, psnr=psnr(clips, clean), psnr_noisy=psnr(clips, rough), held_loss=float(loss(clips, clean)))


@torch.no_grad()
def export(ema: Ema, pool: Pool) -> None:
    """Save the averaged model with the statistics of its latents."""
    model = build()
    ema.copy_to(model)
    rng = np.random.default_rng(3)
    latents = torch.cat([encode(model, pool.clips(rng, 32, 17)) for _ in range(16)])
    model.latents_mean.copy_(latents.mean((0, 2, 3, 4)))
    model.latents_std.copy_(latents.std((0, 2, 3, 4)))
    model.save_pretrained(WORK / "autoencoder/final")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--name", default="autoencoder")
    train(**vars(parser.parse_args()))
