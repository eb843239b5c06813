"""Living with a result: story and configuration of a run that goes on from a finished one and keeps its levels.

Nothing is made or written here: what comes out is run like any other story.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from prompts import Story
from prompts.checks import MAX_LEVELS, MAX_SEED, MAX_WIDTH_M, MIN_WIDTH_M
from prompts.nodes import where
from prompts.story import Level
from tasks.errors import RefusedError
from tasks.film import changed
from tasks.finished import Finished
from tasks.given import start_level
from tasks.planes import draws_plane
from tasks.specs import BaseSpec, RunConfig, with_values
from zoomlib.methods import load_method, method_names


@dataclass(frozen=True)
class Continuation:
    """A run to be made under `root`; `notes` say what was chosen where nothing was asked for."""

    story: Story
    config: RunConfig
    root: Path
    notes: tuple[str, ...]


def extended(
    base: Finished,
    levels: int,
    *,
    wider: bool | None = None,
    prompts: Sequence[str] = (),
    open_window: bool = False,
    changes: Mapping[str, object] | None = None,
) -> Continuation:
    """The base with `levels` more around it (`wider`) or inside it; None is the way that its method can, wider first.

    prompts: of the new levels, beginning with the one next to the base's; the last one stands for those that are
    missing, the base's own outermost or innermost where there is none. open_window: deeper levels do not enlarge what
    the middle of the deepest shows, which stays as it is, but what their prompts say, and its window comes to show
    that. changes: settings by dotted path. Raises RefusedError where that cannot be.
    """
    config, method = _changed(base, changes or {})
    wider = _direction(base, config, method, wider)
    if open_window and wider:
        raise RefusedError("Only deeper levels can open a window: wider ones lie around the run. Add --deeper.")
    _check_count(base, levels, prompts)
    count, end = len(base.story.levels), base.story.levels[0 if wider else -1]
    new, notes = _new_levels(base, end, levels, wider, prompts)
    kept = [_without_picture(level) for level in base.story.levels]
    own: list[int | None] = list(range(count))
    made: list[int | None] = [None] * levels
    if not _goes_on(method, wider) and "seed" not in (changes or {}):
        config = config.model_copy(update={"seed": (config.seed + 1) % 2**63})
        notes.append(f"The seed is {config.seed}, so that new levels do not begin with the noise of the old ones.")
    story = _story(base, [*reversed(new), *kept] if wider else [*kept, *new])
    opened = (count - 1,) if open_window else ()
    return _continuation(base, story, config, tuple(made + own if wider else own + made), opened, notes)


def rerolled(
    base: Finished,
    level: int,
    *,
    seed: int | None = None,
    prompt: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> Continuation:
    """The base with one level made again, from another seed or prompt, joined to its neighbours, which are kept.

    Without either, the seed is the next one; with a prompt alone, the level's noise stays as it was. The next wider
    level may come to show something else in its window. Raises RefusedError where that cannot be.
    """
    config, method = _changed(base, changes or {})
    count = len(base.story.levels)
    if isinstance(level, bool) or not 0 <= level < count:
        raise RefusedError(f"Run {base.id} has levels 0 to {count - 1}, not {level}. Name the one to make again.")
    if not getattr(method, "IMAGES", False):
        raise RefusedError(f"Method {config.method} cannot keep levels. Use one of {_methods_that('IMAGES')}.")
    old = base.story.levels[level]
    notes = []
    if seed is None and prompt is None:
        seed = ((base.config.seed if old.seed is None else old.seed) + 1) % (MAX_SEED + 1)
        notes.append(f"Level {level} is made again with the seed {seed}.")
    start = start_level(load_method(base.config.method), count)
    if old.image is not None or (level == start and base.config.photo is not None):
        notes.append(f"Level {level} had a picture of its own, which is not used this time.")
    update = {"seed": old.seed if seed is None else seed, "prompt": old.prompt if prompt is None else prompt}
    levels = [_without_picture(one) for one in base.story.levels]
    levels[level] = levels[level].model_copy(update=update)
    own = tuple(None if index == level else index for index in range(count))
    return _continuation(base, _story(base, levels), config, own, (level - 1,) if level else (), notes)


def _changed(base: Finished, changes: Mapping[str, object]) -> tuple[RunConfig, ModuleType]:
    """The base's configuration with changes; another method begins with its own defaults."""
    _check_start(changes)
    device = base.config.model.model_copy(update={"device": "auto"})  # the base may come from another machine
    asked = {path.removeprefix("film."): value for path, value in changes.items() if path.startswith("film.")}
    config = base.config.model_copy(update={"model": device, "film": changed(base.config.film, asked)})
    if changes.get("method", config.method) != config.method:
        config = config.model_copy(update={"sampling": {}})
    config = with_values(config, changes)
    if config.p != base.config.p:
        raise RefusedError(
            f"The levels of run {base.id} lie p = {base.config.p:g} apart, and others cannot lie otherwise. "
            "Leave p and margin out."
        )
    return config, load_method(config.method)


