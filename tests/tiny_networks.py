"""The real classes of published networks at tiny random configurations, in the layout of a weights folder.

Sizes that decide what a network reads (224 pixels, 77 tokens, 8, 16 or 64 frames) are the published ones; widths,
depths and patch sizes are not.
"""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from lpips_weights import save_lpips

SENTENCE = "a red blue green circle square moving left right on the background of over and photo cat dog"
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
CLIP_SIZES = {
    "clip-vit-b-32": {**TOWER, "patch_size": 32},
    "clip-vit-b-16": {**TOWER, "patch_size": 32, "num_attention_heads": 4},
    "clip-vit-l-14": {**TOWER, "patch_size": 56, "hidden_size": 48},
}


def save_networks(folder: Path) -> Path:
    """Every tiny network of the families in ``features/networks`` that load through transformers, and LPIPS."""
    for save in SAVERS:
        save(folder)
    return folder


def use_networks(monkeypatch, folder: Path) -> Path:
    """Make ``folder`` the weights folder, and let it hold other weights than the published ones."""
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(folder))
    # `weights.catalogue` is the function; the module of that name is hidden behind it.
    module = import_module("vid_diffusion_bench.weights.catalogue")
    published = module.catalogue()
    unknown = {"sha256": None, "sha256_prefix": None, "size": None}
    entries = tuple(dataclasses.replace(entry, **unknown) for entry in published)
    monkeypatch.setattr(module, "catalogue", lambda: entries)
    return folder


def noise_clip(seed=0, shape=(5, 60, 90, 3), prompt="a red circle moving left"):
    """A clip of noise."""
    from vid_diffusion_bench.features import Clip
    from vid_diffusion_bench.video import Video

    frames = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Clip(str(seed), str(seed), lambda: Video(frames, 8.0), prompt=prompt)


def assert_close(seen, expected):
    """Within 1e-5 of the largest value."""
    expected = np.asarray(expected)
    assert seen.shape == expected.shape
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


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
    specials = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": 2}
    for seed, (name, vision) in enumerate(CLIP_SIZES.items()):
        torch.manual_seed(seed)
        # eos_token_id 2 is what the published configurations say, whatever the vocabulary.
        text = CLIPTextConfig(**TOWER, vocab_size=len(tokenizer), max_position_embeddings=77, **specials)
        config = CLIPConfig(text_config=text, vision_config=CLIPVisionConfig(**vision), projection_dim=24)
        _spread(CLIPModel(config)).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def save_dino(folder: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

    torch.manual_seed(10)
    _spread(ViTModel(ViTConfig(**TOWER, patch_size=32), add_pooling_layer=False)).save_pretrained(
        folder / "dino-vit-b-16"
    )
    dinov2 = {name: value for name, value in TOWER.items() if name != "intermediate_size"}
    for name in ("dinov2-base", "dinov2-large"):
        config = Dinov2Config(**dinov2, mlp_ratio=2, patch_size=28, image_size=308)
        _spread(Dinov2Model(config)).save_pretrained(folder / name)


def save_videomae(folder: Path) -> None:
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    torch.manual_seed(11)
    config = VideoMAEConfig(**TOWER, patch_size=56, num_labels=5)
    _spread(VideoMAEForVideoClassification(config)).save_pretrained(folder / "videomae-base")
    torch.save({"module": videomae_v2_state()}, folder / "vit_g_hybrid_pt_1200e_ssv2_ft.pth")


def videomae_v2_state(hidden=32, patch=56, depth=2, mlp=48, classes=5) -> dict[str, torch.Tensor]:
    """A state dict of the original VideoMAE-v2 code, at random."""
    torch.manual_seed(12)
    shapes = {"patch_embed.proj.weight": (hidden, 3, 2, patch, patch), "patch_embed.proj.bias": (hidden,)}
    for block in range(depth):
        tensors = {
            "norm1.weight": (hidden,),
            "norm1.bias": (hidden,),
            "attn.q_bias": (hidden,),
            "attn.v_bias": (hidden,),
            "attn.qkv.weight": (3 * hidden, hidden),
            "attn.proj.weight": (hidden, hidden),
            "attn.proj.bias": (hidden,),
            "norm2.weight": (hidden,),
            "norm2.bias": (hidden,),
            "mlp.fc1.weight": (mlp, hidden),
            "mlp.fc1.bias": (mlp,),
            "mlp.fc2.weight": (hidden, mlp),
            "mlp.fc2.bias": (hidden,),
        }
        shapes |= {f"blocks.{block}.{name}": shape for name, shape in tensors.items()}
    shapes |= {"fc_norm.weight": (hidden,), "fc_norm.bias": (hidden,)}
    shapes |= {"head.weight": (classes, hidden), "head.bias": (classes,)}
    return {name: torch.randn(shape) * 0.2 for name, shape in shapes.items()}


def save_vjepa2(folder: Path) -> None:
    from transformers import VJEPA2Config, VJEPA2Model

    torch.manual_seed(13)
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2, "patch_size": 64}
    predictor = {"pred_hidden_size": 48, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}
    _spread(VJEPA2Model(VJEPA2Config(**sizes, **predictor))).save_pretrained(folder / "vjepa2-vit-l")


def save_x_clip(folder: Path) -> None:
    from transformers import XCLIPConfig, XCLIPModel, XCLIPTextConfig, XCLIPVisionConfig

    torch.manual_seed(14)
    tokenizer = clip_tokenizer()
    text = XCLIPTextConfig(**TOWER, vocab_size=len(tokenizer), max_position_embeddings=77)
    integration = {"mit_hidden_size": 24, "mit_intermediate_size": 32, "mit_num_attention_heads": 2}
    vision = XCLIPVisionConfig(**TOWER, patch_size=56, num_frames=8, **integration)
    config = XCLIPConfig(text_config=text, vision_config=vision, projection_dim=24, prompt_num_attention_heads=2)
    _spread(XCLIPModel(config)).save_pretrained(folder / "x-clip-base-32")
    tokenizer.save_pretrained(folder / "x-clip-base-32")


def save_aesthetic(folder: Path) -> None:
    torch.manual_seed(15)
    # As wide as the embeddings of the tiny clip-vit-l-14.
    torch.save({"weight": torch.randn(1, 24), "bias": torch.randn(1)}, folder / "sa_0_4_vit_l_14_linear.pth")


def _spread(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights large enough that every frame and word moves the output."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.15)
    return network.eval()


SAVERS = (save_clip, save_dino, save_videomae, save_vjepa2, save_x_clip, save_aesthetic, save_lpips)
