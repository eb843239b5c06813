"""Qwen-Image: a flow over the codes of a one-frame video autoencoder, told by a large vision-language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.codec import AutoencoderCodec
from zoomlib.models.files.folder import Folder, networks
from zoomlib.models.noise.schedule import Flow
from zoomlib.models.placement import runs_on
from zoomlib.models.transformer import TextOnly, filled_up, own_type, packed, unpacked

PATCH, SIDE, WORDS = 2, 128, 1024
"""Of a patch and of a level of z, in its places; tokens of a text at most."""
CHAT = 5
"""Tokens that end the chat, as which the text is written."""
BLOCK = 64
"""Texts are given to the network in lengths that are multiples of this, so that compiled ones are few."""
OTHERS = ("Edit", "Layered", "ControlNet", "Inpaint")
"""In the names of pipelines that are told of pictures, too."""


def fits(parts: Mapping[str, str]) -> bool:
    """Its transformer and its autoencoder, with a language model."""
    return (
        parts.get("transformer") == "QwenImageTransformer2DModel"
        and parts.get("vae") == "AutoencoderKLQwenImage"
        and "text_encoder" in parts
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says. Raises InvalidInputError for variants that are told of pictures."""
    config, vae, named = folder.config("transformer"), folder.config("vae"), str(folder.index.get("_class_name"))
    channels = int(vae["z_dim"])
    if config["in_channels"] != channels * PATCH**2 or any(other in named for other in OTHERS):
        raise InvalidInputError(
            f"The model in {folder.path.name!r} ({named}) is told of pictures beside the words: its transformer takes "
            f"{config['in_channels']} channels. Such variants of Qwen-Image have no adapter here; use Qwen-Image."
        )
    Flow(folder.config("scheduler"))
    return Facts(
        family="Qwen-Image",
        channels=channels,
        size=(SIDE, SIDE),
        factor=_factor(vae),
        parts=("transformer", "text_encoder", "tokenizer", "scheduler", "vae"),
        multiple=PATCH,
        guidance=4.0,
        evened=PATCH,
        reads=(("tokenizer", WORDS - CHAT),),
        takes=("loras",),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    from diffusers import QwenImagePipeline

    pipeline = folder.pipeline(QwenImagePipeline, dtype)
    schedule = Flow(folder.config("scheduler"), PATCH)
    return Parts(_Backbone(pipeline), schedule, _Codec(pipeline.vae), networks(pipeline))


class _Backbone(TextOnly):
    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.network = pipeline, pipeline.transformer

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        """The hidden states of each text's tokens, filled up with zeros, and which of them are the text's."""
        device = runs_on(self.network)
        text, told = self.pipeline.encode_prompt(list(prompts), device, max_sequence_length=WORDS)
        told = torch.ones(text.shape[:2], device=device) if told is None else told
        return {"text": filled_up(text, WORDS), "told": filled_up(told.bool(), WORDS)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        dtype, (height, width) = own_type(self.network), z.shape[2:]
        longest = -(-int(rows["told"].sum(1).max()) // BLOCK) * BLOCK
        out = self.network(
            packed(z, PATCH).to(dtype),
            encoder_hidden_states=rows["text"][:, :longest].to(dtype),
            encoder_hidden_states_mask=rows["told"][:, :longest],
            timestep=torch.full((len(z),), step.time / 1000, device=z.device),
            img_shapes=[[(1, height // PATCH, width // PATCH)]] * len(z),
        ).sample
        return unpacked(out, (height, width), PATCH)


class _Codec(AutoencoderCodec):
    """A video's autoencoder for videos of one frame, whose channels have each their own mean and spread."""

    def __init__(self, vae: nn.Module) -> None:
        config: Any = vae.config
        self.vae, self.factor = vae, _factor(config)
        self.mean, self.spread = (
            torch.tensor(values)[:, None, None] for values in (config.latents_mean, config.latents_std)
        )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) in [-1, 1] to latents, float32, of about unit variance."""
        pictures = self._given(images)[:, :, None]
        mean = torch.cat([self.vae.encode(one[None]).latent_dist.mode() for one in pictures])  # type: ignore[operator]
        return (mean[:, :, 0].float() - self.mean.to(mean.device)) / self.spread.to(mean.device)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, float32, in [-1, 1]."""
        codes = latents * self.spread.to(latents.device) + self.mean.to(latents.device)
        frames = self._given(codes)[:, :, None]
        return torch.cat([self.vae.decode(one[None]).sample[:, :, 0].float() for one in frames])  # type: ignore[operator]


def _factor(config: Mapping[str, Any]) -> int:
    return int(2 ** len(config["temperal_downsample"]))
