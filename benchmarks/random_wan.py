"""A Wan text-to-video pipeline of random weights, saved as any other: large enough to time a GPU by, or tiny."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Size:
    """How large the networks are, and the clip that is made."""

    transformer: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]
    clip: dict[str, Any] = field(default_factory=dict)


TINY = Size(
    transformer={"num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 32, "num_layers": 1, "text_dim": 32},
    vae={"base_dim": 3, "num_res_blocks": 1, "dim_mult": [1, 1, 1, 1]},
    text={"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2},
    clip={"num_frames": 5, "height": 32, "width": 32, "num_inference_steps": 4, "guidance_scale": 5.0, "fps": 16},
)
MID = Size(
    # The width of Wan 2.1 1.3B at half its depth.
    transformer={"num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960, "num_layers": 15,
                 "text_dim": 1024},
    vae={"base_dim": 96, "num_res_blocks": 2, "dim_mult": [1, 2, 4, 4]},
    text={"d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 12, "num_heads": 16},
    clip={"num_frames": 33, "height": 480, "width": 832, "num_inference_steps": 10, "guidance_scale": 5.0, "fps": 16},
)  # fmt: skip


def save(size: Size, folder: Path) -> Path:
    """Build the pipeline and save it, with the clip as its defaults."""
    import torch
    from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanPipeline, WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    pipeline = WanPipeline(
        tokenizer=_tokenizer(),
        text_encoder=UMT5EncoderModel(UMT5Config(vocab_size=64, **size.text)).eval(),
        transformer=WanTransformer3DModel(
            patch_size=(1, 2, 2), in_channels=16, out_channels=16, freq_dim=256, cross_attn_norm=True,
            qk_norm="rms_norm_across_heads", **size.transformer,
        ).eval(),
        vae=AutoencoderKLWan(z_dim=16, temperal_downsample=[False, True, True], **size.vae).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_defaults.json").write_text(json.dumps(size.clip), encoding="utf-8")
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "</s>", "<unk>", "a", "red", "circle", "moving", "left", "on", "black", "background"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
