"""Model folders of real size with random weights: what a card has to do does not depend on what the weights are.

    python -m benchmarks.random_models sd2 FOLDER

`sd2` and `sdxl` have the networks of Stable Diffusion 2 (768 px) and XL (1024 px); `small` is a Stable Diffusion of
256 px that a CPU can run. The words are those of the bundled model's tokenizer.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from zoomlib.bundled.tokenizer import train_tokenizer

SCHEDULE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
UNETS: dict[str, dict[str, Any]] = {
    "small": {
        "sample_size": 32,
        "block_out_channels": (64, 128, 256, 256),
        "cross_attention_dim": 256,
        "attention_head_dim": 8,
    },
    "sd2": {
        "sample_size": 96,
        "block_out_channels": (320, 640, 1280, 1280),
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
    },
    "sdxl": {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
TEXTS = {
    "small": [(256, 4, 4)],
    "sd2": [(1024, 16, 23)],
    "sdxl": [(768, 12, 12), (1280, 20, 32)],
}
"""Width, heads and layers of each text encoder."""


def write_random(kind: str, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A folder with random weights, in the format of diffusers."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel

    torch.manual_seed(0)
    tokenizer = _tokenizer()
    parts: dict[str, Any] = {
        "vae": AutoencoderKL(**VAE, scaling_factor=0.13025 if kind == "sdxl" else 0.18215),
        "unet": UNet2DConditionModel(**UNETS[kind]),
        "scheduler": DDIMScheduler(**SCHEDULE, prediction_type="v_prediction" if kind == "sd2" else "epsilon"),
    }
    for number, (width, heads, layers) in enumerate(TEXTS[kind]):
        end = "" if number == 0 else "_2"
        parts |= {f"text_encoder{end}": _text_encoder(width, heads, layers, projects=number == 1)}
        parts |= {f"tokenizer{end}": tokenizer}
    _pipeline(kind, parts, dtype).save_pretrained(folder)
    return folder


def _pipeline(kind: str, parts: dict[str, Any], dtype: torch.dtype) -> Any:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    if kind == "sdxl":
        return StableDiffusionXLPipeline(**parts, add_watermarker=False).to(dtype)
    checks = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return StableDiffusionPipeline(**parts, **checks).to(dtype)


def _text_encoder(width: int, heads: int, layers: int, *, projects: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = train_tokenizer().get_vocab_size()
    config = CLIPTextConfig(
        vocab_size=words,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=0,
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=heads,
        num_hidden_layers=layers,
        projection_dim=width,
        max_position_embeddings=77,
    )
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config)


def _tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    from zoomlib.bundled import folder

    return PreTrainedTokenizerFast.from_pretrained(folder() / "tokenizer", model_max_length=77)


def main() -> None:
    """Write a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=list(UNETS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float16")
    options = parser.parse_args()
    write_random(options.kind, options.folder, getattr(torch, options.dtype))


if __name__ == "__main__":
    main()
