"""Real diffusers pipeline classes at tiny random configurations, built in code and saved like any other model.

Each ``save_*`` writes a folder that ``get_model`` opens; a clip of 32x32 takes well under a second.
"""

from __future__ import annotations

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


def save_ltx(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space with a causal first frame."""
    from diffusers import (
        AutoencoderKLLTXVideo,
        FlowMatchEulerDiscreteScheduler,
        LTXPipeline,
        LTXVideoTransformer3DModel,
    )

    vae = seeded(
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
    transformer = seeded(
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
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_wan(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space."""
    from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline

    pipeline = WanPipeline(
        transformer=wan_transformer(),
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder=t5("UMT5"),
        tokenizer=t5_tokenizer(),
    )
    return saved(pipeline, folder)


def save_cogvideox(folder: Path) -> Path:
    """Text to video; autoencoder 4x in time and 8x in space."""
    from diffusers import CogVideoXPipeline, DDIMScheduler

    pipeline = CogVideoXPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5(),
        vae=cogvideox_vae(),
        transformer=cogvideox_transformer(),
        scheduler=DDIMScheduler(),
    )
    return saved(pipeline, folder)


def save_animatediff(folder: Path) -> Path:
    """Text to video; an image autoencoder, 4x in space, frame by frame."""
    from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter

    adapter = seeded(
        MotionAdapter,
        block_out_channels=(8, 16),
        motion_layers_per_block=1,
        motion_norm_num_groups=2,
        motion_num_attention_heads=2,
    )
    pipeline = AnimateDiffPipeline(
        vae=image_vae(),
        text_encoder=clip_text(),
        tokenizer=clip_tokenizer(),
        unet=image_unet(8),
        motion_adapter=adapter,
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False),
    )
    return saved(pipeline, folder)


def save_svd(folder: Path) -> Path:
    """Image to video; reads no prompt."""
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPImageProcessorPil

    unet = seeded(
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
    vae = seeded(
        AutoencoderKLTemporalDecoder,
        block_out_channels=(32, 64),
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        latent_channels=4,
    )
    vision = encoder(
        "CLIPVisionModelWithProjection",
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=224,
        intermediate_size=37,
        patch_size=16,
    )
    pipeline = StableVideoDiffusionPipeline(
        vae=vae,
        image_encoder=vision,
        unet=unet,
        scheduler=scheduler,
        feature_extractor=CLIPImageProcessorPil(crop_size=224, size={"shortest_edge": 224}),
    )
    return saved(pipeline, folder)


SAVERS = {
    "animatediff": save_animatediff,
    "cogvideox": save_cogvideox,
    "ltx": save_ltx,
    "svd": save_svd,
    "wan": save_wan,
}
