"""The settings of all outpainting methods, and what a run takes."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from zoomlib import inpainting
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import margin_factor
from zoomlib.inpainting.filling import Conditioning
from zoomlib.outpainting.padding import Padding
from zoomlib.scene import Work

Mode = Literal["direct", "sequential"]
Noise = Literal["gaussian", "fourier"]

SIDES = 4


@dataclass(frozen=True)
class Config:
    """Settings of outpainting. Methods build on it; `mode` may be a field there.

    steps, eta, conditioning, resampling, strength: of the fills (`zoomlib.inpainting.Config`). margin: how far a level
    reaches out beyond the next deeper one, in pixels on the left and right, before it is scaled back; None follows p.
    padding: what stands in the border before it is made (`zoomlib.outpainting.padding`). noise: what a border starts
    from, `gaussian`, or `fourier`, shaped like the spectrum of what is kept. band: where a given picture and the next
    deeper level do not agree, how far around the window it is made anew, as a share of the width.
    """

    steps: int = 40
    eta: float = 1.0
    margin: float | None = None
    padding: Padding = "reflect"
    strength: float = 1.0
    conditioning: Conditioning = "auto"
    resampling: int = 1
    noise: Noise = "gaussian"
    band: float = 0.125

    def __post_init__(self) -> None:
        self.filling()
        if self.margin is not None:
            margin_factor(self.margin, 1)
        for name, choices in (("padding", get_args(Padding)), ("noise", get_args(Noise)), ("mode", get_args(Mode))):
            if getattr(self, name) not in choices:
                raise InvalidInputError(f"{name} must be one of {', '.join(choices)}, but is {getattr(self, name)!r}.")
        if isinstance(self.band, bool) or not isinstance(self.band, int | float) or not 0 < self.band < math.inf:
            raise InvalidInputError(f"band is a share of the width above 0, but is {self.band!r}. Usual is 0.125.")

    @property
    def mode(self) -> Mode:
        """`direct`: one fill of the whole border. `sequential`: left, top, right, bottom, one fill each."""
        return "direct"

    def filling(self) -> inpainting.Config:
        """How a border is filled."""
        return inpainting.Config(
            self.steps, self.eta, self.conditioning, resampling=self.resampling, strength=self.strength
        )

    def first_filling(self) -> inpainting.Config:
        """How the innermost level is made, of which nothing is known."""
        return inpainting.Config(self.steps, self.eta)

    def fills(self, level: int, levels: int, given: frozenset[int]) -> int:
        """How many fills a level takes: of its border, or, around a given picture's window, of the band that joins it
        to a next deeper level that is made."""
        if level in given:
            return int(level < levels - 1 and level + 1 not in given)
        return SIDES if self.mode == "sequential" and level < levels - 1 else 1

    def level_steps(self, level: int, levels: int, given: frozenset[int]) -> int:
        """The steps that a level counts for: those of its fills, and 1 where it needs none."""
        fill = self.first_filling() if level == levels - 1 else self.filling()
        return max(self.fills(level, levels, given) * fill.made, 1)

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """Level by level. Where two given pictures do not agree, the band between them comes on top."""
        outer = sum(self.fills(level, levels, given) for level in range(levels - 1)) * self.filling().evaluations
        first = self.fills(levels - 1, levels, given) * self.first_filling().evaluations
        return Work(sum(self.level_steps(level, levels, given) for level in range(levels)), first + outer)
