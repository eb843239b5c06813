"""A run of progressive super-resolution: from the widest level down, each drawn from the window that shows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.enlarging.level import Above, Enlarging
from zoomlib.enlarging.settings import Config
from zoomlib.geometry import Box, Window, nested, whole_pixels
from zoomlib.held import Bonds
from zoomlib.images import AGREE
from zoomlib.magnifier import Magnifier
from zoomlib.noise import draw_seed, level_generator
from zoomlib.pyramid import fade
from zoomlib.scene import Scene
from zoomlib.walk import Record, State, picture_shape

BAND = 0.25  # share of a window's side: softer windows than that are not known; open ones change inside it


@dataclass(frozen=True, eq=False)
class Chain:
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
    rows, columns = fade(glass.window, *glass.size, BAND, torch.device("cpu"))
    return 1 - rows * columns


def walk_down(chain: Chain, generator: torch.Generator, state: State | None) -> Iterator[State]:
    """All levels from the widest down, but those that a state holds already; yield the state after every step."""
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
