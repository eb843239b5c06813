"""Stable Diffusion's x2 up-scaler of latents: a UNet in Karras' preconditioning that sees the small picture's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, check_steps
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly
from zoomlib.models.unet import run_unet
from zoomlib.models.upscaling.diffusion import Noising, UpscalerFacts

FACTOR = 2
NO_NOISE = (1.0, 0.0)
"""What the network is told of noise on the small picture, 64 times each: its authors found that none is best."""


def fits(folder: Folder) -> bool:
    """By its name: its parts are those of Stable Diffusion."""
    return folder.index.get("_class_name") == "StableDiffusionLatentUpscalePipeline"


def facts(folder: Folder) -> UpscalerFacts:
    """What its configuration says."""
    config, vae = folder.config("unet"), folder.config("vae")
    channels = int(vae["latent_channels"])
    if (config["in_channels"], config["out_channels"]) != (2 * channels, channels + 1):
        raise InvalidInputError(
            f"The up-scaler's UNet takes {config['in_channels']} channels and gives {config['out_channels']}. Expected "
            f"{2 * channels}, latents and those of the small picture, and {channels + 1}. This architecture has no "
            "adapter here."
        )
    _Karras(folder.config("scheduler"))
    height, width = size_of(config, 128)
    model = Facts(
        family="Stable Diffusion x2 latent up-scaler",
        channels=channels,
        size=(height, width),
        factor=codec_factor(vae),
        parts=("unet", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=max(2 ** (len(config["block_out_channels"]) - 1), FACTOR),
        guidance=1.0,
        steps=20,
    )
    return UpscalerFacts(model, FACTOR, noise_level=0, most_noise=0)


def load(folder: Folder, dtype: torch.dtype, text: Folder | None) -> tuple[Parts, Noising]:  # noqa: ARG001
    """The model, on the CPU. It has always a text tower of its own."""
    from diffusers import StableDiffusionLatentUpscalePipeline

    pipeline = folder.pipeline(StableDiffusionLatentUpscalePipeline, dtype)
    schedule = _Karras(folder.config("scheduler"))
    parts = Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))
    return parts, Noising(torch.ones(1, dtype=torch.float64), coded)


def coded(levels: Tensor, codec: Codec) -> Tensor:
    """The code of pictures (L, 3, h, w), every place of it twice in each direction."""
    return F.interpolate(codec.encode(levels), scale_factor=float(FACTOR), mode="nearest")


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.unet

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        text, _, pooled, _ = self.pipeline.encode_prompt(list(prompts), runs_on(self.pipeline.text_encoder), False)
        noise = torch.tensor(NO_NOISE, device=pooled.device, dtype=pooled.dtype).repeat_interleave(64)
        return {"text": text, "told": torch.cat([noise.expand(len(pooled), -1), pooled], 1)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        told = rows["told"].to(next(self.network.parameters()).dtype)
        out = run_unet(self.network, torch.cat([z, rows["low"]], 1), step.time, rows["text"], timestep_cond=told)
        return out[:, : z.shape[1]]  # a variance that nothing uses follows


class _Karras:
    """The preconditioning of a UNet of unit data variance (arXiv 2206.00364, table 1), by noise levels of Euler's.

    Its x + s eps is our z times sqrt(1 + s^2), so alpha = 1 / sqrt(1 + s^2) and sigma = s alpha.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import EulerDiscreteScheduler

        named = str(config.get("_class_name"))
        if named != "EulerDiscreteScheduler":
            raise InvalidInputError(
                f"The scheduler of this up-scaler is {named}; its noise levels are read from an "
                "EulerDiscreteScheduler. Fetch the model again."
            )
        self.scheduler: Any = EulerDiscreteScheduler.from_config(dict(config))

    def ladder(self, steps: int, size: tuple[int, int]) -> Ladder:  # noqa: ARG002 - of flows it depends on the size
        """Noise levels of a run; the network's time is a quarter of the noise's logarithm."""
        check_steps(steps)
        self.scheduler.set_timesteps(steps)
        s = self.scheduler.sigmas.double()
        alpha = (1 + s**2).rsqrt()
        time = torch.cat([s[:-1].log() / 4, torch.zeros(1, dtype=torch.float64)])
        return Ladder(alpha, s * alpha, time)

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """c_skip x + c_out F, in z: c_skip = 1 / (1 + s^2) and c_out = s / sqrt(1 + s^2)."""
        return step.alpha * z + step.sigma * out
