"""Sana: a flow over latents 32 times smaller than the picture, by a transformer of linear attention; Gemma reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec
from zoomlib.models.files.folder import Folder, networks, size_of
from zoomlib.models.noise.schedule import flow_of
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly, own_type


def fits(parts: Mapping[str, str]) -> bool:
    """Its transformer, with its autoencoder and a language model."""
    return (
        parts.get("transformer") == "SanaTransformer2DModel"
        and parts.get("vae") == "AutoencoderDC"
        and "text_encoder" in parts
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config = folder.config("transformer")
    channels = int(config["in_channels"])
    if config.get("guidance_embeds") or int(config["out_channels"]) not in (channels, 2 * channels):
        raise InvalidInputError(
            f"The transformer in {folder.path.name!r} takes {channels} channels and gives {config['out_channels']}, "
            f"guidance_embeds is {bool(config.get('guidance_embeds'))}. The adapter drives Sana; Sana Sprint, whose "
            "noise is another, and control variants have none here. Use Sana itself."
        )
    flow_of(folder.config("scheduler"))
    return Facts(
        family="Sana",
        channels=channels,
        size=size_of(config, 32),
        factor=_factor(folder.config("vae")),
        parts=("transformer", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=int(config["patch_size"]),
        guidance=4.5,
        steps=20,
        reads=(("tokenizer", 298),),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import SanaPipeline

    pipeline = folder.pipeline(SanaPipeline, dtype)
    even = folder.config("scheduler").get("use_dynamic_shifting", False)
    schedule = flow_of(folder.config("scheduler"), 1, even=even)
    return Parts(_Backbone(pipeline), schedule, _Codec(pipeline.vae), networks(pipeline))


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.transformer
        asked = inspect.signature(type(pipeline).__call__).parameters["complex_human_instruction"]
        self.instruction: list[str] = asked.default

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        """Gemma's hidden states of 300 tokens, and which of them are read.

        Gemma reads texts behind the pipeline's instruction to picture them, but for empty ones, as negatives are.
        """
        rows = [self._read(prompt, self.instruction if prompt.strip() else None) for prompt in prompts]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def _read(self, prompt: str, instruction: list[str] | None) -> Rows:
        text, read, _, _ = self.pipeline.encode_prompt(
            [prompt],
            do_classifier_free_guidance=False,
            device=runs_on(self.pipeline.text_encoder),
            complex_human_instruction=instruction,
        )
        return {"text": text, "read": read}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        dtype, config = own_type(self.network), self.network.config
        out: Tensor = self.network(
            z.to(dtype),
            encoder_hidden_states=rows["text"].to(dtype),
            encoder_attention_mask=rows["read"],
            timestep=torch.full((len(z),), step.time * config.timestep_scale, device=z.device),
        ).sample
        return out[:, : z.shape[1]]  # a learned sigma may follow


class _Codec(AutoencoderCodec):
    """An `AutoencoderDC` (arXiv 2410.10733): its code is no distribution."""

    def __init__(self, vae: nn.Module) -> None:
        config: Any = vae.config
        self.vae, self.factor = vae, _factor(config)
        self.scaling, self.shift = torch.tensor(float(config.scaling_factor)), torch.zeros(())

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) in [-1, 1] to latents, float32, scaled to about unit variance."""
        pictures = self._given(images)
        codes = [self.vae.encode(one[None]).latent for one in pictures]  # type: ignore[operator]
        return torch.cat(codes).float() * self.scaling


def _factor(config: Mapping[str, Any]) -> int:
    return int(2 ** (len(config["encoder_block_out_channels"]) - 1))
