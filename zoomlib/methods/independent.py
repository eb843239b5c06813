"""Independent sampling: every level on its own; what all other methods are compared with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from zoomlib.denoiser import Condition, Denoiser
from zoomlib.geometry import boxes
from zoomlib.held import Holding, draws, encoded, finished, numbered
from zoomlib.ladder import check_eta, check_steps
from zoomlib.noise import draw_seed, own_noise
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.walk import State, check_run, picture_shape, walk

__all__ = ["EXTENDS", "IMAGES", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "widest"
IMAGES = True
EXTENDS = ("wider", "deeper")


@dataclass(frozen=True)
class Config:
    """Settings of independent sampling. eta: 0 deterministic to 1, DDPM."""

    steps: int = 40
    eta: float = 1.0

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """All free levels pass the model at every step; a photograph counts as given."""
        return Work(self.steps, self.steps * (levels - len(given)))


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

    `p`, any number above 1, and `focus` say only how the levels will be put together. Given levels, and a photograph as
    level 0, stay as they are, whatever the others show; the last state of a latent model then holds pictures. The noise
    is that of joint sampling with noise `random`.
    """
    check_run(denoiser, prompts, config.steps, generator, state)
    scene.refuse("independent", "describe")
    given = scene.given(denoiser, len(prompts), photo_at=0)
    _, H, W = picture_shape(denoiser)
    boxes(len(prompts), H, W, scene.p, scene.focus)
    condition = denoiser.condition(prompts, scene.negatives)
    return _states(denoiser, condition, config, scene, given, generator, state)


sample, sample_stack = keyword_forms(Config, run)


def _states(
    denoiser: Denoiser,
    condition: Condition,
    config: Config,
    scene: Scene,
    given: Mapping[int, Tensor],
    generator: torch.Generator,
    state: State | None,
) -> Iterator[State]:
    held = {level: encoded(denoiser, picture) for level, picture in given.items()}

    def join(levels: Tensor) -> Tensor:
        return torch.stack([given.get(level, made) for level, made in enumerate(levels)])

    for made in walk(
        Holding(denoiser, held) if held else denoiser,
        numbered(condition) if held else condition,
        steps=config.steps,
        eta=config.eta,
        draw=draws(partial(_draw, len(condition), denoiser.shape), scene.seeds, state),
        consolidate=lambda estimate, _: estimate,
        generator=generator,
        state=state,
    ):
        yield made if made.index < config.steps else finished(denoiser, made, given, join)


def _draw(levels: int, shape: tuple[int, int, int], generator: torch.Generator, seeds: Mapping[int, int]) -> Tensor:
    return own_noise(range(levels), shape, draw_seed(generator), generator.device, seeds)
