"""Zooming over an endless plane (InfinityGAN): every level is a wider window of it; no prompt is read."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from zoomlib.area import render
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, Window, boxes
from zoomlib.infinity.planes import Planes, checked_planes
from zoomlib.infinity.zoom import Job, View, check_place, gather, portion, views
from zoomlib.ladder import check_steps
from zoomlib.scene import Scene, Work, keyword_forms, model_focus, placed_focus
from zoomlib.walk import State, check_run

__all__ = ["DRAWS", "EXTENDS", "NESTS", "Config", "State", "run", "sample", "sample_stack", "tiles"]

DRAWS = "plane"
EXTENDS = ("wider",)
NESTS = True

Vertical = Literal["plane", "scaled"]
_FEW_TILES = 128  # of which processes that paint are not yet worth their start
_USUAL_FADE = 0.25  # where levels are several planes, which do not agree


@dataclass(frozen=True)
class Config:
    """Settings of zooms over a plane.

    steps: in how many portions the tiles are painted; a run resumes at the last whole one. vertical: `plane`, all
    levels show one plane and agree exactly; `scaled`, each level has a plane of its own whose vertical coordinate is
    stretched as much as the level is wide, so that the horizon fills all levels alike. at: the pixel (row, column) of
    the plane in the middle of the deepest level; row 0 is the horizon. scale: pixels of the plane in one of the deepest
    level. fade: share of a window's side, 0 to 0.5, over which scaled levels fade into each other; None for a quarter.
    most_mpx: millions of pixels that a run may paint; what takes more is refused.
    """

    steps: int = 40
    vertical: Vertical = "plane"
    at: tuple[int, int] = (0, 0)
    scale: float = 1.0
    fade: float | None = None
    most_mpx: float = 2000.0

    def __post_init__(self) -> None:
        check_steps(self.steps)
        if self.vertical not in get_args(Vertical):
            raise InvalidInputError(
                f"The setting vertical is one of {', '.join(get_args(Vertical))}, not {self.vertical!r}."
            )
        object.__setattr__(self, "at", _checked_place(self.at))
        if not 1 <= self.scale < math.inf:
            raise InvalidInputError(f"The setting scale is a number of at least 1, not {self.scale!r}.")
        if self.fade is not None and (self.vertical == "plane" or not 0 <= self.fade <= 0.5):
            raise InvalidInputError(
                f"The setting fade is a share of the window's side between 0 and 0.5, for vertical=scaled alone, not "
                f"{self.fade!r} with vertical={self.vertical}. Levels of one plane need none."
            )
        if not 0 < self.most_mpx < math.inf:
            raise InvalidInputError(f"The setting most_mpx is a number of megapixels above 0, not {self.most_mpx!r}.")

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """Its portions. How many tiles they hold, only `tiles` can say, which knows sizes."""
        return Work(self.steps, self.steps if len(given) < levels else 0)


def _checked_place(at: Any) -> tuple[int, int]:
    if not isinstance(at, (tuple, list)) or len(at) != 2 or any(type(x) is not int or abs(x) >= 2**63 for x in at):
        raise InvalidInputError(f"The setting at is a pixel [row, column] in whole numbers of 64 bits, not {at!r}.")
    return at[0], at[1]


def run(
    denoiser: Planes,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Paint the plane of the generator's seed and gather its area means; yield the state after every portion of tiles.

    `denoiser` are planes (`zoomlib.infinity.planes`); prompts and negatives only say how many levels there are. p is
    any number above 1. The plane depends on nothing but weights and `generator.initial_seed()`, so that runs of more
    levels, of other sizes and places show the same one. Given levels stay as they are. Until it is finished, a level
    holds what has been gathered of it. Refuses more than `most_mpx`, and places beyond 64 bits.
    """
    planes = checked_planes(denoiser)
    check_run(denoiser, prompts, config.steps, generator, state)  # type: ignore[arg-type]  # what it asks, planes have
    scene.refuse("infinity", "photo", "describe", "seeds", "open")
    given = scene.given(denoiser, len(prompts))  # type: ignore[arg-type]
    if config.vertical == "scaled" and planes.axes != "horizon":
        raise InvalidInputError("These planes have no horizon that could be scaled. Use vertical=plane.")
    focus = model_focus(denoiser, len(prompts), scene)  # type: ignore[arg-type]
    seen = views(len(prompts), planes.shape[1:], scene.p, focus, config.scale)
    check_place(seen, config.at)
    jobs = _jobs(seen, config, planes.tile_px, frozenset(given))
    _check_amount(jobs, seen, config, scene.p)
    return _states(planes, config, scene.p, focus, given, seen, jobs, generator, state)


