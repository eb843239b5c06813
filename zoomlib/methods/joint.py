"""Joint multi-scale sampling: all levels at once, blended and rendered at every step (arXiv 2312.02149)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib import photograph
from zoomlib.blend import Mode
from zoomlib.denoiser import Condition, Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, check_factor
from zoomlib.ladder import check_eta, check_steps
from zoomlib.ladder import update as update_step
from zoomlib.noise import draw_seed, own_noise, zoom_noise
from zoomlib.photograph import Photograph
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.stack import consolidate
from zoomlib.walk import Consolidate, Draw, State, begin, check_run, fresh, walk

__all__ = ["PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "widest"

Noise = Literal["shared", "random"]
Update = Literal["joint", "iterative"]
_CHOICES = {
    "blending": get_args(Mode),
    "noise": get_args(Noise),
    "update": get_args(Update),
    "photo_mode": get_args(photograph.Mode),
}


@dataclass(frozen=True)
class Config:
    """Settings of joint sampling. coarse_weight = 1, feather = 0, eta = 1, steps = 256 is the paper's run.

    eta: 0 deterministic to 1, DDPM. blending: how estimates are averaged (`zoomlib.blend`). noise: `shared` by all
    levels (`zoomlib.noise`) or `random`, each its own. update: `joint`, or `iterative`, one level at a time with the
    others' latest estimates. coarse_weight: weight of an observation per level of distance. feather: share of the
    window's side over which rendering fades in. loop: the deepest level contains level 0. photo_mode: how a photograph
    is held (`zoomlib.photograph`).
    """

    steps: int = 40
    eta: float = 1.0
    blending: Mode = "laplacian"
    noise: Noise = "shared"
    update: Update = "joint"
    coarse_weight: float = 0.25
    feather: float = 0.16
    loop: bool = False
    photo_mode: photograph.Mode = "projection"

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidInputError(f"{name} must be one of {', '.join(choices)}, but is {getattr(self, name)!r}.")

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:  # noqa: ARG002 - all levels are sampled
        """All levels pass the model at every step; the iterative update needs an estimate of all to begin with."""
        return Work(self.steps, self.steps * levels + (levels if self.update == "iterative" else 0))


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample all levels of a zoom, one prompt each from the widest to the deepest; yield the state after every step.

    The scene's `photo`, of the denoiser's `shape`, is what level 0 shall show: a picture in [-1, 1], or for a latent
    model what its codec makes of one. All randomness comes from the generator: one draw at the start and, for eta > 0,
    one per step.

    denoiser = Guided(load_denoiser("bundled"), scale=4)
    prompts = ["a galaxy", "a star with planets", "a planet"]
    stack = sample_stack(denoiser, prompts, p=2, generator=torch.Generator().manual_seed(0))
    stack.save("stack")
    """
    check_run(denoiser, prompts, config.steps, generator, state)
    scene.refuse("joint", "images", "describe")
    p = check_factor(scene.p)
    consolidation = _consolidation(denoiser, len(prompts), p, config, scene)
    # Meets every check of geometry, blending and rendering before the model runs.
    consolidation(torch.zeros(len(prompts), *denoiser.shape, device=denoiser.device))
    return (walk if config.update == "joint" else _walk_in_turn)(
        denoiser,
        denoiser.condition(prompts, scene.negatives),
        steps=config.steps,
        eta=config.eta,
        draw=partial(_draw, len(prompts), denoiser.shape, p, config, scene.focus),
        consolidate=consolidation,
        generator=generator,
        state=state,
    )


sample, sample_stack = keyword_forms(Config, run)


def _consolidation(denoiser: Denoiser, levels: int, p: int, config: Config, scene: Scene) -> Consolidate:
    """From the levels' own estimates to rendered levels that agree."""
    return partial(
        consolidate,
        p=p,
        blending=config.blending,
        coarse_weight=config.coarse_weight,
        feather=config.feather,
        focus=scene.focus,
        loop=config.loop,
        photo=None if scene.photo is None else _held(scene.photo, denoiser, levels, p, config, scene.focus),
        photo_mode=config.photo_mode,
    )


def _held(photo: Tensor, denoiser: Denoiser, levels: int, p: int, config: Config, focus: Focus) -> Photograph:
    if config.loop:
        raise InvalidInputError("A closed loop has no widest level to show a photograph. Leave out one of the two.")
    if tuple(photo.shape) != denoiser.shape:
        raise InvalidInputError(
            f"The photograph must have the shape of a level, {denoiser.shape}, not {tuple(photo.shape)}. Resize it; "
            "for a latent model, encode it with the model's codec."
        )
    return Photograph(photo.to(denoiser.device, torch.float32), levels, p, focus)


def _draw(
    levels: int, shape: tuple[int, int, int], p: int, config: Config, focus: Focus, generator: torch.Generator
) -> Tensor:
    if config.noise == "shared":
        return zoom_noise(levels, shape, p, generator, focus, loop=config.loop)
    return own_noise(range(levels), shape, draw_seed(generator), generator.device)


@torch.no_grad()
def _walk_in_turn(
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
    """As `walk`, but one level at a time, deepest first: the others take part with their latest estimates (the
    iterative update of arXiv 2312.02149, section 5.3, there with blending `none`)."""
    ladder = denoiser.ladder(steps)
    z, start = begin(denoiser, ladder[0], draw, generator, state)
    estimate = denoiser.predict_clean(z, ladder[0], condition) if state is None else state.estimate.to(z.device)
    for k in range(start, steps):
        now, then = ladder[k], ladder[k + 1]
        noise = fresh(z, then, eta, draw, generator)
        z, clean, estimate = z.clone(), torch.empty_like(z), estimate.clone()
        for i in reversed(range(len(z))):
            one = slice(i, i + 1)
            estimate[one] = denoiser.predict_clean(z[one], now, condition[one])
            clean[one] = consolidate(estimate)[one]
            z[one] = update_step(z[one], clean[one], now, then, eta, None if noise is None else noise[one])
        yield State(k + 1, z, clean, estimate, generator.get_state())
