"""Progressive super-resolution: each level is the window of the wider one, enlarged and drawn on by the same model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.enlarging import Above, Enlarging
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Window, boxes, grid_focus, nested, whole_pixels
from zoomlib.held import AGREE, Bonds, bonds
from zoomlib.ladder import check_eta, check_steps
from zoomlib.magnifier import Magnifier
from zoomlib.noise import draw_seed, level_generator
from zoomlib.pyramid import fade
from zoomlib.scene import Scene, Work, keyword_forms
from zoomlib.walk import Record, State, check_run, picture_shape

__all__ = ["EXTENDS", "IMAGES", "NESTS", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "widest"
IMAGES = True
EXTENDS = ("deeper",)
NESTS = True

Looking = Literal["replace", "append"]
_BAND = 0.25  # share of a window's side: softer windows than that are not known; open ones change inside it


@dataclass(frozen=True)
class Config:
    """Settings of progressive super-resolution.

    steps, eta: of the sampler; eta 0 is deterministic, 1 DDPM. strength: the share of the steps that is walked from the
    enlarged window; more draws more, 1 begins with noise alone. bound: the share of these steps for which the window
    binds as a whole; after that its border does, and wider levels show what is drawn inside. With 1 it binds to the
    end, which is super-resolution in the strict sense: deeper levels are what the widest happened to hold in its middle
    then, whatever their prompts. Below a given level that is not open it always binds. looking: what a prompt written
    by looking does to the level's own, where one is written: `replace` or `append`.
    """

    steps: int = 40
    eta: float = 1.0
    strength: float = 0.8
    bound: float = 0.25
    looking: Looking = "replace"

    def __post_init__(self) -> None:
        check_steps(self.steps)
        check_eta(self.eta)
        if isinstance(self.strength, bool) or not isinstance(self.strength, int | float) or not 0 < self.strength <= 1:
            raise InvalidInputError(f"strength must lie above 0 and be at most 1, but is {self.strength!r}.")
        if isinstance(self.bound, bool) or not isinstance(self.bound, int | float) or not 0 <= self.bound <= 1:
            raise InvalidInputError(f"bound must lie between 0 and 1, but is {self.bound!r}.")
        if self.looking not in get_args(Looking):
            raise InvalidInputError(f"looking must be replace or append, but is {self.looking!r}.")

    @property
    def made(self) -> int:
        """The steps that an enlarged window takes."""
        return max(1, round(self.steps * self.strength))

    def ends(self, levels: int, given: frozenset[int] = frozenset()) -> list[int]:
        """The step of the run after which each level is there; a given one takes none."""
        ends, step = [], 0
        for level in range(levels):
            step += 0 if level in given else self.made if level else self.steps
            ends.append(step)
        return ends

    def work(self, levels: int, given: frozenset[int] = frozenset()) -> Work:
        """One level passes the model at a time; a photograph counts as given. Joining given levels counts as a step."""
        steps = self.ends(levels, given)[-1] if levels else 0
        return Work(max(steps, 1), steps)


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample the widest level, then each next one from the window that shows it; yield the state after every step.

    Any p above 1. At every step the estimate is moved to the nearest level whose means over areas are the window's
    (null-space projection, arXiv 2212.00490), so windows agree; a latent model's levels are moved at their end, in
    pixels. Given levels stay as they are, and wider ones show them; of an open level only what surrounds the window
    is sure to stay. Randomness: one draw from the generator; a level's own follows from it and the level's number, or
    from the level's seed alone.
    """
    given = frozenset(scene.images) | (frozenset() if scene.photo is None else {0})
    check_run(denoiser, prompts, config.work(len(prompts), given).steps, generator, state)
    pictures = scene.given(denoiser, len(prompts), photo_at=0)
    _, H, W = picture_shape(denoiser)
    inside = boxes(len(prompts), H, W, scene.p, grid_focus(len(prompts), *denoiser.shape[1:], scene.p, scene.focus))
    glasses = [Magnifier(box, H, W) for box in inside]
    held = bonds(pictures, scene.open, inside, scene.p, _BAND)
    chain = _Chain(denoiser, prompts, config, scene, inside, glasses, pictures, held)
    denoiser.condition(prompts, scene.negatives)  # refuses what the model cannot take
    return _walk_down(chain, generator, state)


sample, sample_stack = keyword_forms(Config, run)


