"""A whole model folder with random weights: all parts that the bundled one has, small enough to load in a moment."""

from pathlib import Path

import torch

from evaluation.networks import clip
from zoomlib.bundled.assemble import write_model
from zoomlib.bundled.tokenizer import MAX_TOKENS, train_tokenizer
from zoomlib.models.components import new_text_encoder, new_unet, save_component
from zoomlib.models.upscaling.net import SuperResolution


def write_tiny_model(folder: Path) -> Path:
    """A pixel model of 32 x 32 levels, super-resolution to 128, and a scorer in `folder/scorer`."""
    torch.manual_seed(0)
    words = train_tokenizer().get_vocab_size()
    text = {"vocab_size": words, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    text |= {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": 0}
    tower = new_text_encoder(text | {"num_attention_heads": 2, "max_position_embeddings": MAX_TOKENS})
    write_model(tiny_unet(28, 12, 16), tower, folder, torch.float32)
    save_component(SuperResolution(width=8, blocks=1), folder / "super_resolution", torch.float32)
    write_tiny_scorer(folder / "scorer", words)
    return folder


def tiny_unet(in_channels, out_channels, size=8):
    return new_unet(
        {
            "sample_size": size,
            "in_channels": in_channels,
            "out_channels": out_channels,
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
            "norm_num_groups": 4,
        }
    )


def write_tiny_scorer(folder: Path, words: int) -> None:
    """A scorer in open_clip's format."""
    config = {
        "model_cfg": {
            "embed_dim": 16,
            "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
            "text_cfg": {"context_length": MAX_TOKENS, "vocab_size": words, "width": 32, "heads": 2, "layers": 1},
        },
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
    }
    clip.save(clip.create(config), config, train_tokenizer(), folder)
