"""Joint multi-scale sampling: all levels at once, blended and rendered at every step (arXiv 2312.02149)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib import photograph
from zoomlib.blend import Mode
from zoomlib.denoiser import Condition, Denoiser, draft_of
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, boxes, check_factor, snapped_focus
from zoomlib.grain import Grain, grain_of
from zoomlib.held import Held, Holding, bonds, draws, encoded, numbered
from zoomlib.ladder import Step, check_eta, check_steps
from zoomlib.ladder import update as update_step
from zoomlib.noise import draw_seed, own_noise, zoom_noise
from zoomlib.photograph import Photograph
from zoomlib.scene import Grid, Scene, Work, checked_picture, keyword_forms
from zoomlib.spaces import Consolidation, Join, Place, Space, Spaces
from zoomlib.stack import consolidate
from zoomlib.walk import Draw, State, begin, check_run, fresh, picture_shape, walk

__all__ = ["DIVIDES", "EXTENDS", "GRID", "IMAGES", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "widest"
IMAGES = True
EXTENDS = ("wider", "deeper")
GRID: Grid = "model"
DIVIDES = True

Noise = Literal["shared", "latents", "random"]
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
    levels (`zoomlib.noise`; of latent models as pictures share it, `zoomlib.grain`), shared in `latents`, or `random`,
    each its own. update: `joint`, or `iterative`, one level at a time with the
    others' latest estimates. coarse_weight: weight of an observation per level of distance. feather: share of the
    window's side over which rendering fades in. loop: the deepest level contains level 0. photo_mode: how a photograph
    is held (`zoomlib.photograph`). space, every, switch: where the levels of latent models are made to agree
    (`zoomlib.spaces`); at the last step always in pixels.
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
    space: Space = "auto"
    every: int = 1
    switch: float = 0.5

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidInputError(f"{name} must be one of {', '.join(choices)}, but is {getattr(self, name)!r}.")
        Spaces(self.space, self.every, self.switch)

    @property
    def spaces(self) -> Spaces:
        """Where the levels of a latent model are made to agree."""
        return Spaces(self.space, self.every, self.switch)

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """All free levels pass the model at every step; the iterative update needs an estimate of them to begin with.

        A photograph alone is not given: its level passes the model too.
        """
        free = levels - len(given)
        return Work(self.steps, self.steps * free + (free if self.update == "iterative" else 0))


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

    The photograph is what level 0 shall show. Given levels do not pass the model and come out as they are, but for
    the windows of open ones and of those that show them (`zoomlib.held`); what is deeper than a level that is not open
    shows what it shows, up to the next given level. With pictures of other levels the photograph is one of them. The
    last state of a latent model holds pictures. All randomness comes from the generator: one draw at
    the start and, for eta > 0, one per step; own noise of levels with a seed comes from that.

    denoiser = Guided(load_denoiser("bundled"), scale=4)
    prompts = ["a galaxy", "a star with planets", "a planet"]
    stack = sample_stack(denoiser, prompts, p=2, generator=torch.Generator().manual_seed(0))
    stack.save("stack")
    """
    check_run(denoiser, prompts, config.steps, generator, state)
    scene.refuse("joint", "describe")
    pictures = scene.given(denoiser, len(prompts), photo_at=0 if scene.images else None)
    if config.loop and (pictures or scene.photo is not None):
        raise InvalidInputError(
            "A closed loop has no widest level to show a photograph, and its levels cannot be given: each shows all "
            "others. Leave out the pictures, or the loop."
        )
    photo = (
        None if pictures or scene.photo is None else checked_picture(scene.photo, picture_shape(denoiser), "level 0")
    )
    task = _Task(denoiser, len(prompts), check_factor(scene.p), config, scene, photo, pictures)
    task.check()
    return _states(task, denoiser.condition(prompts, scene.negatives), generator, state)


sample, sample_stack = keyword_forms(Config, run, GRID)