@dataclass(frozen=True, eq=False)
class _Chain:
    """A run: its levels, the glass between each and the next, and the pictures that are given."""

    denoiser: Denoiser
    prompts: Sequence[str]
    config: Config
    scene: Scene
    inside: Sequence[Box]
    glasses: Sequence[Magnifier]
    pictures: Mapping[int, Tensor]
    bonds: Bonds

    def begun(self) -> Tensor:
        """The given levels, each showing the next given one, and zeros: (L, 3, H, W)."""
        levels = torch.zeros(len(self.prompts), *picture_shape(self.denoiser))
        for i in sorted(self.pictures, reverse=True):
            levels[i] = self.pictures[i]
            levels[i] = self._given(i, levels, None if i in self.scene.open else self._next_given(i, levels))
        return levels

    def joined(self, levels: Tensor) -> Tensor:
        """The levels, where every window shows the next level."""
        levels = levels.clone()
        for i in reversed(range(len(self.glasses))):
            below = self.glasses[i].window, self.glasses[i].shrink(levels[i + 1])
            levels[i] = self._given(i, levels, below) if i in self.pictures else _showing(levels[i], *below)
        return levels

    def _given(self, i: int, levels: Tensor, below: tuple[Window, Tensor] | None) -> Tensor:
        """Given level i, which shows a deeper one: as it is, with what has changed there, or with all of it."""
        if i in self.bonds.whole or below is None:
            return levels[i]
        if i not in self.bonds.joined:
            return _showing(levels[i], *below)
        change = self.glasses[i].shrink(levels[i + 1] - self.pictures[i + 1])
        return _with_window(levels[i], self.glasses[i].window, self.glasses[i].shown(self.pictures[i]) + change)

    def problem(self, i: int, levels: Tensor) -> tuple[Enlarging, tuple[Record, ...]]:
        """What level i must be, and what is to be told of it."""
        above, canvas = None, torch.zeros_like(levels[i])
        if i:
            glass = self.glasses[i - 1]
            weight = 1.0 if self._is_bound(i) else _border(glass)
            above = Above(glass, glass.shown(levels[i - 1]), weight, self.config.bound)
            canvas = glass.enlarge(levels[i - 1]).clamp(-1, 1)
        prompt, records = self._prompt(i, levels, canvas)
        mask, found = torch.ones_like(canvas[:1]), self._next_given(i, levels)
        if found is not None:
            window, shown = found
            rows, columns = window.slices
            canvas[:, rows, columns], mask[:, rows, columns] = shown, 0
        negatives = self.scene.negatives and self.scene.negatives[i : i + 1]
        return Enlarging(self.denoiser, [prompt], negatives, canvas, mask, above), records

    def _is_bound(self, i: int) -> bool:
        """Whether what wider levels show of level i must stay: the nearest given one says so, or the settings."""
        wider = [k for k in self.pictures if k < i]
        return max(wider) not in self.scene.open if wider else self.config.bound == 1

    def _prompt(self, i: int, levels: Tensor, canvas: Tensor) -> tuple[str, tuple[Record, ...]]:
        own = self.prompts[i]
        if self.scene.describe is None or not i:
            return own, ()
        seen = self.scene.describe(levels[i - 1].clone(), canvas.clone(), i)
        prompt = f"{own}, {seen}" if self.config.looking == "append" else seen
        return prompt, ({"level": i, "what": "prompt", "prompt": prompt},)

    def _next_given(self, i: int, levels: Tensor) -> tuple[Window, Tensor] | None:
        """The next deeper given level as level i shows it; None where there is none, or none of a pixel's size."""
        deeper = [k for k in self.pictures if k > i]
        if not deeper:
            return None
        _, H, W = picture_shape(self.denoiser)
        box = nested(self.inside[i : min(deeper)], self.scene.p)[-1]
        window = whole_pixels(box, H, W)
        if not window.height or not window.width:
            return None
        glass = Magnifier(box, H, W)
        return glass.window, glass.shrink(levels[min(deeper)])

    def generator(self, i: int, seed: int, device: torch.device) -> torch.Generator:
        """Level i's own: from its number, counted from the widest, or its seed."""
        if i in self.scene.seeds:
            return torch.Generator(device).manual_seed(self.scene.seeds[i])
        return level_generator(seed, i, device)


def _showing(level: Tensor, window: Window, shown: Tensor) -> Tensor:
    """The level with the window so; the level itself where it is so already."""
    rows, columns = window.slices
    if float((level[:, rows, columns] - shown).abs().max()) <= AGREE:
        return level
    return _with_window(level, window, shown)


def _with_window(level: Tensor, window: Window, shown: Tensor) -> Tensor:
    level, (rows, columns) = level.clone(), window.slices
    level[:, rows, columns] = shown
    return level


def _border(glass: Magnifier) -> Tensor:
    """1 at the border of an open window, 0 inside: what comes there joins what surrounds it."""
    rows, columns = fade(glass.window, *glass.size, _BAND, torch.device("cpu"))
    return 1 - rows * columns


def _walk_down(chain: _Chain, generator: torch.Generator, state: State | None) -> Iterator[State]:
    if state is not None:
        generator.set_state(state.generator_state)
    start = generator.get_state()
    seed, config = draw_seed(generator), chain.config
    at = finished = 0 if state is None else state.resumes_at
    levels = chain.begun() if state is None else state.clean.cpu()
    estimates = levels if state is None else state.estimate.cpu()
    records: tuple[Record, ...] = () if state is None else state.records
    ends = config.ends(len(chain.prompts), frozenset(chain.pictures))

    def now(at: int) -> State:
        none = torch.zeros(len(levels), 1, 1, 1)
        return State(at, none, levels, estimates, start, finished, pictures=True, records=records)

    if not ends[-1] and not at:
        levels, finished = chain.joined(levels), 1
        yield now(1)
    for i, end in enumerate(ends):
        if at >= end:
            continue
        problem, said = chain.problem(i, levels)
        own = chain.generator(i, seed, generator.device)
        for made in problem.states(config.steps, config.made, config.eta, own):
            at += 1
            if at == end:
                picture, misfit = problem.picture(made.clean)
                estimate = chain.denoiser.codec.decode(made.estimate)[0].float().cpu()
                levels, estimates = _with(levels, i, picture), _with(estimates, i, estimate)
                levels = chain.joined(levels) if end == ends[-1] else levels
                found = () if misfit is None else ({"level": i, "what": "window", "misfit": misfit},)
                records, finished = (*records, *said, *found), at
            yield now(at)


def _with(levels: Tensor, i: int, level: Tensor) -> Tensor:
    levels = levels.clone()
    levels[i] = level
    return levels
