"""Diffusion UNets of diffusers as `Denoiser`: pixel-space and latent, text-to-image and inpainting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomlib.denoiser import AttentionMaps, Codec, Condition
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, ddim_ladder
from zoomlib.models.attention import watch_attention
from zoomlib.models.components import unet_input

Spacing = Literal["trailing", "leading", "linspace"]


class TextTower:
    """A tokenizer and a CLIP text model of transformers."""

    def __init__(self, tokenizer: Any, encoder: nn.Module) -> None:
        self.tokenizer, self.encoder = tokenizer, encoder

    @torch.no_grad()
    def __call__(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Hidden states of all tokens, float32 (B, tokens, width). A text that is too long keeps its end token."""
        config: Any = self.encoder.config
        length = config.max_position_embeddings
        ids = self.tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        return self.encoder(ids.input_ids.to(device)).last_hidden_state.float()  # type: ignore[no-any-return]


class Schedule:
    """The noise levels a variance-preserving model was trained on, read from a diffusers scheduler configuration."""

    def __init__(self, config: dict[str, Any]) -> None:
        from diffusers import DDPMScheduler

        scheduler = DDPMScheduler.from_config(config)
        self.alphas_cumprod: Tensor = scheduler.alphas_cumprod.double()
        self.prediction: str = scheduler.config.prediction_type
        self.spacing: Spacing = config.get("timestep_spacing", "leading")
        self.offset = int(config.get("steps_offset", 0))

    def ladder(self, steps: int) -> Ladder:
        """Noise levels of a run, spaced as the configuration says."""
        return ddim_ladder(self.alphas_cumprod, steps, self.spacing, self.offset)

    def clean(self, out: Tensor, z: Tensor, step: Step) -> Tensor:
        """The clean estimate from what the model predicts: the noise, the clean sample, or v (arXiv 2202.00512)."""
        if self.prediction == "sample":
            return out
        if self.prediction == "v_prediction":
            return step.alpha * z - step.sigma * out
        return (z - step.sigma * out) / step.alpha


class UNetDenoiser:
    """A `UNet2DConditionModel` with its text tower, schedule and codec, as the samplers want it.

    `patch` > 1 marks a pixel-space model that works on patch x patch blocks (pixel unshuffle). A UNet with room for
    more channels than z has is an inpainting model: without an image it is told that everything is to be made.
    """

    def __init__(
        self, unet: nn.Module, text: TextTower, schedule: Schedule, codec: Codec, size: tuple[int, int], patch: int = 1
    ) -> None:
        config: Any = unet.config
        self.unet, self.text, self.schedule, self.codec, self.patch = unet, text, schedule, codec, patch
        channels = config.out_channels // patch**2
        self.shape = (channels, *size)
        extra = config.in_channels // patch**2 - channels
        if extra not in (0, channels + 1):
            raise InvalidInputError(
                f"The UNet takes {config.in_channels} channels and gives {config.out_channels}. Expected as many, or "
                f"{channels + 1} more for a mask and a kept image. This architecture has no adapter here."
            )
        self.inpaints = extra > 0
        self._grey: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the UNet is."""
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the UNet."""
        return next(self.unet.parameters()).dtype

    def ladder(self, steps: int) -> Ladder:
        """Noise levels of a run of that many steps."""
        return self.schedule.ladder(steps)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,  # noqa: ARG002 - part of the protocol; `Guided` reads them
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """Rows for each prompt. Negatives are the business of `Guided`; here they are ignored.

        Raises InvalidInputError for an image without a mask, for other shapes than z's, or for a model that cannot
        take them.
        """
        rows = {"text": self.text(prompts, self.device)}
        if image is None and mask is None:
            return Condition(rows)
        L, (H, W), f = len(prompts), self.shape[1:], self.codec.factor
        if not self.inpaints:
            raise InvalidInputError(
                "An image to keep was given, but this model has no inpainting input. Use one that has."
            )
        if image is None or mask is None or image.shape != (L, 3, H * f, W * f) or mask.shape != (L, 1, H * f, W * f):
            raise InvalidInputError(
                f"Expected an image ({L}, 3, {H * f}, {W * f}) and a mask ({L}, 1, {H * f}, {W * f}); got "
                f"{None if image is None else tuple(image.shape)} and {None if mask is None else tuple(mask.shape)}."
            )
        image, mask = image.to(self.device), mask.to(self.device)
        kept = self.codec.encode(image * (1 - mask))
        return Condition(rows | {"kept": kept, "mask": F.max_pool2d(mask, f) if f > 1 else mask})

    @torch.no_grad()
    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The clean estimate of z (L, C, H, W) at one noise level, float32, without guidance."""
        out = self._forward(self._seen(z, condition), step, condition)
        return self.schedule.clean(F.pixel_shuffle(out.float(), self.patch), z, step)

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Self-attention maps of one evaluation, as `zoomlib.denoiser.Attentive` says."""
        seen = self._seen(z, condition)
        with watch_attention(self.unet, (seen.shape[-2], seen.shape[-1])) as watch:
            self._forward(seen, step, condition)
        return watch.maps(grid)

    def _seen(self, z: Tensor, condition: Condition) -> Tensor:
        mask, kept = condition.rows.get("mask"), condition.rows.get("kept")
        if self.inpaints and (mask is None or kept is None):
            mask, kept = torch.ones_like(z[:, :1]), self._nothing_kept(z)
        return unet_input(z, mask, kept, self.patch)

    def _forward(self, seen: Tensor, step: Step, condition: Condition) -> Tensor:
        time = torch.full((len(seen),), step.time, device=seen.device)
        words = condition.rows["text"].to(self.dtype)
        out: Tensor = self.unet(seen.to(self.dtype), time, encoder_hidden_states=words).sample
        return out

    def _nothing_kept(self, z: Tensor) -> Tensor:
        """What an inpainting model is shown where nothing is kept: a mid-grey picture, encoded; shaped like z."""
        if self._grey is None:
            f = self.codec.factor
            self._grey = self.codec.encode(torch.zeros(1, 3, z.shape[2] * f, z.shape[3] * f, device=z.device))
        return self._grey.expand_as(z)
