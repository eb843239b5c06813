"""The settings of progressive super-resolution, and what a run takes."""

from dataclasses import dataclass
from typing import Literal, get_args

from zoomlib.errors import InvalidInputError
from zoomlib.ladder import check_eta, check_steps
from zoomlib.scene import Work

Looking = Literal["replace", "append"]


@dataclass(frozen=True)
class Config:
    """Settings of progressive super-resolution.

    steps, eta: of the sampler; eta 0 is deterministic, 1 DDPM. strength: the share of the steps that is walked from the
    enlarged window; more draws more, 1 begins with noise alone. bound: the share of these steps for which the window
    binds as a whole; after that its border does, and wider levels show what is drawn inside. With 1 it binds to the
    end, which is super-resolution in the strict sense: deeper levels are what the widest happened to hold in its middle
    then, whatever their prompts. Below a given level that is not open it always binds. looking: what a prompt written
    by looking does to the level's own, where one is written: `replace` or `append`.
    """

    steps: int = 40
    eta: float = 1.0
    strength: float = 0.8
    bound: float = 0.25
    looking: Looking = "replace"

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        if isinstance(self.strength, bool) or not isinstance(self.strength, int | float) or not 0 < self.strength <= 1:
            raise InvalidInputError(f"strength must lie above 0 and be at most 1, but is {self.strength!r}.")
        if isinstance(self.bound, bool) or not isinstance(self.bound, int | float) or not 0 <= self.bound <= 1:
            raise InvalidInputError(f"bound must lie between 0 and 1, but is {self.bound!r}.")
        if self.looking not in get_args(Looking):
            raise InvalidInputError(f"looking must be replace or append, but is {self.looking!r}.")

    @property
    def made(self) -> int:
        """The steps that an enlarged window takes."""
        return max(1, round(self.steps * self.strength))

    def ends(self, levels: int, given: frozenset[int] = frozenset()) -> list[int]:
        """The step of the run after which each level is there; a given one takes none."""
        ends, step = [], 0
        for level in range(levels):
            step += 0 if level in given else self.made if level else self.steps
            ends.append(step)
        return ends

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """One level passes the model at a time; a photograph counts as given. Joining given levels counts as a step."""
        steps = self.ends(levels, given)[-1] if levels else 0
        return Work(max(steps, 1), steps)
