"""Guidance: estimates led towards the prompt, as wrappers that are denoisers themselves."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import AttentionMaps, Condition, Denoiser, Wrapper
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step

SHARE, MOST = 0.95, 1.5
"""Of Imagen's dynamic threshold, as DeepFloyd IF has them."""


class Guided(Wrapper):
    """Classifier-free guidance (arXiv 2207.12598): x = x_n + scale (x_c - x_n), n for the negative or empty prompt.

    Scale 1 is the model itself, at half the cost; the paper's omega is scale - 1. `rescale`, 0..1, draws the contrast
    of each level back to that of the conditional estimate (arXiv 2305.08891, equation 16, here on the clean estimate).
    `clamp` holds estimates in [-1, 1]; for pixel-space models only. `dynamic` does so by the size of each level's
    largest values (`dynamic_threshold`).
    """

    def __init__(
        self, denoiser: Denoiser, scale: float, rescale: float = 0.0, clamp: bool | Literal["dynamic"] = False
    ):
        super().__init__(denoiser)
        if not 0 <= scale < float("inf") or not 0 <= rescale <= 1:
            raise InvalidInputError(
                f"Guidance needs a finite scale of at least 0 and a rescale in 0..1, not {scale!r} and {rescale!r}. "
                "Scale 1 switches guidance off; usual are 2 to 8."
            )
        self.scale, self.rescale, self.clamp = float(scale), float(rescale), clamp

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per prompt, holding the conditional and the unconditional rows of the denoiser within."""
        negatives = [""] * len(prompts) if negatives is None else negatives
        if len(negatives) != len(prompts):
            raise InvalidInputError(
                f"{len(prompts)} prompts need as many negatives, not {len(negatives)}. Write an empty text for none."
            )
        conditional = self.denoiser.condition(prompts, image=image, mask=mask)
        if self.scale == 1:
            return conditional
        unconditional = self.denoiser.condition(negatives, image=image, mask=mask)
        return Condition(
            {f"+{name}": rows for name, rows in conditional.rows.items()}
            | {f"-{name}": rows for name, rows in unconditional.rows.items()}
        )

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The guided estimate, float32 (L, C, H, W)."""
        if self.scale == 1:
            out = self.denoiser.predict_clean(z, step, condition)
        else:
            both = Condition.cat([_signed(condition, "+"), _signed(condition, "-")])
            with_prompt, without = self.denoiser.predict_clean(torch.cat([z, z]), step, both).chunk(2)
            out = self._led(without + self.scale * (with_prompt - without), with_prompt, z)
        if self.clamp == "dynamic":
            return dynamic_threshold(out)
        return out.clamp(-1, 1) if self.clamp else out

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the conditional evaluation alone."""
        return super().attention_maps(z, step, condition if self.scale == 1 else _signed(condition, "+"), grid)

    def _led(self, guided: Tensor, conditional: Tensor, z: Tensor) -> Tensor:  # noqa: ARG002 - `Evened` needs it
        return self._rescaled(guided, conditional)

    def _rescaled(self, guided: Tensor, conditional: Tensor) -> Tensor:
        if not self.rescale:
            return guided
        axes = (1, 2, 3)
        contrast = conditional.std(axes, keepdim=True) / guided.std(axes, keepdim=True).clamp_min(1e-8)
        return guided * (1 + self.rescale * (contrast - 1))


class Evened(Guided):
    """Guidance that turns the directions of a flow, z - x, and leaves each patch of z as long a one as it has with the
    words alone. Qwen-Image is sampled so; large scales then neither burn out nor grey."""

    def __init__(
        self,
        denoiser: Denoiser,
        scale: float,
        patch: int,
        rescale: float = 0.0,
        clamp: bool | Literal["dynamic"] = False,
    ):
        super().__init__(denoiser, scale, rescale, clamp)
        self.patch = patch

    def _led(self, guided: Tensor, conditional: Tensor, z: Tensor) -> Tensor:
        lengths = (self._lengths(z - conditional) / self._lengths(z - guided).clamp_min(1e-12)).to(z.dtype)
        even = z - (z - guided) * lengths.repeat_interleave(self.patch, 2).repeat_interleave(self.patch, 3)
        return self._rescaled(even, conditional)

    def _lengths(self, directions: Tensor) -> Tensor:
        return F.pixel_unshuffle(directions, self.patch).square().sum(1, keepdim=True).sqrt()


def _signed(condition: Condition, sign: str) -> Condition:
    return Condition({name[1:]: rows for name, rows in condition.rows.items() if name[0] == sign})


def dynamic_threshold(clean: Tensor, share: float = SHARE, most: float = MOST) -> Tensor:
    """Estimates (L, C, H, W) within [-1, 1]: each level clamped at the quantile `share` of its sizes, at least 1 and at
    most `most`, and divided by it (Imagen, arXiv 2205.11487, section 2.3)."""
    s = torch.quantile(clean.abs().flatten(1), share, dim=1).clamp(1, most)[:, None, None, None]
    return clean.clamp(-s, s) / s


def guided(
    denoiser: Denoiser, scale: float, rescale: float = 0.0, clamp: bool | Literal["dynamic"] = False
) -> Denoiser:
    """The denoiser with guidance, in the way that it takes it: `Distilled` models by an input, others by `Guided` or
    `Evened`."""
    if getattr(denoiser, "distilled", False):
        return Distilled(denoiser, scale)
    if patch := getattr(denoiser, "evened", 0):
        return Evened(denoiser, scale, patch, rescale, clamp)
    return Guided(denoiser, scale, rescale, clamp)


class Distilled(Wrapper):
    """A model into which guidance was distilled (arXiv 2210.03142): the scale is an input, one evaluation is enough."""

    def __init__(self, denoiser: Denoiser, scale: float):
        super().__init__(denoiser)
        self.scale = float(scale)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """As that of the denoiser within, whose row `guidance` is the scale."""
        told = self.denoiser.condition(prompts, negatives, image=image, mask=mask)
        return Condition({**told.rows, "guidance": torch.full((len(told),), self.scale, device=self.device)})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The guided estimate, float32 (L, C, H, W)."""
        return self.denoiser.predict_clean(z, step, condition)
