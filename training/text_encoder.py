"""The tokenizer and a small T5 encoder, taught to know every attribute of the caption at each of its tokens."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

from training.common import WORK, Optimizers, Run, random_caption, trained_scene
from vid_diffusion_bench.world.captions import parse, vocabulary
from vid_diffusion_bench.world.scene import BACKGROUNDS, COLORS, MOTIONS, SHAPES, SPEEDS

WIDTH, MAX_LENGTH = 96, 128
SPECIAL = ("<pad>", "</s>", "<unk>")
SYNONYMS = {"gray": "grey", "spinning": "rotating", "pink": "magenta", "slowly": "slow", "quickly": "fast"}
HEADS = {
    "shape": SHAPES,
    "color": tuple(COLORS),
    "background": tuple(BACKGROUNDS),
    "motion": MOTIONS,
    "speed": tuple(SPEEDS),
}
NOISE_WORDS = ("serene", "beautiful", "lake", "the", "and", "cinematic", "bright", "with", "sunset", "in")


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word of the grammar; any other word is ``<unk>``, and what is not a letter separates words."""
    words = [*SPECIAL, *vocabulary(), *SYNONYMS.values()]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[^a-z]+"), behavior="removed")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_LENGTH, **special)


def build(vocabulary_size: int) -> T5EncoderModel:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=vocabulary_size, d_model=WIDTH, d_kv=16, d_ff=192, num_layers=2, num_heads=6, dropout_rate=0.0
    )
    return T5EncoderModel(config)


class Taught(nn.Module):
    """The encoder with one linear head an attribute; class 0 is "not said"."""

    def __init__(self, encoder: T5EncoderModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, len(values) + 1) for name, values in HEADS.items()})

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        # Like the pipeline, without a mask: the encoder sees the padding.
        hidden = self.encoder(input_ids=ids).last_hidden_state
        return {name: head(hidden) for name, head in self.heads.items()}


def noisy_caption(rng: np.random.Generator) -> str:
    """A caption, sometimes empty, sometimes with words that mean nothing here or left-out words."""
    words = random_caption(rng, trained_scene(rng).attributes).split()
    if rng.random() < 0.05:
        return ""
    if rng.random() < 0.3:
        words = [SYNONYMS.get(word, word) for word in words if rng.random() > 0.15]
    for _ in range(rng.integers(4) if rng.random() < 0.3 else 0):
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(NOISE_WORDS)))
    return " ".join(words)


def targets(prompts: list[str]) -> dict[str, Tensor]:
    """Class (B,) of every attribute; 0 where a prompt does not say it."""
    parsed = [parse(prompt) for prompt in prompts]
    return {
        name: torch.tensor([values.index(getattr(a, name)) + 1 if getattr(a, name) else 0 for a in parsed])
        for name, values in HEADS.items()
    }


def tokenize(tokenizer: PreTrainedTokenizerFast, prompts: list[str], length: int = MAX_LENGTH) -> tuple[Tensor, Tensor]:
    """Token ids and mask, each (B, length)."""
    batch = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return batch.input_ids, batch.attention_mask


def train(seconds: float = 120) -> None:
    torch.manual_seed(1)
    tokenizer, rng = build_tokenizer(), np.random.default_rng(1)
    model, run = Taught(build(len(tokenizer))), Run("text_encoder", seconds)
    optimizers = Optimizers(model, 2e-3, seconds, adam_names=("shared", "relative", "heads"))
    run.track(model=model, optimizers=optimizers)
    for step, progress in run.steps():
        prompts = [noisy_caption(rng) for _ in range(64)]
        ids, mask = tokenize(tokenizer, prompts, int(rng.choice([24, 32, 48, MAX_LENGTH], p=[0.4, 0.3, 0.1, 0.2])))
        wanted, rows = targets(prompts), mask.bool()
        given = model(ids)
        losses = [
            functional.cross_entropy(given[n][rows], t[:, None].expand(rows.shape)[rows]) for n, t in wanted.items()
        ]
        torch.stack(losses).sum().backward()
        optimizers.step(progress)
        if step % 50 == 0:
            run.log(loss=torch.stack(losses).sum().item(), accuracy=accuracy(given, wanted, rows))
    folder = WORK / "text_encoder/final"
    model.encoder.save_pretrained(folder / "text_encoder")
    tokenizer.save_pretrained(folder / "tokenizer")


def accuracy(given: dict[str, Tensor], wanted: dict[str, Tensor], rows: Tensor) -> float:
    """The share of tokens at which every attribute is right."""
    right = torch.stack([given[name].argmax(-1) == wanted[name][:, None] for name in wanted]).all(0)
    return float(right[rows].float().mean())


if __name__ == "__main__":
    train()
