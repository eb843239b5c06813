"""Stable Diffusion 3 and 3.5: a flow over latents by a transformer that reads two CLIP towers and T5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec, codec_factor
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.limits import CLIP
from zoomlib.models.noise.schedule import Flow
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly, own_type

WORDS = 256
"""Tokens of a text that T5 is given."""
TEXTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
T5 = ("text_encoder_3", "tokenizer_3")
"""Read where the index names them; its authors trained without them half of the time, so it can do without."""


def fits(parts: Mapping[str, str]) -> bool:
    """Its transformer, with the autoencoder and both CLIP towers."""
    return (
        parts.get("transformer") == "SD3Transformer2DModel"
        and parts.get("vae") == "AutoencoderKL"
        and {"text_encoder", "text_encoder_2"} <= parts.keys()
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config = folder.config("transformer")
    channels, patch = int(config.get("out_channels", 16)), int(config.get("patch_size", 2))
    if config["in_channels"] != channels:
        raise InvalidInputError(
            f"The transformer in {folder.path.name!r} takes {config['in_channels']} channels and gives {channels}. "
            "Expected as many: the adapter for Stable Diffusion 3 knows no inpainting or control variants."
        )
    Flow(folder.config("scheduler"))
    t5 = tuple(part for part in T5 if part in folder.parts)
    return Facts(
        family="Stable Diffusion 3",
        channels=channels,
        size=size_of(config, 128),
        factor=codec_factor(folder.config("vae")),
        parts=("transformer", *TEXTS, *t5, "scheduler", "vae"),
        multiple=patch,
        largest=int(config.get("pos_embed_max_size", 96)) * patch,
        guidance=7.0,
        reads=(("tokenizer", CLIP), ("tokenizer_2", CLIP), *((part, WORDS) for part in t5 if part == T5[1])),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import StableDiffusion3Pipeline

    without = dict.fromkeys(("image_encoder", "feature_extractor", *(part for part in T5 if part not in folder.parts)))
    pipeline = folder.pipeline(StableDiffusion3Pipeline, dtype, **without)
    schedule = Flow(folder.config("scheduler"), pipeline.patch_size, even=False)
    return Parts(_Backbone(pipeline), schedule, AutoencoderCodec(pipeline.vae), networks(pipeline))


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.transformer

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        text, _, pooled, _ = self.pipeline.encode_prompt(
            list(prompts),
            None,
            None,
            runs_on(self.network),
            do_classifier_free_guidance=False,
            max_sequence_length=WORDS,
        )
        return {"text": text, "pooled": pooled}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        dtype = own_type(self.network)
        out: Tensor = self.network(
            z.to(dtype),
            encoder_hidden_states=rows["text"].to(dtype),
            pooled_projections=rows["pooled"].to(dtype),
            timestep=torch.full((len(z),), step.time, device=z.device),
        ).sample
        return out
