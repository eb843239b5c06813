"""Stable Diffusion 1.x and 2.x, text-to-image and inpainting: a latent UNet with one CLIP text tower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.folder import Folder, networks, size_of
from zoomlib.models.schedule import VariancePreserving
from zoomlib.models.unet import check_channels, kept_rows, run_unet, seen


def fits(parts: Mapping[str, str]) -> bool:
    """A UNet with an autoencoder and one CLIP text tower."""
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder") == "CLIPTextModel"
        and parts.get("vae") == "AutoencoderKL"
        and not parts.keys() & {"transformer", "text_encoder_2", "image_encoder_2"}
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config = folder.config("unet")
    channels, inpaints = check_channels(config)
    return Facts(
        family="Stable Diffusion",
        channels=channels,
        size=size_of(config),
        factor=codec_factor(folder.config("vae")),
        parts=("unet", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        inpaints=inpaints,
        guidance=7.5,
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import StableDiffusionPipeline

    without = dict.fromkeys(("safety_checker", "feature_extractor", "image_encoder"))
    pipeline = folder.pipeline(StableDiffusionPipeline, dtype, requires_safety_checker=False, **without)
    schedule = VariancePreserving(folder.config("scheduler"))
    return Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone:
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.unet

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        text, _ = self.pipeline.encode_prompt(list(prompts), self.network.device, 1, do_classifier_free_guidance=False)
        return {"text": text}

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        return kept_rows(image, mask, codec)

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        return run_unet(self.network, seen(z, rows), step.time, rows["text"])
