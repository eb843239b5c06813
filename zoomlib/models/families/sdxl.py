"""Stable Diffusion XL (arXiv 2307.01952), text-to-image and inpainting: a latent UNet with two CLIP text towers.

It is told of the picture's size as well. Its few-step kin (Turbo, Lightning) are the same network with other noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise import check_noise, most, noise_of
from zoomlib.models.noise.few_steps import few_steps
from zoomlib.models.placement import runs_on
from zoomlib.models.unet import (
    check_channels,
    check_widths,
    guidance_embedding,
    kept_rows,
    run_unet,
    seen,
    whole_vae,
)

SIZE_NUMBERS = 6
"""Height and width before scaling, the crop's top and left, height and width of the picture (section 2.2)."""


def fits(parts: Mapping[str, str]) -> bool:
    """A UNet with an autoencoder, whose second text tower is CLIP's with a projection."""
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder_2") == "CLIPTextModelWithProjection"
        and parts.get("vae") == "AutoencoderKL"
        and not parts.keys() & {"transformer", "text_encoder_3", "controlnet"}
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says. Raises InvalidInputError for the refiner, by name."""
    config, vae = folder.config("unet"), folder.config("vae")
    _refuse_refiner(folder, config)
    channels, inpaints = check_channels(config)
    towers = [folder.config(name) for name in ("text_encoder", "text_encoder_2")]
    check_widths(config, vae, words=sum(int(tower["hidden_size"]) for tower in towers))
    distilled = bool(config.get("time_cond_proj_dim"))
    scheduler = folder.config("scheduler")
    check_noise(scheduler)
    quick = few_steps(scheduler, distilled)
    return Facts(
        family="Stable Diffusion XL",
        channels=channels,
        size=size_of(config, 128),
        factor=codec_factor(vae),
        parts=("unet", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "vae"),
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        inpaints=inpaints,
        distilled=distilled,
        guidance=quick.guidance if quick else 5.0,
        steps=quick.steps if quick else None,
        most_steps=most(scheduler),
        takes=("loras", "embeddings"),
    )


def _refuse_refiner(folder: Folder, config: Mapping[str, Any]) -> None:
    has_both = {"text_encoder", "text_encoder_2"} <= folder.parts.keys()
    if folder.index.get("requires_aesthetics_score") or not has_both:
        raise InvalidInputError(
            f"The model in {folder.path.name!r} is a refiner of Stable Diffusion XL, which only finishes the pictures "
            "of another model: it cannot draw a zoom. Use the base model; docs/models.md says how levels are refined."
        )
    width = int(folder.config("text_encoder_2")["projection_dim"])
    numbers = (int(config["projection_class_embeddings_input_dim"]) - width) / int(config["addition_time_embed_dim"])
    if config.get("addition_embed_type") != "text_time" or numbers != SIZE_NUMBERS:
        raise InvalidInputError(
            f"The UNet in {folder.path.name!r} is told of {numbers:g} numbers beside the words, where Stable Diffusion "
            f"XL takes {SIZE_NUMBERS}. This kin has no adapter here."
        )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import StableDiffusionXLPipeline

    without = dict.fromkeys(("feature_extractor", "image_encoder"))
    whole = whole_vae(folder, dtype)
    pipeline = folder.pipeline(StableDiffusionXLPipeline, dtype, add_watermarker=False, **without, **whole)
    schedule = noise_of(folder.config("scheduler"))
    return Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone:
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.unet
        self.factor = codec_factor(pipeline.vae.config)

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        device = runs_on(self.pipeline.text_encoder)
        text, _, pooled, _ = self.pipeline.encode_prompt(
            list(prompts), device=device, do_classifier_free_guidance=False
        )
        if self.pipeline.config.force_zeros_for_empty_prompt:
            said = torch.tensor([bool(prompt.strip()) for prompt in prompts], device=text.device)
            text, pooled = text * said[:, None, None], pooled * said[:, None]
        return {"text": text, "pooled": pooled}

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        return kept_rows(image, mask, codec)

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        """The network is told that a picture of z's size was neither scaled nor cropped."""
        sides = [side * self.factor for side in z.shape[2:]]
        size = torch.tensor([[*sides, 0, 0, *sides]], device=z.device, dtype=torch.float32).expand(len(z), -1)
        dtype = next(self.network.parameters()).dtype
        told = {"text_embeds": rows["pooled"].to(dtype), "time_ids": size.to(dtype)}
        scale = guidance_embedding(self.network, rows)
        return run_unet(
            self.network, seen(z, rows), step.time, rows["text"], added_cond_kwargs=told, timestep_cond=scale
        )
