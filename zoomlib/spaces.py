"""Where the levels of a latent model are made to agree: in pixels, in its latents, or in one after the other.

Latents do not commute with down-scaling: the mean of a window's latents is not the latent of the smaller picture. In
pixels levels can agree; on the way there and back a codec loses detail. So only the change is encoded, to first order:
x + E(B(D x)) - E(D x), with D to decode, E to encode and B to consolidate. Where B changes nothing, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step, noise_share

Space = Literal["auto", "pixels", "latents", "mixed"]
Place = Literal["pixels", "latents", "nowhere"]
Join = Callable[[Tensor], Tensor]
"""From levels' own estimates (L, C, H, W) to levels that agree."""


@dataclass(frozen=True)
class Spaces:
    """Where levels are made to agree. Of no consequence for models of pixels, whose two spaces are one.

    space: `pixels`, `latents`, `mixed` (latents while the share of noise in z is above `switch`, then pixels), or
    `auto`: pixels where a draft codec makes that cheap, else mixed. every: in pixels only at every so many steps, and
    nowhere between. Raises InvalidInputError for another space, an `every` below 1 or a switch outside 0 .. 1.
    """

    space: Space
    every: int
    switch: float

    def __post_init__(self) -> None:
        if self.space not in get_args(Space):
            raise InvalidInputError(f"space must be one of {', '.join(get_args(Space))}, but is {self.space!r}.")
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise InvalidInputError(f"every must be a whole number of steps of at least 1, but is {self.every!r}.")
        if not 0 <= self.switch <= 1:
            raise InvalidInputError(f"switch is a share of noise between 0 and 1, but is {self.switch!r}.")

    def at(self, step: Step, steps: int, drafted: bool) -> Place:
        """Where a latent model's estimates of a step of a run of so many are consolidated: those of its last step
        nowhere, since they become pictures and meet there."""
        left = steps - 1 - step.index
        if not left:
            return "nowhere"
        mixed = self.space == "mixed" or (self.space == "auto" and not drafted)
        if self.space == "latents" or (mixed and noise_share(step) > self.switch):
            return "latents"
        return "nowhere" if left % self.every else "pixels"


@dataclass(frozen=True, eq=False)
class Consolidation:
    """Levels that agree, of levels that do not, in the space of each step. `codec` goes to pixels and back, `place`
    says where, `in_pixels` and `in_latents` make levels agree there."""

    codec: Codec
    place: Callable[[Step], Place]
    in_pixels: Join
    in_latents: Join

    def __call__(self, estimates: Tensor, step: Step) -> Tensor:
        """The estimates (L, C, H, W) made to agree, float32, in the model's space."""
        return self.back(estimates, self.seen(estimates, step), step)

    def seen(self, estimates: Tensor, step: Step) -> Tensor:
        """The estimates where they are to meet; every level's by itself."""
        return self.codec.decode(estimates).float() if self.place(step) == "pixels" else estimates

    def back(self, estimates: Tensor, seen: Tensor, step: Step, level: int | None = None) -> Tensor:
        """The estimates made to agree where they were `seen`, in the model's space: all, or one level, (1, C, H, W)."""
        place, rows = self.place(step), slice(None) if level is None else slice(level, level + 1)
        if place == "nowhere":
            return estimates[rows]
        if place == "latents":
            return self.in_latents(seen)[rows]
        return self._carried(estimates[rows], seen[rows], self.in_pixels(seen)[rows])

    def _carried(self, estimates: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """The change from `before` to `after`, in pixels, as a change of the estimates."""
        changed = (before != after).flatten(1).any(1)
        if not changed.any():
            return estimates
        out = estimates.clone()
        out[changed] += self.codec.encode(after[changed]).float() - self.codec.encode(before[changed]).float()
        return out
