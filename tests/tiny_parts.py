"""What tiny pipelines are put together from: real classes of diffusers and transformers at small sizes, seed 0."""

from __future__ import annotations

from pathlib import Path

import torch

WORDS = ["a", "an", "on", "of", "red", "blue", "green", "white", "circle", "square", "moving", "left", "background"]


def seeded(module_class, **configuration):
    """A module of diffusers."""
    torch.manual_seed(0)
    return module_class(**configuration).eval()


def encoder(name: str, **configuration):
    """A model of transformers, from its class's own configuration."""
    import transformers

    model = getattr(transformers, name)
    torch.manual_seed(0)
    return model(model.config_class(**configuration)).eval()


def saved(pipeline, folder: Path) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _tokenizer(special: list[str], single: str, **named: str):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    around = [(word, vocabulary[word]) for word in single.split() if word in vocabulary]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=around)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", model_max_length=77, **named)


def t5_tokenizer():
    return _tokenizer(["<pad>", "</s>", "<unk>"], "$A </s>", pad_token="<pad>", eos_token="</s>")


def clip_tokenizer():
    return _tokenizer(["<s>", "</s>", "<unk>"], "<s> $A </s>", bos_token="<s>", eos_token="</s>", pad_token="</s>")


def t5(family: str = "T5"):
    return encoder(f"{family}EncoderModel", vocab_size=64, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)


def clip_text():
    return encoder(
        "CLIPTextModel",
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=16,
        max_position_embeddings=77,
        bos_token_id=0,
        eos_token_id=1,
    )


def wan_vae():
    from diffusers import AutoencoderKLWan

    return seeded(
        AutoencoderKLWan,
        base_dim=3,
        z_dim=16,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
    )


def cogvideox_vae():
    from diffusers import AutoencoderKLCogVideoX

    return seeded(
        AutoencoderKLCogVideoX,
        in_channels=3,
        out_channels=3,
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
    )


def image_vae():
    from diffusers import AutoencoderKL

    return seeded(
        AutoencoderKL,
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )


def image_unet(sample_size: int):
    from diffusers import UNet2DConditionModel

    return seeded(
        UNet2DConditionModel,
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=sample_size,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=2,
    )


def wan_transformer(family: str = "Wan", *, in_channels: int = 16, **more):
    """Wan's, or that of a family built on it."""
    import diffusers

    return seeded(
        getattr(diffusers, f"{family}Transformer3DModel"),
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=in_channels,
        out_channels=16,
        text_dim=32,
        freq_dim=256,
        ffn_dim=32,
        num_layers=1,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
        **more,
    )


def cogvideox_transformer(*, in_channels: int = 4, **more):
    from diffusers import CogVideoXTransformer3DModel

    return seeded(
        CogVideoXTransformer3DModel,
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=in_channels,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=32,
        num_layers=1,
        sample_width=4,
        sample_height=4,
        sample_frames=9,
        patch_size=2,
        temporal_compression_ratio=4,
        max_text_seq_length=226,
        **more,
    )
