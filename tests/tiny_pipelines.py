"""Real diffusers pipeline classes at tiny random configurations, built in code and saved like any other model.

Each ``save_*`` writes a folder that ``get_model`` opens; a clip of 32x32 takes well under a second.
"""

from __future__ import annotations

from pathlib import Path

import torch

WORDS = ["a", "an", "on", "of", "red", "blue", "green", "white", "circle", "square", "moving", "left", "background"]


def _seeded(module_class, **configuration):
    torch.manual_seed(0)
    return module_class(**configuration).eval()


def _t5_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=77
    )


def _clip_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["<s>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("<s>", 0), ("</s>", 1)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        unk_token="<unk>",
        model_max_length=77,
    )


def _t5(family: str = "T5"):
    import transformers

    torch.manual_seed(0)
    configuration_class = getattr(transformers, f"{family}Config")
    configuration = configuration_class(vocab_size=64, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)
    return getattr(transformers, f"{family}EncoderModel")(configuration).eval()


def _clip_text():
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    text = CLIPTextConfig(
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
    return CLIPTextModel(text).eval()


def _wan_vae():
    from diffusers import AutoencoderKLWan

    return _seeded(
        AutoencoderKLWan,
        base_dim=3,
        z_dim=16,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
    )


def _cogvideox_vae():
    from diffusers import AutoencoderKLCogVideoX

    return _seeded(
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


def _image_vae():
    from diffusers import AutoencoderKL

    return _seeded(
        AutoencoderKL,
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
    )


def _image_unet(sample_size: int):
    from diffusers import UNet2DConditionModel

    return _seeded(
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


def _wan_transformer(family: str = "Wan", *, in_channels: int = 16, **more):
    """Wan's, or that of a family built on it."""
    import diffusers

    return _seeded(
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


def _cogvideox_transformer(*, in_channels: int = 4, **more):
    from diffusers import CogVideoXTransformer3DModel

    return _seeded(
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


def save_ltx(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space with a causal first frame."""
    from diffusers import (
        AutoencoderKLLTXVideo,
        FlowMatchEulerDiscreteScheduler,
        LTXPipeline,
        LTXVideoTransformer3DModel,
    )

    vae = _seeded(
        AutoencoderKLLTXVideo,
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, False, False),
        decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False, False, False, False, False),
        upsample_residual=(False, False, False, False),
        upsample_factor=(1, 1, 1, 1),
        timestep_conditioning=False,
        patch_size=2,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )
    transformer = _seeded(
        LTXVideoTransformer3DModel,
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=1,
        caption_channels=32,
    )
    pipeline = LTXPipeline(
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=_t5(),
        tokenizer=_t5_tokenizer(),
    )
    return _saved(pipeline, folder)


def save_wan(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space."""
    from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline

    pipeline = WanPipeline(
        transformer=_wan_transformer(),
        vae=_wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder=_t5("UMT5"),
        tokenizer=_t5_tokenizer(),
    )
    return _saved(pipeline, folder)


def save_cogvideox(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space."""
    from diffusers import CogVideoXPipeline, DDIMScheduler

    pipeline = CogVideoXPipeline(
        tokenizer=_t5_tokenizer(),
        text_encoder=_t5(),
        vae=_cogvideox_vae(),
        transformer=_cogvideox_transformer(),
        scheduler=DDIMScheduler(),
    )
    return _saved(pipeline, folder)


def save_animatediff(folder: Path) -> Path:
    """Text to video; an image autoencoder, 4x in space, frame by frame."""
    from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter

    adapter = _seeded(
        MotionAdapter,
        block_out_channels=(8, 16),
        motion_layers_per_block=1,
        motion_norm_num_groups=2,
        motion_num_attention_heads=2,
    )
    pipeline = AnimateDiffPipeline(
        vae=_image_vae(),
        text_encoder=_clip_text(),
        tokenizer=_clip_tokenizer(),
        unet=_image_unet(8),
        motion_adapter=adapter,
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
    )
    return _saved(pipeline, folder)


def save_svd(folder: Path) -> Path:
    """Image to video; reads no prompt."""
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    unet = _seeded(
        UNetSpatioTemporalConditionModel,
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=32,
        num_attention_heads=8,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
        num_frames=4,
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        interpolation_type="linear",
        num_train_timesteps=1000,
        prediction_type="v_prediction",
        sigma_max=700.0,
        sigma_min=0.002,
        steps_offset=1,
        timestep_spacing="leading",
        timestep_type="continuous",
        use_karras_sigmas=True,
    )
    vae = _seeded(
        AutoencoderKLTemporalDecoder,
        block_out_channels=(32, 64),
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        latent_channels=4,
    )
    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=32,
        intermediate_size=37,
        patch_size=16,
    )
    vision.image_size = 224
    pipeline = StableVideoDiffusionPipeline(
        vae=vae,
        image_encoder=CLIPVisionModelWithProjection(vision).eval(),
        unet=unet,
        scheduler=scheduler,
        feature_extractor=CLIPImageProcessorPil(crop_size=224, size={"shortest_edge": 224}),
    )
    return _saved(pipeline, folder)


def _saved(pipeline, folder: Path) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


SAVERS = {
    "animatediff": save_animatediff,
    "cogvideox": save_cogvideox,
    "ltx": save_ltx,
    "svd": save_svd,
    "wan": save_wan,
}
