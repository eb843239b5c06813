"""The parts of a model folder, made new or read from disk, in the formats of diffusers and transformers.

Weights are read from safetensors only, and from local folders only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def new_unet(config: Mapping[str, Any]) -> nn.Module:
    """A `UNet2DConditionModel` with random weights."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**config)  # type: ignore[no-any-return]


def new_text_encoder(config: Mapping[str, Any]) -> nn.Module:
    """A `CLIPTextModel` with random weights."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(**config))  # type: ignore[no-any-return]


def use_plain_attention(unet: nn.Module) -> None:
    """Compute attention as written: on a CPU, at our sizes, training is a fifth faster so than by the fused kernel."""
    from diffusers.models.attention_processor import AttnProcessor

    unet.set_attn_processor(AttnProcessor())  # type: ignore[operator]


def save_component(module: nn.Module, folder: Path, dtype: torch.dtype) -> None:
    """Write a module as its library does, with safetensors of the given type; the module itself keeps its own."""
    import copy

    copy.deepcopy(module).to(dtype).save_pretrained(folder, safe_serialization=True)  # type: ignore[operator]


def unet_input(z: Tensor, mask: Tensor | None, kept: Tensor | None, patch: int = 1) -> Tensor:
    """What the UNet sees: noisy picture, and for an inpainting model the mask and the kept picture beside it.

    Args:
        z: (L, C, H, W), noisy.
        mask: (L, 1, H, W), 1 where the picture is to be made; None for a text-to-image model.
        kept: (L, C, H, W), the picture with nothing (0) under the mask, or the code of such a picture.
        patch: every patch x patch block becomes channels (pixel unshuffle); 1 leaves places as they are.
    """
    parts = [z] if mask is None or kept is None else [z, mask, kept]
    return torch.cat([F.pixel_unshuffle(part, patch) for part in parts], dim=1)
