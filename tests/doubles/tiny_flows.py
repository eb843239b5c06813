"""Models of flow matching in diffusers' own format with random weights: real pipelines, tiny."""

from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    FluxFillPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)

from tests.doubles.tiny_texts import (
    clip_tokenizer,
    clip_tower,
    qwen_seeing,
    qwen_tokenizer,
    qwen_tower,
    settled,
    t5_tokenizer,
    t5_tower,
)

CHANNELS, FACTOR = 4, 2


def autoencoder():
    """Two pixels a place, with the shift that these families' autoencoders have, and without convolutions at 1 x 1."""
    return AutoencoderKL(
        block_out_channels=(8, 8),
        latent_channels=CHANNELS,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=32,
        scaling_factor=1.5,
        shift_factor=0.1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def sd3_pipeline(folder, t5=True, medium=False, **scheduler):
    """Stable Diffusion 3 of 32 x 32 pixels, with places for 48 x 48; medium: with the second attention of 3.5."""
    dual = {"dual_attention_layers": (0,), "qk_norm": "rms_norm"} if medium else {}
    parts = {
        "transformer": SD3Transformer2DModel(
            16, 2, CHANNELS, 2, 8, 2, joint_attention_dim=32, caption_projection_dim=16, pooled_projection_dim=32,
            out_channels=CHANNELS, pos_embed_max_size=12, **dual,
        ),
        "vae": autoencoder(),
        "text_encoder": clip_tower(16, projected=True),
        "text_encoder_2": clip_tower(16, projected=True),
        "text_encoder_3": t5_tower(32) if t5 else None,
    }  # fmt: skip
    settled(*filter(None, parts.values()))
    pipeline = StableDiffusion3Pipeline(
        **parts,
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        tokenizer_3=t5_tokenizer() if t5 else None,
        scheduler=FlowMatchEulerDiscreteScheduler(**{"shift": 3.0} | scheduler),
    )
    return written(pipeline, folder)


def flux_pipeline(folder, kind="dev"):
    """FLUX `dev`, `schnell` or `fill`, of any size that two places divide."""
    told = {"in_channels": (2 * CHANNELS + FACTOR**2) * 4 if kind == "fill" else CHANNELS * 4}
    parts = {
        "transformer": FluxTransformer2DModel(
            1, **told, out_channels=CHANNELS * 4, num_layers=1, num_single_layers=1, attention_head_dim=8,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=16, guidance_embeds=kind != "schnell",
            axes_dims_rope=(2, 2, 4),
        ),
        "vae": autoencoder(),
        "text_encoder": clip_tower(16),
        "text_encoder_2": t5_tower(32),
    }  # fmt: skip
    settled(*parts.values())
    shift = {"shift": 1.0} if kind == "schnell" else {"shift": 3.0, "use_dynamic_shifting": True}
    pipeline = (FluxFillPipeline if kind == "fill" else FluxPipeline)(
        **parts,
        tokenizer=clip_tokenizer(),
        tokenizer_2=t5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(**shift),
    )
    return written(pipeline, folder)


def z_image_pipeline(folder, shift=6.0):
    """Z-Image, or Turbo where the shift is 3."""
    parts = {
        "transformer": ZImageTransformer2DModel(
            in_channels=CHANNELS, dim=16, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
            axes_dims=[4, 2, 2], axes_lens=[640, 32, 32],
        ),
        "vae": autoencoder(),
        "text_encoder": qwen_tower(),
    }  # fmt: skip
    settled(*parts.values())
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    return written(ZImagePipeline(**parts, tokenizer=qwen_tokenizer(), scheduler=scheduler), folder)


def qwen_image_pipeline(folder):
    """Qwen-Image, of any size that two places divide."""
    parts = {
        "transformer": QwenImageTransformer2DModel(
            2, CHANNELS * 4, CHANNELS, num_layers=2, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=16, axes_dims_rope=(2, 2, 4),
        ),
        "vae": AutoencoderKLQwenImage(
            4, CHANNELS, [1, 2], 1, temperal_downsample=[False], latents_mean=[0.3, -0.2, 0.1, 0.0],
            latents_std=[1.5, 2.0, 0.7, 1.0],
        ),
        "text_encoder": qwen_seeing(),
    }  # fmt: skip
    settled(*parts.values())
    shift = {"use_dynamic_shifting": True, "max_shift": 0.9, "max_image_seq_len": 8192, "shift_terminal": 0.02}
    scheduler = FlowMatchEulerDiscreteScheduler(**shift)
    return written(QwenImagePipeline(**parts, tokenizer=qwen_tokenizer(), scheduler=scheduler), folder)


def written(pipeline, folder):
    """The pipeline's folder, and itself, quiet."""
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.set_progress_bar_config(disable=True)
    return folder, pipeline
