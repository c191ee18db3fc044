"""The real classes of published networks at tiny random configurations, in the layout of a weights folder.

Sizes that decide what a network reads (224 pixels, 77 tokens, 8, 16 or 64 frames) are the published ones; widths,
depths and patch sizes are not.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import torch

SENTENCE = "a red blue green circle square moving left right on the background of over and photo cat dog"
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
CLIP_SIZES = {
    "clip-vit-b-32": {**TOWER, "patch_size": 32},
    "clip-vit-b-16": {**TOWER, "patch_size": 32, "num_attention_heads": 4},
    "clip-vit-l-14": {**TOWER, "patch_size": 56, "hidden_size": 48},
}


def save_networks(folder: Path) -> Path:
    """Every tiny network of the families in ``features/networks`` that load through transformers."""
    for save in SAVERS:
        save(folder)
    return folder


def use_networks(monkeypatch, folder: Path) -> Path:
    """Make ``folder`` the weights folder, and let it hold other weights than the published ones."""
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(folder))
    # `weights.catalogue` is the function; the module of that name is hidden behind it.
    module = sys.modules["vid_diffusion_bench.weights.catalogue"]
    published = module.catalogue()
    unknown = {"sha256": None, "sha256_prefix": None, "size": None}
    entries = tuple(dataclasses.replace(entry, **unknown) for entry in published)
    monkeypatch.setattr(module, "catalogue", lambda: entries)
    return folder


def clip_tokenizer():
    """CLIP's own tokenizer class over a few words; every other text falls into bytes. End-of-text has the last id, as
    in the published vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=900, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator([[word] for word in SENTENCE.split()] * 3, trainer)
    merges = [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=merges)


def save_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    tokenizer = clip_tokenizer()
    for seed, (name, vision) in enumerate(CLIP_SIZES.items()):
        torch.manual_seed(seed)
        # eos_token_id 2 is what the published configurations say.
        text = CLIPTextConfig(**TOWER, vocab_size=len(tokenizer), max_position_embeddings=77, eos_token_id=2)
        config = CLIPConfig(text_config=text, vision_config=CLIPVisionConfig(**vision), projection_dim=24)
        _spread(CLIPModel(config)).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def _spread(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights large enough that every frame and word moves the output."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.15)
    return network.eval()


SAVERS = (save_clip,)
