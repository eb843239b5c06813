"""Diffusion models that enlarge: told a small picture, with some noise on it, they sample the large one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoomlib.denoiser import Codec, Condition, Denoiser, Wrapper
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.denoiser import ModelDenoiser
from zoomlib.models.transformer import TextOnly
from zoomlib.models.unet import run_unet
from zoomlib.noise import draw_seed, own_noise

Draw = Callable[[tuple[int, int, int]], Tensor]
"""From the shape of a level to N(0, 1) noise for all levels."""


@dataclass(frozen=True)
class UpscalerFacts:
    """What is known of a diffusion up-scaler without its weights.

    model: as of any model; its `size` is what the network was trained for, in places of z. factor: from the small
    picture to the large one. noise_level, most_noise: the usual and the largest noise on the small picture, as times of
    the schedule for it. words_of: the family of models whose text encoder it needs, having none of its own.
    """

    model: Facts
    factor: int
    noise_level: int
    most_noise: int
    words_of: str | None = None


@dataclass(frozen=True)
class Noising:
    """How small pictures are prepared: as what the network sees of them, then with the noise of a level.

    alphas_cumprod: (N,), float64. shown: from pictures (L, 3, h, w), and the codec, to (L, C, H, W) of z's size.
    """

    alphas_cumprod: Tensor
    shown: Callable[[Tensor, Codec], Tensor]

    def noised(self, small: Tensor, level: int, noise: Callable[[], Tensor]) -> Tensor:
        """z = alpha x + sigma eps of what is shown, at one noise level (augmentation, arXiv 2106.15282)."""
        variance = float(self.alphas_cumprod[level])
        if variance == 1:
            return small
        return math.sqrt(variance) * small + math.sqrt(1 - variance) * noise().to(small.device)


class DiffusionUpscaler:
    """A loaded diffusion up-scaler: `factor`, and a denoiser for given pictures."""

    def __init__(
        self, parts: Parts, noising: Noising, facts: UpscalerFacts, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.parts, self.noising, self.facts = parts, noising, facts
        self.factor = facts.factor
        self.device, self.dtype = device, dtype

    @torch.no_grad()
    def denoiser(
        self,
        levels: Tensor,
        *,
        noise_level: int | None = None,
        generator: torch.Generator,
        draw: Draw | None = None,
    ) -> Denoiser:
        """A `Denoiser` of the enlarged levels, which is told the given ones: pictures (L, 3, h, w) in [-1, 1].

        Its conditions have one row per level, so they are made for all levels at once, prompts in the levels' order. In
        them `low` (L, C, H, W), at the size of z, is what the network sees of the levels; tiles of z go with tiles of
        it. noise_level: noise on the given levels, from 0 to `facts.most_noise`; more invents more and keeps less; the
        model's usual when None. The noise is each level's own and takes one number from the generator; or `draw` makes
        it. Raises InvalidInputError for a noise level or a size that the model cannot take.
        """
        level = check_noise_level(self.facts, noise_level)
        check_small(self.facts, (levels.shape[2], levels.shape[3]))
        low = self.noising.shown(levels.to(self.device, torch.float32), self.parts.codec)
        size = (low.shape[2], low.shape[3])
        noise = (lambda: own_noise_of(low, generator)) if draw is None else (lambda: draw((3, *size)))
        rows = {
            "low": self.noising.noised(low, level, noise),
            "noise": torch.full((len(low),), level, device=self.device),
        }
        return Told(ModelDenoiser(self.parts, self.facts.model, size, self.device, self.dtype), rows)


def own_noise_of(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of each picture's own, shaped like pictures (L, C, H, W)."""
    L, C, H, W = pictures.shape
    return own_noise(range(L), (C, H, W), draw_seed(generator), generator.device)


def check_noise_level(facts: UpscalerFacts, level: int | None) -> int:
    """The noise level, or the usual one for None. Raises InvalidInputError for one that there is not."""
    if level is None:
        return facts.noise_level
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= facts.most_noise:
        raise InvalidInputError(
            f"The noise level of {facts.model.family} must be a whole number from 0 to {facts.most_noise}, but is "
            f"{level!r}. Usual is {facts.noise_level}."
        )
    return level


def check_small(facts: UpscalerFacts, size_px: tuple[int, int]) -> None:
    """Raise InvalidInputError for pictures (height, width) to be enlarged that the network cannot divide."""
    unit = max(facts.model.multiple * facts.model.factor // facts.factor, 1)
    if any(side % unit or side < unit for side in size_px):
        nearest = " x ".join(str(max(round(side / unit), 1) * unit) for side in reversed(size_px))
        raise InvalidInputError(
            f"{facts.model.family} enlarges pictures whose sides are multiples of {unit} pixels, but these have "
            f"{size_px[1]} x {size_px[0]}. The nearest is {nearest}."
        )


class Told(Wrapper):
    """A denoiser whose conditions also hold the given rows, one per level."""

    def __init__(self, denoiser: Denoiser, rows: Rows) -> None:
        super().__init__(denoiser)
        self.rows = rows

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per level. Raises InvalidInputError unless there is one prompt per level."""
        told = self.denoiser.condition(prompts, negatives, image=image, mask=mask)
        count = len(next(iter(self.rows.values())))
        if len(told) != count:
            raise InvalidInputError(f"{count} levels are enlarged and need as many prompts, not {len(told)}.")
        return Condition({**told.rows, **self.rows})

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The clean estimate, float32 (L, C, H, W), of z of any size that `low` has too."""
        return self.denoiser.predict_clean(z, step, condition)


class UpscalerBackbone(TextOnly):
    """A UNet that sees the small picture beside z and is told its noise as a class."""

    def __init__(self, unet: nn.Module, words: Callable[[Sequence[str]], Tensor], channels: int) -> None:
        self.network, self.text, self.channels = unet, words, channels

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Rows:
        """Hidden states of each text."""
        return {"text": self.text(prompts)}

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        """What the network predicts of z beside the small picture in `rows`."""
        x = torch.cat([z, rows["low"]], 1)
        out = run_unet(self.network, x, step.time, rows["text"], class_labels=rows["noise"])
        return out[:, : self.channels]  # a learned variance may follow


def check_input(config: Mapping[str, Any], channels: int) -> None:
    """Raise InvalidInputError for a UNet that does not take z and a colour picture."""
    if int(config["in_channels"]) != channels + 3:
        raise InvalidInputError(
            f"The up-scaler's UNet takes {config['in_channels']} channels. Expected {channels + 3}: what it denoises, "
            "and a picture. This architecture has no adapter here."
        )
