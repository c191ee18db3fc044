"""More diffusers pipeline classes at tiny random configurations; see ``tiny_pipelines``."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_parts import (
    clip_text,
    clip_tokenizer,
    cogvideox_transformer,
    cogvideox_vae,
    encoder,
    image_unet,
    image_vae,
    saved,
    seeded,
    t5,
    t5_tokenizer,
    wan_transformer,
    wan_vae,
)
from tiny_pipelines import SAVERS, save_animatediff, save_cogvideox, save_ltx, save_wan


def save_hunyuan_skyreels_i2v(folder: Path) -> Path:
    return save_hunyuan_video(folder, 8, "HunyuanSkyreelsImageToVideoPipeline")


def _vision(size: int = 4):
    from transformers import CLIPImageProcessorPil

    vision = encoder(
        "CLIPVisionModel",
        hidden_size=size,
        projection_dim=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        intermediate_size=16,
        patch_size=1,
    )
    return vision, CLIPImageProcessorPil(crop_size=32, size=32)


def as_class(save, name: str):
    """Saves the components that ``save`` saves, under the pipeline class ``name``."""

    def save_as(folder: Path) -> Path:
        path = save(folder)
        index = json.loads((path / "model_index.json").read_text())
        (path / "model_index.json").write_text(json.dumps({**index, "_class_name": name}))
        return path

    return save_as


def save_text_to_video_sd(folder: Path) -> Path:
    """Text to video; an image autoencoder, frame by frame. The ModelScope family."""
    from diffusers import DDIMScheduler, TextToVideoSDPipeline, UNet3DConditionModel

    unet = seeded(
        UNet3DConditionModel,
        block_out_channels=(4, 8),
        layers_per_block=1,
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=2,
    )
    pipeline = TextToVideoSDPipeline(
        vae=image_vae(),
        text_encoder=clip_text(),
        tokenizer=clip_tokenizer(),
        unet=unet,
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False),
    )
    return saved(pipeline, folder)


def save_stable_diffusion(folder: Path) -> Path:
    """Text to image: what makes first frames."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=image_vae(),
        text_encoder=clip_text(),
        tokenizer=clip_tokenizer(),
        unet=image_unet(16),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
    )
    return saved(pipeline, folder)


def save_cogvideox_i2v(folder: Path) -> Path:
    from diffusers import CogVideoXImageToVideoPipeline, DDIMScheduler

    pipeline = CogVideoXImageToVideoPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5(),
        vae=cogvideox_vae(),
        transformer=cogvideox_transformer(
            in_channels=8, use_rotary_positional_embeddings=True, use_learned_positional_embeddings=True
        ),
        scheduler=DDIMScheduler(),
    )
    return saved(pipeline, folder)


def save_wan_i2v(folder: Path) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, WanImageToVideoPipeline

    encoder, processor = _vision()
    pipeline = WanImageToVideoPipeline(
        transformer=wan_transformer(in_channels=36, image_dim=4),
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder=t5("UMT5"),
        tokenizer=t5_tokenizer(),
        image_encoder=encoder,
        image_processor=processor,
    )
    return saved(pipeline, folder)


def _llama():
    return encoder(
        "LlamaModel",
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        hidden_size=16,
        intermediate_size=32,
        num_attention_heads=4,
        num_hidden_layers=2,
        vocab_size=64,
    )


def save_hunyuan_video(folder: Path, channels: int = 4, name: str = "HunyuanVideoPipeline") -> Path:
    """Text to video; two text encoders; autoencoder 4x in time and 8x in space."""
    import diffusers
    from diffusers import AutoencoderKLHunyuanVideo, FlowMatchEulerDiscreteScheduler, HunyuanVideoTransformer3DModel

    transformer = seeded(
        HunyuanVideoTransformer3DModel,
        in_channels=channels,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=10,
        num_layers=1,
        num_single_layers=1,
        num_refiner_layers=1,
        patch_size=1,
        patch_size_t=1,
        guidance_embeds=True,
        text_embed_dim=16,
        pooled_projection_dim=16,
        rope_axes_dim=(2, 4, 4),
    )
    vae = seeded(
        AutoencoderKLHunyuanVideo,
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        act_fn="silu",
        norm_num_groups=4,
        scaling_factor=0.476986,
        spatial_compression_ratio=8,
        temporal_compression_ratio=4,
        mid_block_add_attention=True,
    )
    pipeline = getattr(diffusers, name)(
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder=_llama(),
        text_encoder_2=clip_text(),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
    )
    return saved(pipeline, folder)


