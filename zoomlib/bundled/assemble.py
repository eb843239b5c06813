"""From trained parts to a model folder in the formats of diffusers and transformers."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from zoomlib.bundled.recipe import PATCH, scheduler_config
from zoomlib.bundled.tokenizer import END, MAX_TOKENS, PAD, START, train_tokenizer
from zoomlib.models.components import save_component


def write_model(unet: nn.Module, text_encoder: nn.Module, folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write UNet, text tower, tokenizer, schedule and the index that `load_denoiser` reads."""
    from transformers import PreTrainedTokenizerFast

    save_component(unet, folder / "unet", dtype)
    save_component(text_encoder, folder / "text_encoder", dtype)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(), bos_token=START, eos_token=END, pad_token=PAD, model_max_length=MAX_TOKENS
    )
    tokenizer.save_pretrained(folder / "tokenizer")
    _write(folder / "scheduler" / "scheduler_config.json", {"_class_name": "DDIMScheduler", **scheduler_config()})
    _write(
        folder / "model_index.json",
        {
            "_class_name": "TenfoldPixelPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "patch_size": PATCH,
        },
    )


def _write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
