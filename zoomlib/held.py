"""Levels whose pictures are given: what the others must show of them, and what they show of the others."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise

import torch
from torch import Tensor

from zoomlib.blend import Mode, blend
from zoomlib.denoiser import Condition, Denoiser, Wrapper
from zoomlib.geometry import Box, Focus, nested, whole_pixels, windows
from zoomlib.images import AGREE
from zoomlib.ladder import Step
from zoomlib.magnifier import Magnifier
from zoomlib.noise import stream
from zoomlib.photograph import Photograph
from zoomlib.pyramid import down, fade, nest
from zoomlib.scene import pictures
from zoomlib.walk import Draw, State

_LEVEL = "level"


def numbered(condition: Condition) -> Condition:
    """The rows of all levels, with their numbers, as `Holding` wants them."""
    return Condition({**condition.rows, _LEVEL: torch.arange(len(condition))})


class Holding(Wrapper):
    """Runs the model on free levels only: the estimate of a given level is its picture, (C, H, W) like z.

    Conditions must be `numbered`.
    """

    def __init__(self, denoiser: Denoiser, pictures: Mapping[int, Tensor]):
        super().__init__(denoiser)
        self.pictures = pictures

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """Estimates of the levels whose rows these are, float32 (L, C, H, W)."""
        levels = condition.rows[_LEVEL].tolist()
        free = [row for row, level in enumerate(levels) if level not in self.pictures]
        out = torch.stack([self.pictures.get(level, z[row]).to(z) for row, level in enumerate(levels)])
        if free:
            rows = Condition({name: value[free] for name, value in condition.rows.items() if name != _LEVEL})
            out[free] = self.denoiser.predict_clean(z[free], step, rows)
        return out


def encoded(denoiser: Denoiser, picture: Tensor) -> Tensor:
    """A picture (3, H, W) in the model's space, on its device."""
    return denoiser.codec.encode(picture[None].to(denoiser.device))[0].float()


def draws(
    draw: Callable[[torch.Generator, Mapping[int, int]], Tensor], seeds: Mapping[int, int], state: State | None
) -> Draw:
    """The noise of a walk from a state on, where the noise of some levels follows from their own seeds alone.

    `draw` takes the generator and the seeds of these levels for one draw.
    """
    numbers = count(0 if state is None else state.index + 1)

    def next_draw(generator: torch.Generator) -> Tensor:
        number = next(numbers)
        return draw(generator, {level: stream(seed, number) for level, seed in seeds.items()})

    return next_draw


def finished(denoiser: Denoiser, state: State, given: Mapping[int, Tensor], join: Callable[[Tensor], Tensor]) -> State:
    """The last state; a latent model's with given levels in pixels (L, 3, H, W), made what was given by `join`.

    A pixel model's levels are so already.
    """
    if not given or denoiser.codec.factor == 1:
        return state
    levels, estimate = pictures(denoiser, state)
    return replace(state, clean=join(levels), estimate=estimate, pictures=True)


@dataclass(frozen=True)
class Bonds:
    """How given levels hang together. whole: those that come out as they are, with their windows. joined: those whose
    window shows the next given level already, so that only what changes there is carried into it."""

    whole: frozenset[int]
    joined: frozenset[int]


def bonds(
    pictures: Mapping[int, Tensor], open_levels: frozenset[int], inside: Sequence[Box], p: float, feather: float = 0.0
) -> Bonds:
    """The bonds of pictures (C, H, W), by level, of which `inside` are the boxes.

    A level stays whole unless it is open, or disagrees with the next given one, or that is not whole itself. Where
    windows are soft, only what lies inside their border is compared.
    """
    whole: set[int] = set()
    joined: set[int] = set()
    below: int | None = None
    for i in sorted(pictures, reverse=True):
        agree = below is None or _agree(pictures[i], pictures[below], nested(inside[i:below], p)[-1], feather)
        if i not in open_levels and agree:
            joined |= {i} if below == i + 1 else set()
            whole |= {i} if below is None or below in whole else set()
        below = i
    return Bonds(frozenset(whole), frozenset(joined))


def _agree(wide: Tensor, deep: Tensor, box: Box, feather: float) -> bool:
    H, W = wide.shape[-2:]
    window = whole_pixels(box, H, W)
    if not window.height or not window.width:
        return True
    glass = Magnifier(box, H, W)
    off = (glass.shown(wide) - glass.shrink(deep)).abs().amax(0)
    if feather:
        rows, columns = fade(window, H, W, feather, off.device)
        off = off[rows * columns == 1]
    return not off.numel() or float(off.max()) <= AGREE


