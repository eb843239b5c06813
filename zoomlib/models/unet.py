"""What families of UNets share: how a UNet is fed, and what an inpainting one is told of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Rows
from zoomlib.models.components import unet_input


def check_channels(config: Mapping[str, Any], patch: int = 1) -> tuple[int, bool]:
    """Channels of z, and whether the UNet inpaints. Raises InvalidInputError for other inputs than z, or z, a mask and
    a kept picture."""
    channels = int(config["out_channels"]) // patch**2
    extra = int(config["in_channels"]) // patch**2 - channels
    if extra not in (0, channels + 1):
        raise InvalidInputError(
            f"The UNet takes {config['in_channels']} channels and gives {config['out_channels']}. Expected as many, or "
            f"{channels + 1} more for a mask and a kept image. This architecture has no adapter here."
        )
    return channels, extra > 0


def kept_rows(image: Tensor, mask: Tensor, codec: Codec) -> Rows:
    """A kept picture without what is under the mask, encoded, and the mask at its size."""
    f = codec.factor
    return {"kept": codec.encode(image * (1 - mask)), "mask": F.max_pool2d(mask, f) if f > 1 else mask}


def seen(z: Tensor, rows: Mapping[str, Tensor], patch: int = 1) -> Tensor:
    """What the UNet sees of z (L, C, H, W): with mask and kept picture beside it where rows hold them."""
    return unet_input(z, rows.get("mask"), rows.get("kept"), patch)


def run_unet(unet: nn.Module, x: Tensor, time: float, words: Tensor, **told: Any) -> Tensor:
    """The UNet's prediction for x at one time, in its own type."""
    dtype = next(unet.parameters()).dtype
    times = torch.full((len(x),), time, device=x.device)
    out: Tensor = unet(x.to(dtype), times, encoder_hidden_states=words.to(dtype), **told).sample
    return out
