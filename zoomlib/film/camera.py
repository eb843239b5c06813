"""Where the camera is at each frame: level position as a function of time, in plain numbers."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError

MAX_FRAMES = 1_000_000


@dataclass(frozen=True)
class Camera:
    """A camera that crosses the levels of a stack at constant log speed.

    `levels` of the stack; `fps` frames per second; `seconds_per_level` the time for one zoom by p; `direction` "in"
    (from the widest level to the finest) or "out". A stack of one level is held still for `seconds_per_level`.
    Raises InvalidInputError for anything else than a finite, positive tempo and a film of 1 to MAX_FRAMES frames.
    """

    levels: int
    fps: float = 30
    seconds_per_level: float = 2.0
    direction: Literal["in", "out"] = "in"

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise InvalidInputError(f"A camera needs at least one level, got levels={self.levels}.")
        for name, value in (("fps", self.fps), ("seconds_per_level", self.seconds_per_level)):
            if not (math.isfinite(value) and value > 0):
                raise InvalidInputError(f"{name} must be a positive number, got {value}. Usual: fps=30, 2 s per level.")
        if self.direction not in ("in", "out"):
            raise InvalidInputError(f"The camera's direction is 'in' or 'out', got {self.direction!r}.")
        if not 0.5 < self._frames() <= MAX_FRAMES:
            raise InvalidInputError(
                f"{self.seconds_per_level} s per level at {self.fps} frames/s make "
                f"{self._frames():.3g} frames; choose them for 1 to {MAX_FRAMES}."
            )

    def _frames(self) -> float:
        return max(self.levels - 1, 1) * self.seconds_per_level * self.fps

    def __len__(self) -> int:
        """The number of frames."""
        return round(self._frames())

    @property
    def duration_s(self) -> float:
        """Length of the film in seconds."""
        return len(self) / self.fps

    def positions(self) -> NDArray[np.float64]:
        """Level position of each frame (T,), in [0, levels - 1], 0 = widest.

        Frames stand at half-frame offsets, s = (f + 1/2) / n with n frames per level: a frame exactly on a level would
        be the one that is not resampled, and flash sharp among its neighbours.
        """
        T = len(self)
        inward: NDArray[np.float64] = (np.arange(T, dtype=np.float64) + 0.5) * ((self.levels - 1) / T)
        return inward if self.direction == "in" else inward[::-1].copy()
