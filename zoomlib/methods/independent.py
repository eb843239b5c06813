"""Independent sampling: every level on its own; what all other methods are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.geometry import Focus, windows
from zoomlib.ladder import check_eta, check_steps
from zoomlib.methods._loop import State, check_run, finished, last, walk
from zoomlib.noise import draw_seed, own_noise
from zoomlib.stack import ZoomStack

__all__ = ["Config", "State", "sample", "sample_stack"]


@dataclass(frozen=True)
class Config:
    """Settings of independent sampling. eta: 0 deterministic to 1, DDPM."""

    steps: int = 40
    eta: float = 1.0

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)


def sample(
    denoiser: Denoiser,
    prompts: Sequence[str],
    *,
    p: int,
    steps: int = Config.steps,
    eta: float = Config.eta,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample each level by itself with the plain sampler; yield the state after every step.

    `p` and `focus` say only how the levels will be put together. Randomness, resuming and errors are those of
    `joint.sample`, whose noise this uses without sharing it.
    """
    config = Config(steps, eta)
    check_run(denoiser, prompts, config.steps, generator, state)
    windows(len(prompts), *denoiser.shape[1:], p, focus)

    def draw(generator: torch.Generator) -> Tensor:
        return own_noise(range(len(prompts)), denoiser.shape, draw_seed(generator), generator.device)

    return walk(
        denoiser,
        denoiser.condition(prompts, negatives),
        steps=steps,
        eta=eta,
        draw=draw,
        consolidate=lambda estimate: estimate,
        generator=generator,
        state=state,
    )


def sample_stack(
    denoiser: Denoiser,
    prompts: Sequence[str],
    *,
    p: int,
    steps: int = Config.steps,
    eta: float = Config.eta,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
) -> ZoomStack:
    """As `sample`, but return the finished stack, whose windows do not agree with the next level."""
    states = sample(denoiser, prompts, p=p, steps=steps, eta=eta, negatives=negatives, focus=focus, generator=generator)
    return finished(denoiser, last(states), p, focus)