def save_mochi(folder: Path) -> Path:
    """Text to video; autoencoder 6x in time and 8x in space."""
    from diffusers import AutoencoderKLMochi, FlowMatchEulerDiscreteScheduler, MochiPipeline, MochiTransformer3DModel

    transformer = seeded(
        MochiTransformer3DModel,
        patch_size=2,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        in_channels=12,
        out_channels=None,
        qk_norm="rms_norm",
        text_embed_dim=32,
        time_embed_dim=4,
        activation_fn="swiglu",
        max_sequence_length=16,
    )
    vae = seeded(
        AutoencoderKLMochi,
        latent_channels=12,
        out_channels=3,
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    )
    pipeline = MochiPipeline(
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_latte(folder: Path) -> Path:
    """Text to video; an image autoencoder, 2x in space here."""
    from diffusers import DDIMScheduler, LattePipeline, LatteTransformer3DModel

    transformer = seeded(
        LatteTransformer3DModel,
        sample_size=16,
        video_length=4,
        num_layers=1,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=3,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=24,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        norm_eps=1e-6,
    )
    pipeline = LattePipeline(
        transformer=transformer,
        vae=image_vae(),
        scheduler=DDIMScheduler(),
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_allegro(folder: Path) -> Path:
    """Text to video; its autoencoder decodes whole tiles of 24x128x128 only."""
    from diffusers import AllegroPipeline, AllegroTransformer3DModel, AutoencoderKLAllegro, DDIMScheduler

    transformer = seeded(
        AllegroTransformer3DModel,
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        cross_attention_dim=24,
        sample_width=8,
        sample_height=8,
        sample_frames=8,
        caption_channels=32,
    )
    vae = seeded(
        AutoencoderKLAllegro,
        in_channels=3,
        out_channels=3,
        down_block_types=("AllegroDownBlock3D",) * 4,
        up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
        sample_size=128,
    )
    pipeline = AllegroPipeline(
        transformer=transformer,
        vae=vae,
        scheduler=DDIMScheduler(),
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_sana_video(folder: Path) -> Path:
    """Text to video by linear attention; the autoencoder of Wan."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SanaVideoPipeline, SanaVideoTransformer3DModel

    transformer = seeded(
        SanaVideoTransformer3DModel,
        in_channels=16,
        out_channels=16,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=2,
        num_cross_attention_heads=2,
        cross_attention_head_dim=12,
        cross_attention_dim=24,
        caption_channels=8,
        mlp_ratio=2.5,
        dropout=0.0,
        attention_bias=False,
        sample_size=8,
        patch_size=(1, 2, 2),
        norm_elementwise_affine=False,
        norm_eps=1e-6,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )
    text = encoder(
        "Gemma2Model",
        head_dim=16,
        hidden_size=8,
        intermediate_size=64,
        max_position_embeddings=8192,
        num_attention_heads=2,
        num_hidden_layers=1,
        num_key_value_heads=2,
        vocab_size=64,
        attn_implementation="eager",
    )
    pipeline = SanaVideoPipeline(
        transformer=transformer,
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=text,
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_skyreels_v2(folder: Path) -> Path:
    """Text to video; the autoencoder of Wan."""
    from diffusers import SkyReelsV2Pipeline, UniPCMultistepScheduler

    pipeline = SkyReelsV2Pipeline(
        transformer=wan_transformer("SkyReelsV2"),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(flow_shift=8.0, use_flow_sigmas=True, prediction_type="flow_prediction"),
        text_encoder=t5("UMT5"),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


ALL = SAVERS | {
    "allegro": save_allegro,
    "animatediff_v2v": as_class(save_animatediff, "AnimateDiffVideoToVideoPipeline"),
    "cogvideox_i2v": save_cogvideox_i2v,
    "cogvideox_v2v": as_class(save_cogvideox, "CogVideoXVideoToVideoPipeline"),
    "hunyuan_skyreels_i2v": save_hunyuan_skyreels_i2v,
    "hunyuan_video": save_hunyuan_video,
    "latte": save_latte,
    "ltx_condition": as_class(save_ltx, "LTXConditionPipeline"),
    "ltx_i2v": as_class(save_ltx, "LTXImageToVideoPipeline"),
    "mochi": save_mochi,
    "sana_video": save_sana_video,
    "skyreels_v2": save_skyreels_v2,
    "stable_diffusion": save_stable_diffusion,
    "text_to_video_sd": save_text_to_video_sd,
    "video_to_video_sd": as_class(save_text_to_video_sd, "VideoToVideoSDPipeline"),
    "wan_i2v": save_wan_i2v,
    "wan_v2v": as_class(save_wan, "WanVideoToVideoPipeline"),
}
"""Every tiny pipeline by name; ``stable_diffusion`` makes images, all others make videos."""