class Held:
    """Given levels among levels (L, C, H, W) that are sampled together, in pixels or in the model's space.

    pictures: (C, H, W) by level. A level whose next one is free binds what is deeper, up to the next given level,
    unless it is open. Raises InvalidInputError as `geometry.windows`.
    """

    def __init__(
        self,
        pictures: Mapping[int, Tensor],
        bonds: Bonds,
        open_levels: frozenset[int],
        levels: int,
        p: int,
        focus: Focus = None,
        feather: float = 0.0,
    ):
        _, H, W = next(iter(pictures.values())).shape
        self.pictures, self.bonds, self.p, self.feather, self.focus = pictures, bonds, p, feather, focus
        self.inside = windows(levels, H, W, p, focus)
        ends = sorted({*pictures, levels})
        within = [Box(w.top, w.left, w.height, w.width) for w in self.inside]
        self._segments = [
            _Segment(pictures[i], i, end, levels, within, p, focus)
            for i, end in pairwise(ends)
            if end > i + 1 and i not in open_levels
        ]

    def consolidate(self, estimates: Tensor, blending: Mode, coarse_weight: float) -> Tensor:
        """As `stack.consolidate`, with the given levels held: what they show, deeper levels show."""
        held = self.render(self.project(estimates), free=False)
        blended = self.project(blend(held, self.p, blending, self.focus, coarse_weight))
        rendered = self.render(blended)
        # Soft windows move the means of cells a little: projecting again keeps them exact.
        return self.render(self.project(rendered), free=False) if self.feather else rendered

    def project(self, levels: Tensor) -> Tensor:
        """The nearest levels that show the given ones they lie in, as `Photograph.project`."""
        for segment in self._segments:
            levels = segment.project(levels)
        return levels

    def render(self, levels: Tensor, free: bool = True) -> Tensor:
        """The given levels as they are outside their windows; windows show deeper levels, of free levels if `free`."""
        out = levels.clone()
        for i in reversed(range(len(levels))):
            if i in self.pictures:
                out[i] = self.pictures[i]
            if i == len(levels) - 1 or i in self.bonds.whole or not (free or i in self.pictures):
                continue
            out[i] = self._carried(i, out) if i in self.bonds.joined else self._pasted(i, out)
        return out

    def _pasted(self, i: int, levels: Tensor) -> Tensor:
        return nest(levels[i : i + 2], self.p, self.inside[i : i + 1], feather=self.feather)[0]

    def _carried(self, i: int, levels: Tensor) -> Tensor:
        """Level i with the change of the next given one in its window."""
        change = down(levels[i + 1] - self.pictures[i + 1].to(levels), self.p)
        if self.feather:
            rows, columns = fade(self.inside[i], *levels.shape[-2:], self.feather, levels.device)
            change = change * (rows * columns)
        out, (top, left) = levels[i].clone(), self.inside[i].slices
        out[:, top, left] += change
        return out


class _Segment:
    """Free levels between a given one, which they show, and the next given one or the end."""

    def __init__(self, picture: Tensor, first: int, end: int, levels: int, within: Sequence[Box], p: int, focus: Focus):
        last = min(end, levels - 1)
        own = None if focus is None else focus[first : last + 1]
        self.levels, self.free = slice(first, last + 1), slice(1, end - first)
        self.photograph = Photograph(picture, last + 1 - first, p, own)
        # Where the next given level shows, it rules.
        self.bound = torch.ones(end - first - 1, 1, *picture.shape[-2:], dtype=torch.bool, device=picture.device)
        if end < levels:
            for row, level in enumerate(range(first + 1, end)):
                self.bound[row, 0][_outward(nested(within[level:end], p)[-1])] = False

    def project(self, levels: Tensor) -> Tensor:
        """The free levels moved to what the given one shows; all others as they are."""
        out = levels.clone()
        segment = out[self.levels]
        moved = self.photograph.project(segment)[self.free]
        segment[self.free] = torch.where(self.bound, moved, segment[self.free])
        return out


def _outward(box: Box) -> tuple[slice, slice]:
    """All pixels that the box touches."""
    top, left = math.floor(box.top + 1e-6), math.floor(box.left + 1e-6)
    bottom, right = math.ceil(box.top + box.height - 1e-6), math.ceil(box.left + box.width - 1e-6)
    return slice(top, bottom), slice(left, right)
