"""Levels drawn at a larger size by a diffusion model: anew by an up-scaler, or in part, over what is there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from zoomlib.cascade.agree import Agreement
from zoomlib.denoiser import Condition, Denoiser, draft_of
from zoomlib.errors import InvalidInputError
from zoomlib.grain import Grain, grain_of
from zoomlib.held import Holding, encoded, numbered
from zoomlib.ladder import check_eta, check_steps
from zoomlib.noise import draw_seed, own_noise, zoom_noise
from zoomlib.spaces import Consolidation, Space, Spaces
from zoomlib.walk import Consolidate, Draw, State, walk


@dataclass(frozen=True)
class Config:
    """How levels are drawn.

    steps: of the whole ladder of noise levels. strength: the share of them that is walked, from the end: 1 draws anew,
    less keeps the more of what is there (SDEdit, arXiv 2108.01073). eta: 0 deterministic to 1, DDPM. joint: levels are
    made to agree at every step, and not only at the end. space, every, switch: where those of latent models are, as in
    `zoomlib.spaces`.
    """

    steps: int = 30
    strength: float = 1.0
    eta: float = 0.0
    joint: bool = True
    space: Space = "auto"
    every: int = 1
    switch: float = 0.5

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        if not 0 < self.strength <= 1:
            raise InvalidInputError(
                f"The strength of drawing over must lie above 0 and up to 1, but is {self.strength!r}. Usual is 0.3."
            )
        Spaces(self.space, self.every, self.switch)

    @property
    def first(self) -> int:
        """The first step that is walked, as in diffusers' pipelines, but at least one is."""
        return self.steps - max(min(int(self.steps * self.strength), self.steps), 1)


def redraw(
    denoiser: Denoiser,
    condition: Condition,
    config: Config,
    agreement: Agreement,
    *,
    start: Tensor | None = None,
    photo: Tensor | None = None,
    given: Mapping[int, Tensor] | None = None,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Draw levels of the denoiser's size; yield the state after every step, in the model's space.

    start: pictures (L, 3, H, W) to draw over; noise alone begins a drawing of strength 1, which needs none. photo: the
    picture that level 0 shows. given: pictures (3, H, W) of single levels, by level, which do not pass the model. With
    `state`, the rest of a run with the same arguments follows. Noise is `noise_of`; the generator gives one draw at the
    start and, for eta > 0, one per step. Levels of latent models whose windows lie between places of z are made to
    agree in pixels, whatever the space. Raises InvalidInputError at once for a drawing over nothing and for pictures of
    another size.
    """
    if start is None and config.strength < 1:
        raise InvalidInputError("Without a picture to draw over, the strength must be 1.")
    _, H, W = denoiser.shape
    size = (len(condition), 3, H * denoiser.codec.factor, W * denoiser.codec.factor)
    if start is not None and tuple(start.shape) != size:
        raise InvalidInputError(f"Pictures to draw over must be {size}, not {tuple(start.shape)}. Enlarge them first.")
    grain = _grain(denoiser, len(condition), agreement)
    draw = partial(noise_of, len(condition), denoiser.shape, agreement, grain=grain)
    if state is None and start is not None:
        state = _begun(denoiser, start, config, draw, generator)
    if given:
        pictures = {level: encoded(denoiser, picture) for level, picture in given.items()}
        denoiser, condition = Holding(denoiser, pictures), numbered(condition)
    return walk(
        denoiser,
        condition,
        steps=config.steps,
        eta=config.eta,
        draw=draw,
        consolidate=_consolidation(denoiser, size[0], config, agreement, photo),
        generator=generator,
        state=state,
    )


@torch.no_grad()
def _begun(denoiser: Denoiser, start: Tensor, config: Config, draw: Draw, generator: torch.Generator) -> State:
    """The pictures with the noise of the first step that is walked, a level at a time."""
    step = denoiser.ladder(config.steps)[config.first]
    noise = draw(generator).to(denoiser.device)
    x = torch.cat([denoiser.codec.encode(one[None].to(denoiser.device)).float() for one in start])
    z = step.alpha * x + step.sigma * noise
    return State(config.first, z, x, x, generator.get_state())


def noise_of(
    levels: int,
    shape: tuple[int, int, int],
    agreement: Agreement,
    generator: torch.Generator,
    grain: Grain | None = None,
) -> Tensor:
    """N(0, 1) of all levels, float32 (levels, *shape): shared, of latent models by their `grain`, where levels agree at
    a whole factor and windows lie on whole places; else each level's own. Takes one draw from the generator."""
    p, parts = int(agreement.p), 1 if grain is None else grain.parts
    if not _shares(agreement) or any(side * parts % p for side in shape[1:]):
        return own_noise(range(levels), shape, draw_seed(generator), generator.device)
    shared = zoom_noise if grain is None else grain.draw
    return shared(levels, shape, p, generator, agreement.focus, loop=agreement.loop)


def _shares(agreement: Agreement) -> bool:
    return agreement.how != "alone" and agreement.p == int(agreement.p)


def _grain(denoiser: Denoiser, levels: int, agreement: Agreement) -> Grain | None:
    """How the noise of a latent model follows from that of pictures, as in joint sampling."""
    if denoiser.codec.factor == 1 or levels == 1 or not _shares(agreement):
        return None
    return grain_of(denoiser.codec, denoiser.shape[0], denoiser.device)


def _consolidation(
    denoiser: Denoiser, levels: int, config: Config, agreement: Agreement, photo: Tensor | None
) -> Consolidate:
    """What is done with the estimates of every step."""
    if not config.joint:
        return lambda estimates, _step: estimates
    pixels = None if photo is None else photo.to(denoiser.device)
    if denoiser.codec.factor == 1:
        together = agreement.step(levels, pixels)
        return lambda estimates, _step: together(estimates)
    fits = agreement.on_places(levels, denoiser.shape[1:], denoiser.codec.factor)
    draft, spaces = draft_of(denoiser), Spaces(config.space if fits else "pixels", config.every, config.switch)
    place = partial(spaces.at, steps=config.steps, drafted=draft is not denoiser.codec)
    in_pixels = agreement.step(levels, pixels)
    if not fits:
        return Consolidation(draft, place, in_pixels, in_latents=in_pixels)  # which is not asked for
    shown = None if photo is None else encoded(denoiser, photo)
    return Consolidation(draft, place, in_pixels, agreement.step(levels, shown))
