"""Stable Diffusion's x4 up-scaler: a latent UNet that sees the small picture itself beside the latents."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoomlib.models.backbone import Facts, Parts
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise.schedule import VariancePreserving
from zoomlib.models.placement import runs_on
from zoomlib.models.upscaling.diffusion import Noising, UpscalerBackbone, UpscalerFacts, check_input

PARTS = ("unet", "text_encoder", "tokenizer", "scheduler", "low_res_scheduler", "vae")


def fits(folder: Folder) -> bool:
    """A UNet, an autoencoder, one CLIP text tower, and a schedule for the small picture."""
    parts = folder.parts
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder") == "CLIPTextModel"
        and parts.get("vae") == "AutoencoderKL"
        and "low_res_scheduler" in parts
    )


def facts(folder: Folder) -> UpscalerFacts:
    """What its configuration says. Latents have the small picture's size: the autoencoder's factor is the model's."""
    config, factor = folder.config("unet"), codec_factor(folder.config("vae"))
    check_input(config, int(config["out_channels"]))
    model = Facts(
        family="Stable Diffusion x4 up-scaler",
        channels=int(config["out_channels"]),
        size=size_of(config),
        factor=factor,
        parts=PARTS,
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        guidance=9.0,
        steps=75,
    )
    return UpscalerFacts(model, factor, noise_level=20, most_noise=int(folder.index.get("max_noise_level", 350)))


def load(folder: Folder, dtype: torch.dtype, text: Folder | None) -> tuple[Parts, Noising]:  # noqa: ARG001
    """The model, on the CPU. It has always a text tower of its own."""
    from diffusers import StableDiffusionUpscalePipeline

    without = dict.fromkeys(("safety_checker", "feature_extractor", "watermarker"))
    pipeline = folder.pipeline(StableDiffusionUpscalePipeline, dtype, **without)

    def words(prompts: Sequence[str]) -> Tensor:
        device = runs_on(pipeline.text_encoder)
        found: Tensor = pipeline.encode_prompt(list(prompts), device, 1, do_classifier_free_guidance=False)[0]
        return found

    backbone = UpscalerBackbone(pipeline.unet, words, pipeline.unet.config.out_channels)
    schedule = VariancePreserving(folder.config("scheduler"))
    small = VariancePreserving(folder.config("low_res_scheduler")).alphas_cumprod
    parts = Parts(backbone, schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))
    return parts, Noising(small, lambda levels, _: levels)