@dataclass(frozen=True, eq=False)
class _Task:
    """A run: the photograph that level 0 shall show, if any, and the given levels, in pixels."""

    denoiser: Denoiser
    levels: int
    p: int
    config: Config
    scene: Scene
    photo: Tensor | None
    pictures: Mapping[int, Tensor]

    def check(self) -> None:
        """Meet every check of geometry, blending and rendering before the model runs."""
        blank = torch.zeros(self.denoiser.shape)
        photo = None if self.photo is None else blank
        self.join(photo, dict.fromkeys(self.pictures, blank))(blank.expand(self.levels, -1, -1, -1))

    @cached_property
    def focus(self) -> Focus:
        """The same windows in the model's space and in pixels."""
        return snapped_focus(self.levels, *self.denoiser.shape[1:], self.p, self.scene.focus)

    @property
    def latent(self) -> bool:
        """Whether the model's space is not that of pixels."""
        return self.denoiser.codec.factor != 1

    def consolidation(self) -> Consolidation:
        """From the levels' own estimates to rendered levels that agree, in the space of each step."""
        photo = None if self.photo is None else encoded(self.denoiser, self.photo)
        in_latents = self.join(photo, self.encoded)
        return Consolidation(draft_of(self.denoiser), self.place, self.in_pixels, in_latents)

    def place(self, step: Step) -> Place:
        """Where the estimates of that step meet: in the only space that there is, or as the settings say."""
        if not self.latent:
            return "latents"
        if self.levels == 1 and self.photo is None and not self.config.loop:
            return "nowhere"
        return self.config.spaces.at(step, self.config.steps, draft_of(self.denoiser) is not self.denoiser.codec)

    @cached_property
    def encoded(self) -> dict[int, Tensor]:
        """The given levels in the model's space."""
        return {level: encoded(self.denoiser, picture) for level, picture in self.pictures.items()}

    @cached_property
    def in_pixels(self) -> Join:
        """Makes pictures agree."""
        device = self.denoiser.device
        photo = None if self.photo is None else self.photo.to(device)
        return self.join(photo, {level: picture.to(device) for level, picture in self.pictures.items()})

    def join(self, photo: Tensor | None, pictures: Mapping[int, Tensor]) -> Join:
        """Makes levels agree in the space of photo and pictures."""
        config = self.config
        if pictures:
            return partial(
                self.held(pictures).consolidate, blending=config.blending, coarse_weight=config.coarse_weight
            )
        return partial(
            consolidate,
            p=self.p,
            blending=config.blending,
            coarse_weight=config.coarse_weight,
            feather=config.feather,
            focus=self.focus,
            loop=config.loop,
            photo=None if photo is None else Photograph(photo, self.levels, self.p, self.focus),
            photo_mode=config.photo_mode,
        )

    def held(self, pictures: Mapping[int, Tensor]) -> Held:
        """The given levels, in the model's space or in pixels."""
        _, H, W = picture_shape(self.denoiser)
        inside = boxes(self.levels, H, W, self.p, self.focus)
        how = bonds(self.pictures, self.scene.open, inside, self.p, self.config.feather)
        return Held(pictures, how, self.scene.open, self.levels, self.p, self.focus, self.config.feather)

    def draw(self, generator: torch.Generator, seeds: Mapping[int, int]) -> Tensor:
        """Noise of all levels."""
        shape = self.denoiser.shape
        if self.config.noise == "random":
            return own_noise(range(self.levels), shape, draw_seed(generator), generator.device, seeds)
        shared = zoom_noise if self.grain is None else self.grain.draw
        return shared(self.levels, shape, self.p, generator, self.focus, loop=self.config.loop, seeds=seeds)

    @cached_property
    def grain(self) -> Grain | None:
        """How the noise of a latent model follows from that of pictures, where it does."""
        if not self.latent or self.config.noise != "shared" or self.levels == 1:
            return None
        return grain_of(self.denoiser.codec, self.denoiser.shape[0], self.denoiser.device)


def _states(task: _Task, condition: Condition, generator: torch.Generator, state: State | None) -> Iterator[State]:
    given = task.encoded
    for made in (walk if task.config.update == "joint" else _walk_in_turn)(
        Holding(task.denoiser, given) if given else task.denoiser,
        numbered(condition) if given else condition,
        steps=task.config.steps,
        eta=task.config.eta,
        draw=draws(task.draw, task.scene.seeds, state),
        consolidate=task.consolidation(),
        generator=generator,
        state=state,
    ):
        yield _in_pixels(task, made) if task.latent and made.index == task.config.steps else made


def _in_pixels(task: _Task, state: State) -> State:
    """The last state with pictures that agree exactly, as those of the model's space would not."""
    estimate = task.denoiser.codec.decode(state.estimate).float()
    return replace(state, clean=task.in_pixels(estimate), estimate=estimate, pictures=True)


@torch.no_grad()
def _walk_in_turn(
    denoiser: Denoiser,
    condition: Condition,
    *,
    steps: int,
    eta: float,
    draw: Draw,
    consolidate: Consolidation,
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
        seen = consolidate.seen(estimate, now).clone()
        for i in reversed(range(len(z))):
            one = slice(i, i + 1)
            estimate[one] = denoiser.predict_clean(z[one], now, condition[one])
            seen[one] = consolidate.seen(estimate[one], now)
            clean[one] = consolidate.back(estimate, seen, now, level=i)
            z[one] = update_step(z[one], clean[one], now, then, eta, None if noise is None else noise[one])
        yield State(k + 1, z, clean, estimate, generator.get_state())
