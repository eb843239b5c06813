"""Sizes of levels: which ones suit a model and a zoom factor together, and what a user should know of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from prompts import Story
from tasks import loading, planes
from tasks.errors import RefusedError
from tasks.run import Run, Tools
from tasks.specs import RunConfig
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import pyramid_depth

DEEPEST = 3
"""Times that levels should divide by p: what lies further out than this has hardly any weight in the blend."""


def divides(method: ModuleType) -> bool:
    """Whether a method lays levels on whole pixels of each other."""
    return bool(getattr(method, "DIVIDES", False))


def described(config: RunConfig, story: Story, method: ModuleType, tools: Tools) -> Mapping[str, Any]:
    """What the run's model says of itself at the asked size. Raises InvalidInputError as `zoomlib.models.describe`, and
    RefusedError for one that only enlarges and for a size that it cannot make, naming one that suits the zoom factor,
    too."""
    if planes.draws_plane(method):
        return planes.describe(config, story, tools)
    try:
        return _drawing(loading.describe(config.model, tools))
    except InvalidInputError:
        size_px, p = config.model.size_px, story.p if config.p is None else config.p
        if size_px is None:
            raise
        model = _at_any_size(config, tools)
        unit = None if model is None else step_px(model, int(p) if divides(method) and p == int(p) else 1)
        if model is None or unit is None or not any(side % unit for side in size_px):
            raise
    both = f" and p = {p:g}" if unit > step_px(model, 1) else ""
    near = _nearest(size_px[0], unit), _nearest(size_px[1], unit)
    raise RefusedError(
        f"Both sides of a level must be multiples of {unit} pixels for this model{both}, but {_shape(size_px)} was "
        f"asked for. The nearest is --shape {_shape(near)}."
    )


def _drawing(model: Mapping[str, Any]) -> Mapping[str, Any]:
    if model.get("kind") == "upscaler":
        raise RefusedError(
            f"{model['id']} ({model['family']}) enlarges pictures and makes none. Name it in a stage of "
            "enlarge.stages, and a model that makes pictures with --model."
        )
    return model


def _at_any_size(config: RunConfig, tools: Tools) -> Mapping[str, Any] | None:
    try:
        return loading.describe(config.model.model_copy(update={"size": None}), tools)
    except InvalidInputError:
        return None


def check_size(run: Run) -> None:
    """Refuse levels whose sides the zoom factor does not divide where the method needs that, naming sizes that work."""
    p = _whole(run)
    if p is None or not any(side % p for side in run.shape[1:]):
        return
    unit, (height, width) = step_px(run.model, p), run.size_px
    near, deep = suitable(run.size_px, run.model, p)
    also = "" if deep == near else f" (or {_shape(deep)}, of which blending has more)"
    raise RefusedError(
        f"Method {run.config.method} with p = {p} lays levels in whole {_parts(p)} of each other, which "
        f"{width} x {height} pixels of this model do not have: both sides must be multiples of {unit}. Use --shape "
        f"{_shape(near)}{also}, another p, or a method that takes any p: an outpainting method, superres, independent."
    )


def step_px(model: Mapping[str, Any], p: int) -> int:
    """What both sides of a picture must be multiples of, for the model and the zoom factor."""
    return int(model["factor"]) * math.lcm(int(model.get("multiple", 1)), p)


def suitable(size_px: tuple[int, int], model: Mapping[str, Any], p: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) nearest to a size that model and factor can do, and the nearest of those within half as much
    again that divide by p most often, DEEPEST times at most."""
    unit, factor = step_px(model, p), int(model["factor"])

    def depth(side: int) -> int:
        return min(pyramid_depth(side // factor, side // factor, p), DEEPEST)

    def deep(side: int) -> int:
        several = range(max(math.ceil(side / 1.5 / unit), 1) * unit, max(int(side * 1.5), unit) + 1, unit)
        return max(several, key=lambda one: (depth(one), -abs(one - side)), default=_nearest(side, unit))

    height, width = size_px
    return (_nearest(height, unit), _nearest(width, unit)), (deep(height), deep(width))


def _nearest(side: int, unit: int) -> int:
    return max(round(side / unit), 1) * unit


def notes_on_size(run: Run) -> tuple[str, ...]:
    """What a user should know of the size of the run's levels, a sentence each."""
    return (*_shallow(run), *_small_film(run))


def _shallow(run: Run) -> tuple[str, ...]:
    p, reach = _whole(run), min(len(run.story.levels) - 1, 2)
    if p is None or reach < 1:
        return ()
    depth = _depth(run, p)
    possible = int(math.log(max(min(_grid(run)) / 2, 1), p) + 1e-9)
    if depth >= min(reach, possible):
        return ()
    times = "once" if depth == 1 else f"{depth} times"
    deep = suitable(run.size_px, run.model, p)[1]
    remedy = "" if deep == run.size_px else f" --shape {_shape(deep)} makes it deeper."
    return (
        f"Levels of {_shape(run.size_px)} can be divided by p = {p} only {times}: blending joins a level with "
        f"{'the next wider one alone' if depth == 1 else f'{depth} wider ones'}.{remedy}",
    )


def _whole(run: Run) -> int | None:
    """The zoom factor by which the method divides levels; None where it does not, or refuses the factor itself."""
    return run.p if divides(run.method) and isinstance(run.p, int) and run.p > 1 else None


def _grid(run: Run) -> tuple[int, int]:
    """Height and width of a level where it is blended."""
    return run.size_px if run.config.sampling.get("space") == "pixels" else run.shape[1:]


def _depth(run: Run, p: int) -> int:
    return pyramid_depth(*_grid(run), p)


def _small_film(run: Run) -> tuple[str, ...]:
    longest, film = max(run.size_px), run.config.film.size_px
    if run.config.model.size is None or longest <= film:
        return ()
    return (f"The film is {film} px on its longer side, and levels are {longest}: --size {longest} shows them whole.",)


def _shape(size_px: tuple[int, int]) -> str:
    height, width = size_px
    return f"{width}x{height}"


def _parts(p: int) -> str:
    return {2: "halves", 3: "thirds", 4: "quarters"}.get(p, f"{p}ths")
