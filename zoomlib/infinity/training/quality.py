"""Whether a training has learned its world: six numbers of patches at three heights, and what they must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.infinity.training.draws import seeded
from zoomlib.infinity.training.losses import diversity_loss
from zoomlib.infinity.training.recipe import Recipe
from zoomlib.infinity.training.trainer import Trainer

SAMPLES, PIECE_PX, DIRECTIONS = 128, 8, 128
LABELS = (-0.5, 0.0, 0.5)
"""Of the heights that are looked at: half-way to the highest patch of a picture, the middle one, half-way down."""
OF_HEIGHTS = ("row_error", "greening", "profile")
"""The numbers that mean nothing without a horizon."""


@dataclass(frozen=True)
class Quality:
    """Of `SAMPLES` patches at each of the heights `LABELS`, beside as many real ones.

    row_error: mean |row that the discriminator finds - row|. greening: green minus blue of the lower third minus that
    of the upper third, in [-1, 1] values, at each height; ground below sky. profile: correlation of the mean made
    patch's rows with the mean real one's, at each height. colour_spread: standard deviation of all values over that of
    the real ones. diversity: Eq. 2. sliced: distance of pieces of 8 x 8 px (`sliced_distance`); real_sliced: that
    between two sets of real ones.
    """

    row_error: float
    greening: tuple[float, ...]
    profile: tuple[float, ...]
    colour_spread: float
    diversity: float
    sliced: float
    real_sliced: float

    def faults(self, untrained: Quality | None = None, *, heights: bool = True) -> list[str]:
        """What misses its bar, in words; with an untrained generator's, sliced must be an eighth of it or less.

        Without heights, as on a plane that has no horizon, the bars `OF_HEIGHTS` are left out.
        """
        bars: Mapping[str, tuple[bool, str]] = {
            "row_error": (self.row_error <= 0.3, "at most 0.3"),
            "greening": (min(self.greening) >= 0.2, "at least 0.2 at all heights"),
            "profile": (min(self.profile) >= 0.8, "at least 0.8 at all heights"),
            "colour_spread": (0.5 <= self.colour_spread <= 2, "from 0.5 to 2"),
            "diversity": (self.diversity <= 3, "at most 3"),
            "sliced": (self.sliced <= 0.15, "at most 0.15"),
        }
        found = [
            f"{name} is {_told(getattr(self, name))}, not {bar}"
            for name, (met, bar) in bars.items()
            if not met and (heights or name not in OF_HEIGHTS)
        ]
        if untrained is not None and self.sliced > untrained.sliced / 8:
            found.append(f"sliced is {self.sliced:.3g}, above an eighth of {untrained.sliced:.3g} without training")
        return found


def _told(value: float | tuple[float, ...]) -> str:
    return " / ".join(f"{number:.3g}" for number in (value if isinstance(value, tuple) else (value,)))


@torch.no_grad()
def quality(trainer: Trainer, *, samples: int | None = None, seed: int = 1) -> Quality:
    """Measure a trainer's averaged generator, with its discriminator and its pictures; random numbers from the seed."""
    samples = samples or SAMPLES
    made: list[Tensor] = []
    real: list[Tensor] = []
    again: list[Tensor] = []
    errors: list[float] = []
    diversities: list[float] = []
    for height, label in enumerate(LABELS):
        patches, error, diversity = _made(trainer, label, samples, seed * 10 + height)
        made.append(patches)
        errors.append(error)
        diversities.append(diversity)
        for part, others in enumerate((real, again)):
            others.append(_real(trainer, label, samples, seed * 10 + height, part))
    generator = seeded(torch.device("cpu"), seed, 8)
    pairs = list(zip(made, real, strict=True))
    return Quality(
        row_error=_mean(errors),
        greening=tuple(_greening(patches) for patches in made),
        profile=tuple(_correlation(_rows(a), _rows(b)) for a, b in pairs),
        colour_spread=float(torch.cat(made).std() / torch.cat(real).std()),
        diversity=_mean(diversities),
        sliced=_mean([sliced_distance(a, b, generator) for a, b in pairs]),
        real_sliced=_mean([sliced_distance(a, b, generator) for a, b in zip(again, real, strict=True)]),
    )


def sliced_distance(first: Tensor, second: Tensor, generator: torch.Generator) -> float:
    """Sliced Wasserstein-1 distance of pieces of 8 x 8 px of two sets of pictures (B, 3, s, s) in [-1, 1].

    The same random places of both, 32 a picture, are looked at along `DIRECTIONS` random directions of length 1 in
    their 192 numbers; the mean of the distances along each. 0 for equal sets.
    """
    number = min(len(first), len(second))
    pieces = 32 * number
    which = torch.randint(number, (pieces,), generator=generator)
    y, x = torch.randint(first.shape[-1] - PIECE_PX + 1, (2, pieces), generator=generator)
    directions = torch.randn(3 * PIECE_PX**2, DIRECTIONS, generator=generator)
    directions = directions / directions.norm(dim=0)
    projected = [(_pieces(x_, which, y, x) @ directions).T.contiguous().sort(1).values for x_ in (first, second)]
    return float((projected[0] - projected[1]).abs().mean())


def _pieces(pictures: Tensor, which: Tensor, y: Tensor, x: Tensor) -> Tensor:
    offsets = torch.arange(PIECE_PX)
    rows, columns = y[:, None, None] + offsets[:, None], x[:, None, None] + offsets
    return pictures.float().cpu()[which[:, None, None], :, rows, columns].flatten(1)


def _made(trainer: Trainer, label: float, samples: int, seed: int) -> tuple[Tensor, float, float]:
    patches, errors, diversities = [], [], []
    for batch in range(-(-samples // trainer.recipe.batch)):
        latents = trainer.latents(seeded(torch.device("cpu"), seed, batch, 6), label)
        pictures, features = trainer.made(latents, trainer.averaged)
        errors.append(float((trainer.judged(pictures)[1] - latents.rows).abs().mean()))
        diversities.append(float(diversity_loss(latents.local, features)))
        patches.append(pictures.cpu())
    return torch.cat(patches)[:samples], _mean(errors), _mean(diversities)


def _real(trainer: Trainer, label: float, samples: int, seed: int, part: int) -> Tensor:
    recipe: Recipe = trainer.recipe
    pictures = trainer.pictures(samples, recipe.full_px, seeded(trainer.device, seed, part, 7)).cpu()
    row, s = round((label + 1) / 2 * recipe.rows_px), recipe.generator.patch_px
    column = recipe.rows_px // 2
    return pictures[:, :, row : row + s, column : column + s]


def _greening(patches: Tensor) -> float:
    third = patches.shape[2] // 3
    rows = (patches[:, 1] - patches[:, 2]).mean((0, 2))
    return float(rows[-third:].mean() - rows[:third].mean())


def _rows(patches: Tensor) -> Tensor:
    """The mean patch's rows, (3 s,)."""
    return patches.mean((0, 3)).flatten()


def _correlation(first: Tensor, second: Tensor) -> float:
    return float(torch.corrcoef(torch.stack((first, second)))[0, 1])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
