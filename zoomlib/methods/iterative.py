"""Iterative update: one level at a time, rendered with the others but not blended (arXiv 2312.02149, section 5.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from zoomlib.denoiser import Denoiser
from zoomlib.ladder import check_eta, check_steps
from zoomlib.methods import joint
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.spaces import Space, Spaces
from zoomlib.walk import State

__all__ = ["DIVIDES", "EXTENDS", "GRID", "IMAGES", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = joint.PHOTO
IMAGES = joint.IMAGES
EXTENDS = joint.EXTENDS
GRID = joint.GRID
DIVIDES = joint.DIVIDES


@dataclass(frozen=True)
class Config:
    """Settings of the iterative update. eta: 0 deterministic to 1, DDPM. The others: as in joint sampling."""

    steps: int = 40
    eta: float = 1.0
    feather: float = 0.0
    loop: bool = False
    space: Space = "auto"
    every: int = 1
    switch: float = 0.5

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        Spaces(self.space, self.every, self.switch)

    def as_joint(self) -> joint.Config:
        """The same as a joint run: update `iterative`, blending `none`."""
        return joint.Config(
            self.steps,
            self.eta,
            blending="none",
            update="iterative",
            feather=self.feather,
            loop=self.loop,
            space=self.space,
            every=self.every,
            switch=self.switch,
        )

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """As in joint sampling, and one estimate of all levels before the first step."""
        return self.as_joint().work(levels, given)


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample one level at a time at every step, deepest first; yield the state after every step.

    The same as joint sampling with update `iterative` and blending `none`, and like it in all else.
    """
    return joint.run(denoiser, prompts, config.as_joint(), scene, generator=generator, state=state)


sample, sample_stack = keyword_forms(Config, run, GRID)
