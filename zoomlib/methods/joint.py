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
from zoomlib.geometry import Focus
from zoomlib.ladder import check_eta, check_steps
from zoomlib.ladder import update as update_step
from zoomlib.methods._loop import Consolidate, Draw, State, begin, check_run, finished, fresh, last, walk
from zoomlib.noise import draw_seed, own_noise, zoom_noise
from zoomlib.photograph import Photograph
from zoomlib.stack import ZoomStack, consolidate

__all__ = ["Config", "State", "sample", "sample_stack"]

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


def sample(
    denoiser: Denoiser,
    prompts: Sequence[str],
    *,
    p: int,
    steps: int = Config.steps,
    eta: float = Config.eta,
    blending: Mode = Config.blending,
    noise: Noise = Config.noise,
    update: Update = Config.update,
    coarse_weight: float = Config.coarse_weight,
    feather: float = Config.feather,
    loop: bool = Config.loop,
    photo: Tensor | None = None,
    photo_mode: photograph.Mode = Config.photo_mode,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample all levels of a zoom, one prompt each from the widest to the deepest; yield the state after every step.

    `photo`, of the denoiser's `shape`, is what level 0 shall show: a picture in [-1, 1], or for a latent model what its
    codec makes of one. All randomness comes from the generator: one draw at the start and, for eta > 0, one per step.
    With `state`, a state of a run with the same arguments, the rest of that run follows, bit for bit where the model
    and torch's sums are deterministic (on a CPU they are); nothing follows its last state. Raises InvalidInputError at
    once, before any sampling, for what cannot be done.
    """
    config = Config(steps, eta, blending, noise, update, coarse_weight, feather, loop, photo_mode)
    check_run(denoiser, prompts, config.steps, generator, state)
    consolidation = _consolidation(denoiser, len(prompts), p, config, photo, focus)
    # Meets every check of geometry, blending and rendering before the model runs.
    consolidation(torch.zeros(len(prompts), *denoiser.shape, device=denoiser.device))
    return (walk if update == "joint" else _walk_in_turn)(
        denoiser,
        denoiser.condition(prompts, negatives),
        steps=steps,
        eta=eta,
        draw=partial(_draw, len(prompts), denoiser.shape, p, config, focus),
        consolidate=consolidation,
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
    blending: Mode = Config.blending,
    noise: Noise = Config.noise,
    update: Update = Config.update,
    coarse_weight: float = Config.coarse_weight,
    feather: float = Config.feather,
    loop: bool = Config.loop,
    photo: Tensor | None = None,
    photo_mode: photograph.Mode = Config.photo_mode,
    negatives: Sequence[str] | None = None,
    focus: Focus = None,
    generator: torch.Generator,
) -> ZoomStack:
    """As `sample`, but return the finished stack: the last consolidated levels, decoded and clamped to [-1, 1].

    denoiser = Guided(load_denoiser("bundled"), scale=4)
    prompts = ["a galaxy", "a star with planets", "a planet"]
    stack = sample_stack(denoiser, prompts, p=2, generator=torch.Generator().manual_seed(0))
    stack.save("stack")
    """
    states = sample(
        denoiser,
        prompts,
        p=p,
        steps=steps,
        eta=eta,
        blending=blending,
        noise=noise,
        update=update,
        coarse_weight=coarse_weight,
        feather=feather,
        loop=loop,
        photo=photo,
        photo_mode=photo_mode,
        negatives=negatives,
        focus=focus,
        generator=generator,
    )
    return finished(denoiser, last(states), p, focus)


def _consolidation(
    denoiser: Denoiser, levels: int, p: int, config: Config, photo: Tensor | None, focus: Focus
) -> Consolidate:
    """From the levels' own estimates to rendered levels that agree."""
    return partial(
        consolidate,
        p=p,
        blending=config.blending,
        coarse_weight=config.coarse_weight,
        feather=config.feather,
        focus=focus,
        loop=config.loop,
        photo=None if photo is None else _held(photo, denoiser, levels, p, config, focus),
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
