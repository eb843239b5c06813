"""DeepFloyd IF, the base stage: a UNet in pixel space that is told words by T5 and also predicts a variance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from zoomlib.denoiser import IdentityCodec
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import MOST, SHARE
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise.schedule import VariancePreserving, check_betas, most_steps
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly
from zoomlib.models.unet import run_unet

FAMILY = "DeepFloyd IF"
UNUSED = ("safety_checker", "feature_extractor", "watermarker")


def fits(parts: Mapping[str, str]) -> bool:
    """A UNet without an autoencoder, and T5; no schedule for a small picture, which up-scalers have."""
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder") == "T5EncoderModel"
        and not parts.keys() & {"vae", "transformer", "image_noising_scheduler"}
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config = folder.config("unet")
    if int(config["in_channels"]) != 3:
        raise InvalidInputError(
            f"The UNet takes {config['in_channels']} channels; the base stage of DeepFloyd IF takes 3. An up-scaling "
            "stage is one of enlarge.stages, with its image_noising_scheduler in its folder."
        )
    check_variance(config)
    scheduler = folder.config("scheduler")
    check_betas(scheduler)
    return Facts(
        family=FAMILY,
        channels=3,
        size=size_of(config),
        factor=1,
        parts=("unet", "text_encoder", "tokenizer", "scheduler"),
        reads=(("tokenizer", 77),),
        multiple=2 ** (len(config["block_out_channels"]) - 1),
        guidance=7.0,
        clamp=clamp_of(scheduler),
        steps=100,
        most_steps=most_steps(scheduler),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import IFPipeline

    pipeline = folder.pipeline(IFPipeline, dtype, requires_safety_checker=False, **dict.fromkeys(UNUSED))
    backbone = _Backbone(pipeline)
    return Parts(backbone, VariancePreserving(folder.config("scheduler")), IdentityCodec(), networks(pipeline))


def check_variance(config: Mapping[str, Any]) -> None:
    """Raise InvalidInputError for a UNet that gives neither a picture nor a picture and its variance."""
    if int(config["out_channels"]) not in (3, 6):
        raise InvalidInputError(
            f"The UNet gives {config['out_channels']} channels. Expected 3, or 6 with a learned variance."
        )


def clamp_of(scheduler: Mapping[str, Any]) -> bool | Literal["dynamic"]:
    """How estimates are held in [-1, 1]: as the folder's scheduler does. Raises InvalidInputError for a dynamic
    threshold that is not Imagen's."""
    if not scheduler.get("thresholding", False):
        return bool(scheduler.get("clip_sample", True))
    share, most = scheduler.get("dynamic_thresholding_ratio", 0.995), scheduler.get("sample_max_value", 1.0)
    if most <= 1:
        return True  # there is no room between the least and the largest threshold
    if (share, most) != (SHARE, MOST):
        raise InvalidInputError(
            f"The scheduler's dynamic threshold has a ratio of {share} and a largest value of {most}; known here are "
            f"{SHARE} and {MOST}, as DeepFloyd IF has them, and a largest value of 1."
        )
    return "dynamic"


def t5_words(pipeline: Any) -> Callable[[Sequence[str]], Tensor]:
    """From texts to T5's hidden states of 77 tokens, by a pipeline of DeepFloyd's; texts in lower case."""

    def words(prompts: Sequence[str]) -> Tensor:
        device = runs_on(pipeline.text_encoder)
        found: Tensor = pipeline.encode_prompt(list(prompts), do_classifier_free_guidance=False, device=device)[0]
        return found

    return words


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.unet
        self.text = t5_words(pipeline)

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        return {"text": self.text(prompts)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        return run_unet(self.network, z, step.time, rows["text"])[:, :3]  # the learned variance follows
