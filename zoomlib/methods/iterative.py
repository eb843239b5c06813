"""Iterative update: one level at a time, rendered with the others but not blended (arXiv 2312.02149, section 5.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from zoomlib.denoiser import Denoiser
from zoomlib.geometry import Focus
from zoomlib.ladder import check_eta, check_steps
from zoomlib.methods import joint
from zoomlib.methods._loop import State, finished, last
from zoomlib.stack import ZoomStack

__all__ = ["Config", "State", "sample", "sample_stack"]


@dataclass(frozen=True)
class Config:
    """Settings of the iterative update. eta: 0 deterministic to 1, DDPM. feather: as in joint sampling."""

    steps: int = 40
    eta: float = 1.0
    feather: float = 0.0

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
    feather: float = Config.feather,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample one level at a time at every step, deepest first; yield the state after every step.

    The same as `joint.sample` with update `iterative` and blending `none`, and like it in all else.
    """
    return joint.sample(
        denoiser,
        prompts,
        p=p,
        steps=steps,
        eta=eta,
        blending="none",
        update="iterative",
        feather=feather,
        negatives=negatives,
        focus=focus,
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
    feather: float = Config.feather,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
) -> ZoomStack:
    """As `sample`, but return the finished stack."""
    states = sample(
        denoiser,
        prompts,
        p=p,
        steps=steps,
        eta=eta,
        feather=feather,
        negatives=negatives,
        focus=focus,
        generator=generator,
    )
    return finished(denoiser, last(states), p, focus)
