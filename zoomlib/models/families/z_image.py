"""Z-Image and Z-Image Turbo: a flow over latents by a transformer that reads picture and words as one sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks
from zoomlib.models.noise.schedule import Flow
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly, filled_up, own_type

PATCH, SIDE, WORDS = 2, 128, 512
"""Of a patch and of a level of z, in its places; tokens of a text."""
CHAT = 10
"""Tokens that the chat takes, as which the text is written."""
TURBO_SHIFT, TURBO_STEPS = 3.0, 9
"""Turbo is distilled from the base model, has no guidance, and differs in files by its flow's shift alone (base: 6)."""


def fits(parts: Mapping[str, str]) -> bool:
    """Its transformer, with an autoencoder and a language model."""
    return (
        parts.get("transformer") == "ZImageTransformer2DModel"
        and parts.get("vae") == "AutoencoderKL"
        and "text_encoder" in parts
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config, vae, scheduler = (folder.config(part) for part in ("transformer", "vae", "scheduler"))
    channels = int(config["in_channels"])
    if channels != vae["latent_channels"] or PATCH not in config.get("all_patch_size", [PATCH]):
        raise InvalidInputError(
            f"The transformer in {folder.path.name!r} takes {channels} channels in patches of "
            f"{config.get('all_patch_size')}; its autoencoder gives {vae['latent_channels']}, and patches of {PATCH} "
            "are expected. This variant has no adapter here."
        )
    Flow(scheduler)
    turbo = not scheduler.get("use_dynamic_shifting") and scheduler.get("shift", 1.0) <= TURBO_SHIFT
    return Facts(
        family="Z-Image Turbo" if turbo else "Z-Image",
        channels=channels,
        size=(SIDE, SIDE),
        factor=codec_factor(vae),
        parts=("transformer", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=PATCH,
        largest=min(config.get("axes_lens", [1024, 512, 512])[1:]) * PATCH,
        guidance=1.0 if turbo else 5.0,
        steps=TURBO_STEPS if turbo else None,
        reads=(("tokenizer", WORDS - CHAT),),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import ZImagePipeline

    pipeline = folder.pipeline(ZImagePipeline, dtype)
    schedule = Flow(folder.config("scheduler"), PATCH)
    return Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.transformer

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        """The hidden states of each text's tokens, filled up with zeros, and which of them are the text's."""
        texts, _ = self.pipeline.encode_prompt(
            list(prompts), runs_on(self.network), do_classifier_free_guidance=False, max_sequence_length=WORDS
        )
        told = [text.new_ones(len(text), dtype=torch.bool) for text in texts]
        return {"text": filled_up(texts, WORDS), "told": filled_up(told, WORDS)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        """The network's own direction is from noise to picture, and its time the picture's share."""
        dtype = own_type(self.network)
        texts = [text[told].to(dtype) for text, told in zip(rows["text"], rows["told"], strict=True)]
        time = torch.full((len(z),), 1 - step.time / 1000, device=z.device)
        out = self.network(list(z.to(dtype).unsqueeze(2)), time, texts, return_dict=False)[0]
        return -torch.stack(list(out)).squeeze(2)
