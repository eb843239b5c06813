"""Stable Diffusion 1.x and 2.x (arXiv 2112.10752), text-to-image and inpainting: a latent UNet and a CLIP text tower.

Noise or v is predicted, as the folder's scheduler says; few-step kin (Turbo, consistency models) come with their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise import check_noise, most, noise_of
from zoomlib.models.noise.few_steps import few_steps
from zoomlib.models.placement import runs_on
from zoomlib.models.unet import check_channels, check_widths, guidance_embedding, kept_rows, run_unet, seen


def fits(parts: Mapping[str, str]) -> bool:
    """A UNet with an autoencoder and one CLIP text tower."""
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder") == "CLIPTextModel"
        and parts.get("vae") == "AutoencoderKL"
        and not parts.keys() & {"transformer", "text_encoder_2", "controlnet", "motion_adapter"}
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config, vae, scheduler = (folder.config(part) for part in ("unet", "vae", "scheduler"))
    channels, inpaints = check_channels(config)
    check_widths(config, vae, words=int(folder.config("text_encoder")["hidden_size"]))
    check_noise(scheduler)
    distilled = bool(config.get("time_cond_proj_dim"))
    quick = few_steps(scheduler, distilled)
    return Facts(
        family="Stable Diffusion",
        channels=channels,
        size=size_of(config),
        factor=codec_factor(vae),
        parts=("unet", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        inpaints=inpaints,
        distilled=distilled,
        guidance=quick.guidance if quick else 7.5,
        steps=quick.steps if quick else None,
        most_steps=most(scheduler),
        takes=("loras", "embeddings"),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    given: dict[str, Any] = dict.fromkeys(("safety_checker", "feature_extractor", "image_encoder"))
    given["scheduler"] = DDIMScheduler(steps_offset=1, clip_sample=False)  # never used; others are warned of
    pipeline = folder.pipeline(StableDiffusionPipeline, dtype, requires_safety_checker=False, **given)
    schedule = noise_of(folder.config("scheduler"))
    return Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone:
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.unet

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        device = runs_on(self.pipeline.text_encoder)
        text, _ = self.pipeline.encode_prompt(list(prompts), device, 1, do_classifier_free_guidance=False)
        return {"text": text}

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        return kept_rows(image, mask, codec)

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        scale = guidance_embedding(self.network, rows)
        return run_unet(self.network, seen(z, rows), step.time, rows["text"], timestep_cond=scale)
