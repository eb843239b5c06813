"""The walk down the ladder of noise levels: one sampler under all methods, and the state in which it can be left."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import Condition, Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import check_levels
from zoomlib.ladder import Step, update

Draw = Callable[[torch.Generator], Tensor]
Consolidate = Callable[[Tensor, Step], Tensor]
"""From the levels' own estimates, (L, C, H, W), and the noise level at which they were made, to those that count."""
Record = Mapping[str, Any]
"""Plain facts of a step that a method wants kept, as JSON holds them."""


@dataclass(frozen=True, eq=False)
class State:
    """A run after `index` of its steps; sampling resumes from it bit for bit.

    `z`, `clean` (consolidated) and `estimate` (the model's own, before consolidation) are float32 (L, C, H, W) in the
    model's space, or, where `pictures` is set, `clean` and `estimate` are pictures (L, 3, H, W) already; levels that
    are still to be made are zero there. `resume_at` is the step that a resumed run goes on from, where a method can be
    taken up only at some steps; None for this one. `generator_state` is the generator's at that step. `records` is
    everything the method has recorded until that step.
    """

    index: int
    z: Tensor
    clean: Tensor
    estimate: Tensor
    generator_state: Tensor
    resume_at: int | None = None
    pictures: bool = False
    records: tuple[Record, ...] = ()

    @property
    def resumes_at(self) -> int:
        """The step that a resumed run goes on from."""
        return self.index if self.resume_at is None else self.resume_at


def check_run(denoiser: Denoiser, prompts: Sequence[str], steps: int, generator: object, state: State | None) -> None:
    """Raise InvalidInputError for prompts that are no list of texts, no generator, or the state of another run."""
    if not isinstance(generator, torch.Generator):
        raise InvalidInputError(
            f"generator must be a torch.Generator, but is {generator!r}. Pass torch.Generator().manual_seed(seed)."
        )
    if isinstance(prompts, str) or not all(isinstance(prompt, str) for prompt in prompts):
        raise InvalidInputError(f"prompts must be a list of texts, one per level, but is {prompts!r}.")
    shape = (check_levels(len(prompts)), *(picture_shape(denoiser) if state and state.pictures else denoiser.shape))
    if state is not None and (tuple(state.clean.shape) != shape or not 0 <= state.index <= steps):
        raise InvalidInputError(
            f"The state to resume from (step {state.index}, shape {tuple(state.clean.shape)}) does not belong to a run "
            f"of {steps} steps with shape {shape}. Resume with the settings it was made with, or start anew."
        )


def picture_shape(denoiser: Denoiser) -> tuple[int, int, int]:
    """(3, H, W) of a level in pixels."""
    _, H, W = denoiser.shape
    return 3, H * denoiser.codec.factor, W * denoiser.codec.factor


@torch.no_grad()
def walk(
    denoiser: Denoiser,
    condition: Condition,
    *,
    steps: int,
    eta: float,
    draw: Draw,
    consolidate: Consolidate,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Yield the state after every step: estimate, consolidate, update.

    Initial noise and, for eta > 0, the noise of every step but the last come from `draw`.
    """
    ladder = denoiser.ladder(steps)
    z, start = begin(denoiser, ladder[0], draw, generator, state)
    for k in range(start, steps):
        estimate = denoiser.predict_clean(z, ladder[k], condition)
        clean = consolidate(estimate, ladder[k])
        z = update(z, clean, ladder[k], ladder[k + 1], eta, fresh(z, ladder[k + 1], eta, draw, generator))
        yield State(k + 1, z, clean, estimate, generator.get_state())


def begin(
    denoiser: Denoiser, first: Step, draw: Draw, generator: torch.Generator, state: State | None
) -> tuple[Tensor, int]:
    """z to start from and the steps already done; on resuming, the generator is set as it was."""
    if state is not None:
        generator.set_state(state.generator_state)
        return state.z.to(denoiser.device), state.index
    # z = alpha x + sigma eps with x of unit variance, unknown: noise of that variance stands for it.
    return draw(generator).to(denoiser.device) * math.hypot(first.alpha, first.sigma), 0


def fresh(z: Tensor, then: Step, eta: float, draw: Draw, generator: torch.Generator) -> Tensor | None:
    """Noise for one update, or None where it would have no effect."""
    return draw(generator).to(z.device) if eta and then.sigma else None


def last(states: Iterator[State], otherwise: State | None = None) -> State:
    """The final state of a run."""
    for state in states:
        otherwise = state
    if otherwise is None:
        raise InvalidInputError("The run made no step.")
    return otherwise