sample, sample_stack = keyword_forms(Config, run)  # type: ignore[arg-type]  # planes in the place of a denoiser


def tiles(
    config: Config,
    levels: int,
    size: tuple[int, int],
    p: float,
    focus: Focus,
    tile_px: int,
    given: frozenset[int] = frozenset(),
) -> int:
    """How many tiles of `tile_px` a run paints. Raises InvalidInputError as `views`."""
    seen = views(levels, size, p, placed_focus(levels, size, 1, p, focus), config.scale)
    return sum(job.tiles for job in _jobs(seen, config, tile_px, given))


def _jobs(seen: Sequence[View], config: Config, tile_px: int, given: frozenset[int]) -> tuple[Job, ...]:
    """What is to be painted: the widest window for all levels, or a window for each."""
    free = tuple(level for level in range(len(seen)) if level not in given)
    groups = [free] if config.vertical == "plane" else [(level,) for level in free]
    return tuple(
        Job(_window(seen[group[0]], config), group, tile_px, _stretch(seen, group[0], config))
        for group in groups
        if group
    )


def _window(view: View, config: Config) -> Window:
    found = view.around()
    return Window(config.at[0] + found.top, config.at[1] + found.left, found.height, found.width)


def _stretch(seen: Sequence[View], level: int, config: Config) -> float:
    return 1.0 if config.vertical == "plane" else seen[level].scale / seen[-1].scale


def _check_amount(jobs: Sequence[Job], seen: Sequence[View], config: Config, p: float) -> None:
    area = sum(seen[job.targets[0]].pixels for job in jobs) / 1e6
    if area > config.most_mpx:
        widest, digits = seen[0], 0 if area >= 10 else max(1 - math.floor(math.log10(area)), 0)
        raise InvalidInputError(
            f"{len(seen)} levels of {widest.width} x {widest.height} pixels with p = {p:g} show "
            f"{area:,.{digits}f} megapixels of the plane, {sum(job.tiles for job in jobs):,} tiles, all of which would "
            f"have to be painted; {config.most_mpx:,g} are allowed. Make fewer levels, smaller ones (--shape), use a "
            f"smaller p, or allow it with sampling.most_mpx={math.ceil(area):d}."
        )


def _states(
    planes: Planes,
    config: Config,
    p: float,
    focus: Focus,
    given: Mapping[int, Tensor],
    seen: Sequence[View],
    jobs: Sequence[Job],
    generator: torch.Generator,
    state: State | None,
) -> Iterator[State]:
    seed, shape = generator.initial_seed(), (len(seen), *planes.shape)
    workers = planes.workers if sum(job.tiles for job in jobs) > _FEW_TILES else 1
    z = torch.zeros(shape) if state is None else state.z.detach().cpu().clone()
    try:
        for done in range(0 if state is None else state.index, config.steps):
            for job, first, last in portion(jobs, done, config.steps):
                plane = planes.plane(seed, stretch=job.stretch)
                gather(plane, job, first, last, seen, config.at, z, workers)
            clean = _kept(z, given)
            if done + 1 == config.steps and config.vertical == "scaled":
                clean = _kept(_composed(clean, p, focus, config), given)
            yield State(done + 1, z.clone(), clean, clean, generator.get_state())
    finally:
        planes.close()


def _kept(levels: Tensor, given: Mapping[int, Tensor]) -> Tensor:
    """A copy of the levels with the given ones as they are."""
    return torch.stack([given.get(index, level) for index, level in enumerate(levels)])


def _composed(levels: Tensor, p: float, focus: Focus, config: Config) -> Tensor:
    """Levels of several planes, each with the deeper ones in it, softly."""
    L, _, H, W = levels.shape
    fade = _USUAL_FADE if config.fade is None else config.fade
    return torch.stack(render(list(levels), boxes(L, H, W, p, focus), p, fade))
