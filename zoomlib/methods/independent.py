"""Independent sampling: every level on its own; what all other methods are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.geometry import boxes
from zoomlib.ladder import check_eta, check_steps
from zoomlib.noise import draw_seed, own_noise
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.walk import State, check_run, walk

__all__ = ["Config", "State", "run", "sample", "sample_stack"]


@dataclass(frozen=True)
class Config:
    """Settings of independent sampling. eta: 0 deterministic to 1, DDPM."""

    steps: int = 40
    eta: float = 1.0

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:  # noqa: ARG002 - nothing can be given
        """All levels pass the model at every step."""
        return Work(self.steps, self.steps * levels)


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample each level by itself with the plain sampler; yield the state after every step.

    `p`, any number above 1, and `focus` say only how the levels will be put together. The noise is that of joint
    sampling with noise `random`.
    """
    check_run(denoiser, prompts, config.steps, generator, state)
    boxes(len(prompts), *denoiser.shape[1:], scene.p, scene.focus)
    scene.refuse("independent", "photo", "images", "describe")

    def draw(generator: torch.Generator) -> Tensor:
        return own_noise(range(len(prompts)), denoiser.shape, draw_seed(generator), generator.device)

    return walk(
        denoiser,
        denoiser.condition(prompts, scene.negatives),
        steps=config.steps,
        eta=config.eta,
        draw=draw,
        consolidate=lambda estimate: estimate,
        generator=generator,
        state=state,
    )


sample, sample_stack = keyword_forms(Config, run)
