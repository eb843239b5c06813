"""Latent diffusion in diffusers' own format with random weights: real pipelines, tiny."""

import torch

from tests.doubles.tiny_model import tiny_unet
from zoomlib.bundled.assemble import write_model
from zoomlib.bundled.tokenizer import MAX_TOKENS, train_tokenizer
from zoomlib.models.components import new_text_encoder

TEXT = {
    "vocab_size": train_tokenizer().get_vocab_size(),
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": MAX_TOKENS,
}


def latent_pipeline(folder, unet_channels, prediction="epsilon"):
    """Stable Diffusion's parts, tiny, written by diffusers' own pipeline class."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
    from transformers import AutoTokenizer

    torch.manual_seed(1)
    shapes = folder / "tokenizer-source"
    write_model(tiny_unet(28, 12), new_text_encoder(TEXT), shapes, torch.float32)
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        latent_channels=4,
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=new_text_encoder(TEXT),
        tokenizer=AutoTokenizer.from_pretrained(shapes / "tokenizer"),
        unet=tiny_unet(unet_channels, 4),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            set_alpha_to_one=True,
            steps_offset=1,
            prediction_type=prediction,
            timestep_spacing="trailing",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model", pipeline


def write_tiny_vae(folder, channels=4, factor=2, **config):
    """An `AutoencoderTiny` with random weights, written by diffusers."""
    from diffusers import AutoencoderTiny

    torch.manual_seed(3)
    widths = (8,) * factor.bit_length()
    shape = {"encoder_block_out_channels": widths, "decoder_block_out_channels": widths}
    shape |= {"num_encoder_blocks": (1,) * len(widths), "num_decoder_blocks": (1,) * len(widths)}
    vae = AutoencoderTiny(latent_channels=channels, **shape, **config)
    vae.save_pretrained(folder, safe_serialization=True)
    return vae.eval()
