"""Inversion: the latents with which a generator paints a given picture at a given place (InfinityGAN, appendix K).

Coordinates are absolute: the place is chosen once, and any window of the plane can be asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.inversion.area import Area, area_of, check_invertible, smallest_px
from zoomlib.infinity.inversion.lpips_vgg import read_lpips
from zoomlib.infinity.inversion.perceptual import Perceptual
from zoomlib.infinity.inversion.settings import InversionSettings
from zoomlib.infinity.inversion.step import Stepper, noise_names, start_values

if TYPE_CHECKING:
    from zoomlib.infinity.generator import Generator

__all__ = [
    "Inversion",
    "InversionJob",
    "InversionSettings",
    "InversionState",
    "check_invertible",
    "first_state",
    "inverted",
    "inverting",
    "smallest_px",
]


@dataclass(frozen=True, eq=False)
class InversionJob:
    """What is asked for: picture (3, H, W) in [-1, 1] at pixel' (y0, x0) of the planes of a generator.

    period: of a cyclic plane, in cells, or None. revision: of the generator's weights.
    """

    picture: Tensor
    at: tuple[int, int]
    settings: InversionSettings
    period: int | None
    revision: str

    def same(self, other: InversionJob) -> bool:
        """Whether the other one asks for the same."""
        plain = ("at", "settings", "period", "revision")
        return torch.equal(self.picture, other.picture) and all(getattr(self, n) == getattr(other, n) for n in plain)


@dataclass(frozen=True, eq=False)
class InversionState:
    """After `step` steps: the latents `values` by name, Adam's two means, the drawing of numbers, and the loss.

    Names are style (S,), w_plus (2L+1, S), local (C, h, w) and noise_0 ... (1, h, w). `losses` are the weighted terms
    of the step before, and their sum as "total". All that goes on from a state is the same, bit for bit.
    """

    job: InversionJob
    step: int
    values: Mapping[str, Tensor]
    first: Mapping[str, Tensor]
    second: Mapping[str, Tensor]
    random: Tensor
    losses: Mapping[str, float]

    @property
    def total_steps(self) -> int:
        """The steps of the whole inversion."""
        return self.job.settings.steps

    def inversion(self, generator: Generator) -> Inversion:
        """What has been found so far."""
        job, config = self.job, generator.config
        area = area_of(config, job.at, *job.picture.shape[-2:])
        values = {name: value.detach().cpu().clone() for name, value in self.values.items()}
        found = Inversion(area, job.picture.cpu(), values, job.period, job.revision, job.settings, self.step, 0.0)
        shown = Stepper(generator.networks, area, job.period).painted(self.values).clamp(-1, 1).cpu()
        return replace(found, error=float((shown - found.picture).abs().mean()))


@dataclass(frozen=True, eq=False)
class Inversion:
    """A picture as latents of a plane. `error` is the mean difference of a pixel, in [-1, 1], after clamping."""

    area: Area
    picture: Tensor
    values: Mapping[str, Tensor]
    period: int | None
    revision: str
    settings: InversionSettings
    steps: int
    error: float

    @property
    def at(self) -> tuple[int, int]:
        """The picture's first pixel' (y0, x0)."""
        return self.area.at

    @property
    def height(self) -> int:
        """Of the picture, in pixels."""
        return self.area.height

    @property
    def width(self) -> int:
        """Of the picture, in pixels."""
        return self.area.width

    @property
    def style(self) -> Tensor:
        """z_g (S,)."""
        return self.values["style"]

    @property
    def w_plus(self) -> Tensor:
        """Styles of the texture, (2L+1, S)."""
        return self.values["w_plus"]

    @property
    def overrides(self) -> Overrides:
        """The latents of the picture's cells, with their halo, and its noise, to lay over those of any plane."""
        y, x, _, _ = self.area.local
        noise = {}
        for layer, name in enumerate(noise_names(self.area.config)):
            top, left, _, _ = self.area.noise(layer)
            noise[layer] = (Patch(top, left, self.values[name]),)
        return Overrides((Patch(y, x, self.values["local"]),), noise)


def inverting(
    generator: Generator,
    picture: Tensor,
    at: tuple[int, int],
    *,
    settings: InversionSettings | None = None,
    period: int | None = None,
    perceptual: str | Path | None = None,
    state: InversionState | None = None,
) -> Iterator[InversionState]:
    """Invert a picture step by step: a state after each; the last one's `inversion` is the result.

    Args:
        generator: its weights stay as they are; work is done on its device in float32.
        picture: (3, H, W) in [-1, 1].
        at: pixel' (y0, x0) of the picture's first pixel; row 0 is the horizon.
        settings: how; by default InversionSettings().
        period: of a cyclic plane, in cells, for pictures that will be part of one.
        perceptual: a file of LPIPS by VGG instead of random features.
        state: to go on from; of the same picture, place, settings and generator.

    Raises:
        InvalidInputError, NoRoomError: at once, as `check_invertible` does, and for a state of something else.
        UnsoundError: on the way, where the loss is no number.
    """
    job, area = _asked(generator, picture, at, settings, period)
    if state is not None and not state.job.same(job):
        raise InvalidInputError(
            "The state to go on from belongs to another picture, place, generator or settings. Begin without it."
        )
    device = str(generator.device)
    distance = Perceptual(device) if perceptual is None else read_lpips(Path(perceptual), device)
    stepper = Stepper(generator.networks, area, period, job.picture, job.settings, distance)
    return _states(stepper, state or first_state(generator, job))


def _asked(
    generator: Generator, picture: Tensor, at: tuple[int, int], settings: InversionSettings | None, period: int | None
) -> tuple[InversionJob, Area]:
    area = check_invertible(generator.config, picture, at, str(generator.device), period)
    picture = picture.detach().to("cpu", torch.float32).clone()
    return InversionJob(picture, area.at, settings or InversionSettings(), period, generator.revision), area


def _states(stepper: Stepper, state: InversionState) -> Iterator[InversionState]:
    generator = torch.Generator()
    while state.step < state.total_steps:
        generator.set_state(state.random)
        values, first, second, losses = stepper.advanced(state.step, state.values, state.first, state.second, generator)
        state = InversionState(state.job, state.step + 1, values, first, second, generator.get_state(), losses)
        yield state


def first_state(generator: Generator, job: InversionJob, values: Mapping[str, Tensor] | None = None) -> InversionState:
    """Before the first step: latents of the plane of the settings' seed and the middle of all styles, or `values`."""
    area = area_of(generator.config, job.at, *job.picture.shape[-2:])
    if values is None:
        values = start_values(generator.networks, area, job.settings.seed, job.period)
    values = {name: value.detach().to(generator.device, torch.float32) for name, value in values.items()}
    nothing = {name: torch.zeros_like(value) for name, value in values.items()}
    random = torch.Generator().manual_seed(job.settings.seed).get_state()
    return InversionState(job, 0, values, nothing, dict(nothing), random, {})


def inverted(
    generator: Generator,
    picture: Tensor,
    at: tuple[int, int],
    *,
    settings: InversionSettings | None = None,
    period: int | None = None,
    perceptual: str | Path | None = None,
    state: InversionState | None = None,
    on_step: Callable[[InversionState], None] | None = None,
) -> Inversion:
    """All steps of `inverting`; `on_step` is told each state."""
    last = begun = state or first_state(generator, _asked(generator, picture, at, settings, period)[0])
    for last in inverting(generator, picture, at, settings=settings, period=period, perceptual=perceptual, state=begun):
        if on_step is not None:
            on_step(last)
    return last.inversion(generator)
