"""The denoisers: LTX transformers over 80 space-time tokens, trained by flow matching on cached latents."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXPipeline, LTXVideoTransformer3DModel
from torch import Tensor
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from training.autoencoder import LATENT_CHANNELS, encode
from training.bfloat16 import use_bfloat16_linears
from training.common import FPS, WORK, Ema, Optimizers, Pool, Run, random_caption
from training.text_encoder import WIDTH as TEXT_WIDTH
from training.text_encoder import tokenize

TEXT_LENGTH = 20
"""Tokens kept of a caption when training; the longest caption of the grammar has fewer."""
CAPTIONS_PER_CLIP = 3
CAPTION_DROPOUT = 0.1
GRID = {"num_frames": 5, "height": 4, "width": 4}
ROPE_SCALE = (4 / FPS, 16, 16)
SIGMA_MEAN = 0.6
"""Of the logit-normal noise level: above 0, because 48 correlated channels stay legible under much noise."""


@dataclass(frozen=True, slots=True)
class Size:
    heads: int
    layers: int
    batch: int
    pool: int


SIZES = {
    "shapes-base": Size(heads=6, layers=6, batch=40, pool=8000),
    "shapes-small": Size(heads=3, layers=3, batch=40, pool=8000),
}
SHIFT = 2.0


def build(size: Size) -> LTXVideoTransformer3DModel:
    torch.manual_seed(0)
    return LTXVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=size.heads,
        attention_head_dim=32,
        cross_attention_dim=32 * size.heads,
        num_layers=size.layers,
        caption_channels=TEXT_WIDTH,
    )


def load_text() -> tuple[PreTrainedTokenizerFast, T5EncoderModel]:
    folder = WORK / "text_encoder/final"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
    return tokenizer, T5EncoderModel.from_pretrained(folder / "text_encoder").eval()


def load_autoencoder() -> AutoencoderKLLTXVideo:
    return AutoencoderKLLTXVideo.from_pretrained(WORK / "autoencoder/final").eval()


class LatentPool:
    """Normalised latents (N, S, Z) of rendered clips with embedded captions (N, K, L, E) and their masks (N, K, L)."""

    def __init__(self, size: int) -> None:
        path = WORK / f"latents-{size}.pt"
        if not path.exists():
            torch.save(_encode_pool(size), path)
        state = torch.load(path)
        self.latents, self.text, self.masks = state["latents"], state["text"], state["masks"]
        self.null_text, self.null_mask = state["null_text"], state["null_mask"]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, S, Z), embeddings (B, L, E) and masks (B, L), some captions replaced by the empty one."""
        rows = torch.from_numpy(rng.integers(len(self.latents), size=size))
        which = torch.from_numpy(rng.integers(CAPTIONS_PER_CLIP, size=size))
        text, mask = self.text[rows, which].float(), self.masks[rows, which].clone()
        dropped = torch.from_numpy(rng.random(size) < CAPTION_DROPOUT)
        text[dropped], mask[dropped] = self.null_text.float(), self.null_mask
        return self.latents[rows].float(), text, mask


@torch.no_grad()
def _encode_pool(size: int) -> dict[str, Tensor]:
    pool, model, rng = Pool(size, seed=11), load_autoencoder(), np.random.default_rng(12)
    model = model.to(memory_format=torch.channels_last_3d)
    mean, std = (t.view(1, -1, 1, 1, 1) for t in (model.latents_mean, model.latents_std))
    latents = [
        ((encode(model, clips) - mean) / std).flatten(2).mT.half()
        for clips in (pool.whole(range(i, min(i + 50, size))) for i in range(0, size, 50))
    ]
    prompts = [random_caption(rng, scene.attributes) for scene in pool.scenes for _ in range(CAPTIONS_PER_CLIP)]
    text, masks = embed([*prompts, ""])
    shape = (size, CAPTIONS_PER_CLIP, TEXT_LENGTH)
    return {
        "latents": torch.cat(latents),
        "text": text[:-1].view(*shape, TEXT_WIDTH),
        "masks": masks[:-1].view(shape),
        "null_text": text[-1],
        "null_mask": masks[-1],
    }


@torch.no_grad()
def embed(prompts: list[str]) -> tuple[Tensor, Tensor]:
    """Embeddings (N, L, E) float16 and masks (N, L), as the pipeline makes them, cut to ``TEXT_LENGTH``."""
    tokenizer, encoder = load_text()
    texts, masks = [], []
    for start in range(0, len(prompts), 100):
        ids, mask = tokenize(tokenizer, prompts[start : start + 100])
        texts.append(encoder(input_ids=ids).last_hidden_state[:, :TEXT_LENGTH].half())
        masks.append(mask[:, :TEXT_LENGTH].bool())
    return torch.cat(texts), torch.cat(masks)


def flow_loss(model: LTXVideoTransformer3DModel, latents: Tensor, text: Tensor, mask: Tensor) -> Tensor:
    """Squared error of the predicted velocity (noise minus clip) at random noise levels."""
    sigma = torch.sigmoid(torch.randn(len(latents)) + SIGMA_MEAN)
    noise = torch.randn_like(latents)
    mixed = torch.lerp(latents, noise, sigma[:, None, None])
    velocity = model(mixed, text, sigma * 1000, mask, rope_interpolation_scale=ROPE_SCALE, return_dict=False, **GRID)[0]
    return (velocity - (noise - latents)).square().mean()


def train(name: str, seconds: float, lr: float) -> None:
    size = SIZES[name]
    model, run = build(size), Run(name, seconds)
    use_bfloat16_linears(model)
    small_parts = ("time_embed", "caption_projection", "proj_in", "proj_out", "scale_shift_table")
    optimizers, ema = Optimizers(model, lr, seconds, adam_names=small_parts), Ema(model, 0.998)
    run.track(model=model, optimizers=optimizers, ema=ema)
    pool, rng = LatentPool(size.pool), np.random.default_rng(run.step_count)
    torch.manual_seed(run.step_count)
    total = 0.0
    for step, progress in run.steps():
        value = flow_loss(model, *pool.batch(rng, size.batch))
        value.backward()
        optimizers.step(progress)
        ema.update()
        total += value.item()
        if step % 50 == 49:
            run.log(loss=total / 50)
            total = 0.0
    export(name, ema)


def export(name: str, ema: Ema) -> None:
    """Save the averaged transformer in ``.train/<name>/final``."""
    model = build(SIZES[name])
    ema.copy_to(model)
    model.save_pretrained(WORK / name / "final")


def pipeline(name: str) -> LTXPipeline:
    """The whole pipeline from the parts trained so far."""
    tokenizer, text_encoder = load_text()
    transformer = LTXVideoTransformer3DModel.from_pretrained(WORK / name / "final").eval()
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    return LTXPipeline(scheduler, load_autoencoder(), text_encoder, tokenizer, transformer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SIZES)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--lr", type=float, default=2e-3)
    train(**vars(parser.parse_args()))