def _check_start(changes: Mapping[str, object]) -> None:
    """Refuse what a run starts from: this one starts from the base's levels."""
    unfit = [path for path in changes if path == "photo" or path.split(".")[0] == "base"]
    if unfit:
        raise RefusedError(
            f"A run that goes on from another starts from its levels, and {unfit[0]} cannot be set. Leave it out; for "
            "another picture make a new run with --photo."
        )


def _direction(base: Finished, config: RunConfig, method: ModuleType, wider: bool | None) -> bool:
    able = getattr(method, "EXTENDS", ())
    if base.story.loop:
        raise RefusedError(f"Run {base.id} is a closed loop, which has no end to go on from. Make a longer story.")
    way = {None: next(iter(able), "wider"), True: "wider", False: "deeper"}[wider]
    if way not in able:
        raise RefusedError(f"Method {config.method} cannot go on {way}. Use --method with one of {_methods_that(way)}.")
    return way == "wider"


def _methods_that(can: str) -> str:
    """The names of the methods with IMAGES, or that extend that way."""
    methods = {name: load_method(name) for name in method_names()}
    able = [name for name, m in methods.items() if getattr(m, can, False) or can in getattr(m, "EXTENDS", ())]
    return ", ".join(able) or "none that is there"


def _check_count(base: Finished, levels: int, prompts: Sequence[str]) -> None:
    count = len(base.story.levels)
    if isinstance(levels, bool) or levels < 1 or count + levels > MAX_LEVELS:
        raise RefusedError(
            f"Run {base.id} has {count} levels and a story at most {MAX_LEVELS}: it can have 1 to "
            f"{MAX_LEVELS - count} more, not {levels}."
        )
    if len(prompts) > levels:
        raise RefusedError(f"{len(prompts)} prompts came for {levels} new levels. Give one for each, or fewer.")


def _new_levels(
    base: Finished, end: Level, levels: int, wider: bool, prompts: Sequence[str]
) -> tuple[list[Level], list[str]]:
    """The new levels, beginning with the one next to the base's, and what was chosen for them."""
    missing = levels - len(prompts)
    texts = [*prompts, *[(prompts or (end.prompt,))[-1]] * missing]
    step = base.story.p if wider else 1 / base.story.p
    widths = [None if end.width_m is None else end.width_m * step**n for n in range(1, levels + 1)]
    inside = [w if w is not None and MIN_WIDTH_M <= w <= MAX_WIDTH_M else None for w in widths]
    whose = "the last one given" if prompts else f"that of the {'outermost' if wider else 'innermost'} level"
    notes = [f"The prompt of {missing} new level{'s' * (missing > 1)} is {whose}: {texts[-1]}"] if missing else []
    negative = end.negative
    return [
        Level.model_construct(prompt=text, width_m=width, negative=negative)  # the story they go into is checked
        for text, width in zip(texts, inside, strict=True)
    ], notes


def _goes_on(method: ModuleType, wider: bool) -> bool:
    """Whether new levels get noise of their own from the same seed: a method that starts at the deepest level counts
    from there, so that wider levels are those that the base would have had, had it had more; so does one that draws
    from a plane, of which they show more."""
    return wider and (getattr(method, "PHOTO", None) == "deepest" or draws_plane(method))


def _without_picture(level: Level) -> Level:
    return level.model_copy(update={"image": None})


def _story(base: Finished, levels: Sequence[Level]) -> Story:
    plain = base.story.model_dump() | {"levels": [level.model_dump() for level in levels]}
    try:
        return Story.model_validate(plain)
    except ValidationError as error:
        place, said = error.errors(include_url=False)[0]["loc"], error.errors(include_url=False)[0]["msg"]
        raise RefusedError(f"{where(place)}: {said}") from error


def _continuation(
    base: Finished,
    story: Story,
    config: RunConfig,
    own: tuple[int | None, ...],
    opened: tuple[int, ...],
    notes: Sequence[str],
) -> Continuation:
    lost = base.sampled is None  # its finished pictures, which have the same size, stand in
    if lost:
        pictures = [None if index is None else str(base.picture(index)) for index in own]
        levels = zip(story.levels, pictures, strict=True)
        story = story.model_copy(update={"levels": tuple(one.model_copy(update={"image": i}) for one, i in levels)})
    kept = (None,) * len(own) if lost else own
    spec = BaseSpec(run=base.id, levels=kept, open=opened, sampled=base.sampled, stack=() if lost else base.stack)
    return Continuation(story, config.model_copy(update={"photo": None, "base": spec}), base.root, tuple(notes))
