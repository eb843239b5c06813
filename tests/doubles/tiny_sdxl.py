"""Stable Diffusion XL in diffusers' own format with random weights: real pipelines, tiny."""

from pathlib import Path

import torch

from tests.doubles.tiny_pipelines import TEXT
from zoomlib.bundled.tokenizer import END, MAX_TOKENS, PAD, START, train_tokenizer
from zoomlib.models.components import new_text_encoder, new_unet

WORDS = TEXT["vocab_size"]
ENDS = {"bos_token_id": WORDS - 2, "eos_token_id": WORDS - 1, "pad_token_id": 0}
POOLED, TIME = 12, 4
SCHEDULE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}


def sdxl_unet(in_channels: int = 4, **settings) -> torch.nn.Module:
    """A UNet told of words 24 wide and of POOLED numbers beside six sizes of TIME numbers each."""
    sizes = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 2}
    blocks = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    told = {
        "cross_attention_dim": 24,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": TIME,
        "projection_class_embeddings_input_dim": POOLED + 6 * TIME,
    }
    channels = {"in_channels": in_channels, "out_channels": 4}
    return new_unet({"sample_size": 8, **channels, **sizes, **blocks, **told, **settings})


def sdxl_parts(in_channels: int = 4, scheduler=None, **unet) -> dict[str, object]:
    """The parts of a pipeline."""
    from diffusers import AutoencoderKL, DDIMScheduler
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedTokenizerFast

    torch.manual_seed(2)
    second = {"hidden_size": 8, "num_attention_heads": 1, "projection_dim": POOLED, "num_hidden_layers": 2}
    ends = {"bos_token": START, "eos_token": END, "model_max_length": MAX_TOKENS}
    tokenizers = [
        PreTrainedTokenizerFast(tokenizer_object=train_tokenizer(), pad_token=pad, **ends)
        for pad in (END, PAD)  # SDXL's two tokenizers differ in this, too
    ]
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        latent_channels=4,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
        scaling_factor=0.13025,
    )
    return {
        "vae": vae,
        "text_encoder": new_text_encoder(TEXT | ENDS | {"num_hidden_layers": 2}),
        "text_encoder_2": CLIPTextModelWithProjection(CLIPTextConfig(**(TEXT | ENDS | second))),
        "tokenizer": tokenizers[0],
        "tokenizer_2": tokenizers[1],
        "unet": sdxl_unet(in_channels, **unet),
        "scheduler": scheduler or DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True),
    }


def sdxl_pipeline(folder: Path, in_channels: int = 4, scheduler=None, zeros: bool = True, **unet):
    """A folder written by diffusers' own pipeline class, text-to-image or (9 channels) inpainting, and the pipeline."""
    from diffusers import StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline

    kind = StableDiffusionXLPipeline if in_channels == 4 else StableDiffusionXLInpaintPipeline
    parts = sdxl_parts(in_channels, scheduler, **unet)
    pipeline = kind(**parts, force_zeros_for_empty_prompt=zeros, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder, pipeline
