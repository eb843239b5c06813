"""FLUX.1 dev, schnell and Fill: a flow over latents in 2 x 2 patches, guidance distilled into dev and Fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks
from zoomlib.models.limits import CLIP
from zoomlib.models.noise.schedule import Flow
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import own_type, packed, places, unpacked

PATCH = 2
SIDE = 128
"""Of a level of z: no configuration says so, but all were trained around 1024 pixels."""
GUIDANCE, FILL_GUIDANCE = 3.5, 30.0
FAST_STEPS, WORDS, FAST_WORDS = 4, 512, 256
"""Of schnell, which has no guidance: its steps, and the tokens of a text that it was distilled with."""


def fits(parts: Mapping[str, str]) -> bool:
    """Its transformer, with the autoencoder, CLIP and T5."""
    return (
        parts.get("transformer") == "FluxTransformer2DModel"
        and parts.get("vae") == "AutoencoderKL"
        and {"text_encoder", "text_encoder_2"} <= parts.keys()
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says. Raises InvalidInputError for variants that are told more than Fill is."""
    config = folder.config("transformer")
    factor = codec_factor(folder.config("vae"))
    told, made = int(config["in_channels"]), int(config.get("out_channels") or config["in_channels"])
    fill = 2 * made + (PATCH * factor) ** 2
    if int(folder.config("vae")["latent_channels"]) * PATCH**2 != made or told not in (made, fill):
        raise InvalidInputError(
            f"The transformer in {folder.path.name!r} takes {told} channels and gives {made}. Expected {made}, or "
            f"{fill} for Fill; control variants (Canny, Depth) have no adapter here. Use dev, schnell or Fill."
        )
    scheduler = folder.config("scheduler")
    Flow(scheduler)
    distilled = bool(config.get("guidance_embeds"))
    fast = not distilled and not scheduler.get("use_dynamic_shifting")
    return Facts(
        family="FLUX Fill" if told == fill else "FLUX",
        channels=made // PATCH**2,
        size=(SIDE, SIDE),
        factor=factor,
        parts=("transformer", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "scheduler", "vae"),
        multiple=PATCH,
        inpaints=told == fill,
        distilled=distilled,
        guidance=FILL_GUIDANCE if told == fill else 1.0 if fast else GUIDANCE,
        steps=FAST_STEPS if fast else None,
        reads=(("tokenizer", CLIP), ("tokenizer_2", FAST_WORDS if fast else WORDS)),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import FluxPipeline

    known = facts(folder)
    pipeline = folder.pipeline(FluxPipeline, dtype, image_encoder=None, feature_extractor=None)
    schedule = Flow(folder.config("scheduler"), PATCH)
    return Parts(_Backbone(pipeline, known), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone:
    def __init__(self, pipeline: Any, known: Facts) -> None:
        self.pipeline, self.network, self.facts = pipeline, pipeline.transformer, known

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        length, device = FAST_WORDS if self.facts.steps == FAST_STEPS else WORDS, runs_on(self.network)
        text, pooled, _ = self.pipeline.encode_prompt(list(prompts), device=device, max_sequence_length=length)
        rows = {"text": text, "pooled": pooled}
        if self.facts.distilled:
            rows["guidance"] = torch.full((len(prompts),), self.facts.guidance, device=device)
        return rows

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        """The picture's code, and every place's factor x factor pixels of the mask as its channels."""
        return {"kept": codec.encode(image * (1 - mask)), "mask": F.pixel_unshuffle(mask, codec.factor)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        dtype, (height, width) = own_type(self.network), z.shape[2:]
        seen = torch.cat([z, rows["kept"], rows["mask"]], 1) if self.facts.inpaints else z
        text = rows["text"].to(dtype)
        out = self.network(
            packed(seen, PATCH).to(dtype),
            encoder_hidden_states=text,
            pooled_projections=rows["pooled"].to(dtype),
            timestep=torch.full((len(z),), step.time / 1000, device=z.device),
            img_ids=places(height // PATCH, width // PATCH, z.device),
            txt_ids=torch.zeros(text.shape[1], 3, device=z.device),
            guidance=rows.get("guidance"),
        ).sample
        return unpacked(out, (height, width), PATCH)
