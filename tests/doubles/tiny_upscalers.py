"""DeepFloyd IF and the diffusion up-scalers in diffusers' own format with random weights: real pipelines, tiny."""

import torch

from tests.doubles.tiny_texts import clip_tokenizer, clip_tower, settled, t5_tokenizer, t5_tower

DDIM = {"clip_sample": False, "set_alpha_to_one": True, "timestep_spacing": "trailing", "variance_type": "fixed_small"}
"""DeepFloyd's pipelines ask their scheduler whether it reads the learned variance: this one does not."""
DYNAMIC = {"thresholding": True, "dynamic_thresholding_ratio": 0.95, "sample_max_value": 1.5}
CHECKS = dict.fromkeys(("safety_checker", "feature_extractor", "watermarker"))


def unet(in_channels, out_channels, *, size, width, **other):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=size,
        in_channels=in_channels,
        out_channels=out_channels,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=width,
        attention_head_dim=8,
        norm_num_groups=4,
        **other,
    )


def if_unet(in_channels, out_channels, size, **other):
    """With what DeepFloyd's have: blocks that resample, projected words, attention to words and places at once."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=size,
        in_channels=in_channels,
        out_channels=out_channels,
        block_out_channels=(8, 16),
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        layers_per_block=1,
        cross_attention_dim=16,
        encoder_hid_dim=32,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        attention_head_dim=8,
        norm_num_groups=4,
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        **other,
    )


def base_stage(folder, **scheduler):
    """DeepFloyd IF's base stage, 16 px, learned variance."""
    from diffusers import DDIMScheduler, IFPipeline

    network, text = if_unet(3, 6, 16), t5_tower()
    settled(network, text)
    pipeline = IFPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=text,
        unet=network,
        scheduler=DDIMScheduler.from_config(
            DDIM | {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "leading"} | scheduler
        ),
        requires_safety_checker=False,
        **CHECKS,
    )
    return written(pipeline, folder)


def second_stage(folder, words=True, **scheduler):
    """DeepFloyd IF's second stage, 16 to 64 px; without `words`, its text encoder is left out, as it can be."""
    from diffusers import DDIMScheduler, DDPMScheduler, IFSuperResolutionPipeline

    network, text = if_unet(6, 6, 64, class_embed_type="timestep"), t5_tower()
    settled(network, text)
    pipeline = IFSuperResolutionPipeline(
        tokenizer=t5_tokenizer() if words else None,
        text_encoder=text if words else None,
        unet=network,
        scheduler=DDIMScheduler.from_config(DDIM | scheduler),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        requires_safety_checker=False,
        **CHECKS,
    )
    return written(pipeline, folder)


def x4(folder, prediction="v_prediction"):
    """Stable Diffusion's up-scaler: latents of 16 x 16 places for pictures of 64 x 64."""
    from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionUpscalePipeline

    network, text = unet(7, 4, size=16, width=16, num_class_embeds=1000), clip_tower()
    vae = autoencoder(scaling_factor=0.08333)
    settled(network, text, vae)
    pipeline = StableDiffusionUpscalePipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=clip_tokenizer(),
        unet=network,
        low_res_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        scheduler=DDIMScheduler.from_config(DDIM | {"beta_schedule": "scaled_linear", "prediction_type": prediction}),
        **CHECKS,
    )
    return written(pipeline, folder)


def x2(folder):
    """Stable Diffusion's up-scaler of latents: latents of 16 x 16 places, of 4 pixels each, for 8 x 8."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionLatentUpscalePipeline, UNet2DConditionModel

    network = UNet2DConditionModel(
        sample_size=16,
        in_channels=8,
        out_channels=5,
        block_out_channels=(32, 32, 64, 64),  # of which its blocks normalise 32 at a time
        down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
        mid_block_type=None,
        up_block_types=(*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=8,
        act_fn="gelu",
        conv_in_kernel=1,
        conv_out_kernel=1,
        norm_num_groups=None,
        resnet_time_scale_shift="scale_shift",
        time_embedding_type="fourier",
        timestep_post_act="gelu",
        time_cond_proj_dim=128 + 16,
        only_cross_attention=False,
    )
    text, vae = clip_tower(), autoencoder(scaling_factor=0.18215)
    settled(network, text, vae)
    pipeline = StableDiffusionLatentUpscalePipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=clip_tokenizer(),
        unet=network,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="sample"
        ),
    )
    return written(pipeline, folder)


def autoencoder(scaling_factor):
    """Four pixels to a place."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8),
        latent_channels=4,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        sample_size=64,
        scaling_factor=scaling_factor,
    )


def written(pipeline, folder):
    """The folder, in the real format, and the pipeline."""
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.set_progress_bar_config(disable=True)
    return folder, pipeline


def noise(*shape, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
