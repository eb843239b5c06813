"""DeepFloyd IF, the second stage: a UNet in pixel space that sees the small picture, enlarged, beside the large one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import Codec, IdentityCodec
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Facts, Parts
from zoomlib.models.families.deepfloyd import FAMILY, UNUSED, check_variance, clamp_of, t5_words
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise.schedule import VariancePreserving
from zoomlib.models.upscaling.diffusion import Noising, UpscalerBackbone, UpscalerFacts, check_input

FACTOR = 4
TEXT = ("text_encoder", "tokenizer")


def fits(folder: Folder) -> bool:
    """A UNet without an autoencoder, and a schedule for the small picture."""
    parts = folder.parts
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and "image_noising_scheduler" in parts
        and not parts.keys() & {"vae", "transformer"}
    )


def facts(folder: Folder) -> UpscalerFacts:
    """What its configuration says. Its text tower may be missing: it is the base stage's, and large."""
    config = folder.config("unet")
    check_input(config, 3)
    check_variance(config)
    model = Facts(
        family="DeepFloyd IF-II",
        channels=3,
        size=size_of(config),
        factor=1,
        parts=("unet", "scheduler", "image_noising_scheduler", *(TEXT if _reads(folder) else ())),
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        guidance=4.0,
        clamp=clamp_of(folder.config("scheduler")),
        steps=50,
    )
    most = int(folder.config("image_noising_scheduler").get("num_train_timesteps", 1000)) - 1
    words_of = None if _reads(folder) else FAMILY
    return UpscalerFacts(model, FACTOR, noise_level=min(250, most), most_noise=most, words_of=words_of)


def load(folder: Folder, dtype: torch.dtype, text: Folder | None) -> tuple[Parts, Noising]:
    """The model, on the CPU; with the text tower of `text`, a base stage, where it has none."""
    from diffusers import IFSuperResolutionPipeline

    given: dict[str, Any] = dict.fromkeys(UNUSED)
    if not _reads(folder):
        given |= dict(zip(TEXT, _tower(folder, text, dtype), strict=True))
    pipeline = folder.pipeline(IFSuperResolutionPipeline, dtype, requires_safety_checker=False, **given)
    backbone = UpscalerBackbone(pipeline.unet, t5_words(pipeline), 3)
    small = VariancePreserving(folder.config("image_noising_scheduler")).alphas_cumprod
    schedule = VariancePreserving(folder.config("scheduler"))
    return Parts(backbone, schedule, IdentityCodec(), networks(pipeline)), Noising(small, enlarged)


def enlarged(levels: Tensor, _: Codec) -> Tensor:
    """Pictures (L, 3, h, w) at the size that z has, by the interpolation that the stage was trained with."""
    size = (levels.shape[2] * FACTOR, levels.shape[3] * FACTOR)
    return F.interpolate(levels, size, mode="bilinear", align_corners=True)


def _reads(folder: Folder) -> bool:
    return all(part in folder.parts and (folder.path / part).is_dir() for part in TEXT)


def _tower(folder: Folder, text: Folder | None, dtype: torch.dtype) -> tuple[Any, Any]:
    """Text encoder and tokenizer of another folder. Raises InvalidInputError where there are none."""
    from diffusers import IFPipeline

    if text is None or text.parts.get("text_encoder") != "T5EncoderModel":
        raise InvalidInputError(
            f"The up-scaler in {folder.path.name!r} has no text_encoder of its own. Sample with the base stage of "
            "DeepFloyd IF, whose text encoder it shares, or fetch the up-scaler with its text_encoder and tokenizer."
        )
    given: dict[str, Any] = dict.fromkeys((*UNUSED, "unet"))
    pipeline = text.pipeline(IFPipeline, dtype, requires_safety_checker=False, **given)
    return pipeline.text_encoder, pipeline.tokenizer
