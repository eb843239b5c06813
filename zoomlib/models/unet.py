"""What families of UNets share: how a UNet is fed, and what an inpainting one is told of a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Rows
from zoomlib.models.components import unet_input
from zoomlib.models.files.folder import Folder


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


def check_widths(config: Mapping[str, Any], vae: Mapping[str, Any], words: int) -> None:
    """Raise InvalidInputError for a UNet that does not go with its autoencoder or with words that wide, or that is told
    of a class beside them."""
    asked = config["cross_attention_dim"]
    if {asked} != {words} if isinstance(asked, int) else set(asked) != {words}:
        raise InvalidInputError(
            f"The UNet reads words {asked} wide, but the model's text encoders write them {words} wide: its parts do "
            "not belong together. Fetch the model again, or replace the part that was changed."
        )
    if int(vae["latent_channels"]) != int(config["out_channels"]):
        raise InvalidInputError(
            f"The UNet makes {config['out_channels']} channels, but the model's autoencoder reads "
            f"{vae['latent_channels']}: its parts do not belong together. Fetch the model again."
        )
    colours = {int(vae.get(name, 3)) for name in ("in_channels", "out_channels")}
    if colours != {3}:
        raise InvalidInputError(
            "The model's autoencoder reads or writes something else beside three colours. This architecture has no "
            "adapter here."
        )
    if config.get("class_embed_type") or config.get("num_class_embeds"):
        raise InvalidInputError(
            "The UNet is told of a class, a picture or a noise level beside the words. This architecture has no "
            "adapter here."
        )


def whole_vae(folder: Folder, dtype: torch.dtype) -> dict[str, nn.Module]:
    """The autoencoder in full precision, under its part's name, where its configuration says that it overflows in
    float16; else nothing."""
    from diffusers import AutoencoderKL

    if dtype != torch.float16 or not folder.config("vae").get("force_upcast", True):
        return {}
    return {"vae": folder.module("vae", AutoencoderKL, torch.float32)}


def kept_rows(image: Tensor, mask: Tensor, codec: Codec) -> Rows:
    """A kept picture without what is under the mask, encoded, and the mask at its size."""
    f = codec.factor
    return {"kept": codec.encode(image * (1 - mask)), "mask": F.max_pool2d(mask, f) if f > 1 else mask}


def seen(z: Tensor, rows: Mapping[str, Tensor], patch: int = 1) -> Tensor:
    """What the UNet sees of z (L, C, H, W): with mask and kept picture beside it where rows hold them."""
    return unet_input(z, rows.get("mask"), rows.get("kept"), patch)


def guidance_embedding(unet: nn.Module, rows: Mapping[str, Tensor]) -> Tensor | None:
    """What a UNet into which guidance was distilled is told of the scales in the row `guidance`, or of none (1):
    sines and cosines of 1000 (scale - 1) (arXiv 2310.04378, section 4.2). None for other UNets."""
    config: Any = unet.config
    width = config.time_cond_proj_dim
    if not width:
        return None
    scales = rows.get("guidance", torch.ones(len(rows["text"]), device=rows["text"].device)).float()
    rates = torch.exp(torch.arange(width // 2, device=scales.device) * (-math.log(10_000.0) / (width // 2 - 1)))
    angles = (scales - 1)[:, None] * 1000 * rates
    return F.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, width % 2)).to(next(unet.parameters()).dtype)


def run_unet(unet: nn.Module, x: Tensor, time: float, words: Tensor, **told: Any) -> Tensor:
    """The UNet's prediction for x at one time, in its own type."""
    dtype = next(unet.parameters()).dtype
    times = torch.full((len(x),), time, device=x.device)
    out: Tensor = unet(x.to(dtype), times, encoder_hidden_states=words.to(dtype), **told).sample
    return out
