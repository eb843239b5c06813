"""A study made ready: its pairs found among runs, its films drawn alike, and the folder in which answers are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from evaluation.cards import RunCard, Selection
from evaluation.study.desk import MEDIA, film_name
from evaluation.study.pairing import Match, compared, matches
from evaluation.study.people import People
from evaluation.study.plan import FILE, FPS, QUESTION, SPOILED, Clip, Design, Pair, Study, check_question, load, to_json
from prompts import slug
from tasks.depot.roots import pull_run
from tasks.errors import RefusedError
from tasks.store import write_bytes

STUDIES = "_studies"
LARGEST_PX = 768
"""Longer side of a film if nothing is said and levels are larger: two films stand side by side."""
STACK, MANIFEST = "stack", "stack.json"
FEWEST = 4
"""Letters of an id that can stand for the whole."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for. name: of the study; the selection's title without one. arms: those to compare; all without.

    size_px: longer side of the films; the levels' own without. seconds_per_level: how long a film takes over a level.
    """

    question: str = QUESTION
    design: Design = field(default_factory=Design)
    name: str | None = None
    arms: tuple[str, ...] = ()
    baseline: str | None = None
    size_px: int | None = None
    seconds_per_level: float = 1.0


def planned(selection: Selection, wanted: Wanted) -> Study:
    """The study of chosen runs. Raises RefusedError, or InvalidInputError, for what makes none."""
    question = check_question(wanted.question)
    arms = compared(selection.arm_names, wanted.arms, wanted.baseline)
    found, notes = matches(selection.cards, selection.arms, arms)
    lengths = _lengths(found, wanted)
    clips = _Clips(lengths, _sizes(found, wanted))
    pairs = tuple(clips.pair(match) for match in found)
    design, fewer = _fitting(wanted.design, len(pairs))
    study = Study(
        id="",
        name=wanted.name or selection.title,
        question=question,
        design=design,
        arms=tuple(dict.fromkeys(arm for two in arms for arm in two)),
        pairs=pairs,
        catches=tuple(clips.catch(match) for match in _spread(found, design.catches)),
        clips=clips.made,
        runs={card.id: _facts(card, selection.arms[card.id]) for match in found for card in match.runs},
        film={
            "fps": FPS,
            "seconds_per_level": wanted.seconds_per_level,
            "sizes": {story: list(size) for story, size in clips.sizes.items()},
        },
    )
    return replace(study, id=_digest(to_json(study)), notes=(*fewer, *notes, *selection.missing))


def folder_of(study: Study, root: Path) -> Path:
    """Where a study is kept."""
    return root / STUDIES / f"{slug(study.name)}-{study.id}"


def find_study(name: str, root: Path, *, titles: bool = False) -> Path | None:
    """The folder of a study by its path, its folder's name, or the beginning of its id; else None.

    titles: its name alone will do as well; it may be that of the sweep whose runs it shows. Raises RefusedError where
    several fit.
    """
    given = Path(name)
    pull_run(root, name)
    if name and (given / FILE).is_file():
        return given
    there = [path.parent for path in sorted((root / STUDIES).glob(f"*/{FILE}"))]
    whole, begun = (
        [path for path in there if path.name == name],
        [path for path in there if _begins(path, name, titles)],
    )
    fitting = whole or begun
    if len(fitting) > 1:
        raise RefusedError(f"Several studies fit {name!r}: {', '.join(path.name for path in fitting[:5])}. Name one.")
    return fitting[0] if fitting else None


def read_study(name: str, root: Path) -> tuple[Study, Path]:
    """A study and its folder, as `find_study` with its name too. Raises RefusedError where there is none."""
    folder = find_study(name, root, titles=True)
    if folder is None:
        there = ", ".join(path.parent.name for path in sorted((root / STUDIES).glob(f"*/{FILE}"))[:5]) or "none"
        raise RefusedError(f"There is no study {name!r} under {root / STUDIES}; there are: {there}.")
    return load(folder), folder


def missing_films(study: Study, folder: Path) -> list[tuple[Clip, Path]]:
    """The clips whose films are not there, and where they belong."""
    people = People(study, folder)
    places = [(clip, folder / MEDIA / film_name(people, clip.id)) for clip in study.clips.values()]
    return [(clip, path) for clip, path in places if not path.is_file()]


def keep(study: Study, folder: Path) -> None:
    """Write the study's `study.json`, once all its films are there; one that is there already stays."""
    path = folder / FILE
    if not path.is_file():
        write_bytes(path, to_json(study).encode())


class _Clips:
    """The films of a study as they are met: each once, with the length and size of its story's films."""

    def __init__(self, lengths: Mapping[str, float], sizes: Mapping[str, tuple[int, int]]) -> None:
        self.lengths, self.sizes, self.made = lengths, sizes, dict[str, Clip]()

    def pair(self, match: Match) -> Pair:
        """The two films of two runs."""
        first, second = match.runs
        clips = self._of(first, match.arms[0]), self._of(second, match.arms[1])
        seed = first.seed if first.seed == second.seed else None
        return Pair(_digest(*clips), first.story, seed, match.arms, clips, match.unlike)

    def catch(self, match: Match) -> Pair:
        """The film of a run and a spoiled copy of it."""
        run = match.runs[0]
        clips = self._of(run, match.arms[0]), self._of(run, SPOILED)
        return Pair(_digest(*clips), run.story, run.seed, (match.arms[0], SPOILED), clips)

    def _of(self, card: RunCard, arm: str) -> str:
        seconds = self.lengths[card.story]
        name = _digest(_content(card), repr(seconds), repr(self.sizes[card.story]), str(loops(card)), arm)
        self.made.setdefault(name, Clip(name, card.id, arm, seconds, spoiled=arm == SPOILED))
        return name


def loops(card: RunCard) -> bool:
    """Whether the run's deepest level contains its widest."""
    sampling = card.config.get("sampling")
    return isinstance(sampling, Mapping) and bool(sampling.get("loop"))


def _lengths(found: Sequence[Match], wanted: Wanted) -> dict[str, float]:
    """Seconds of every story's films: as long as the one with the most levels needs, so that all play in step."""
    steps: dict[str, int] = {}
    for card in (card for match in found for card in match.runs):
        own = len(card.prompts) - (not loops(card))
        steps[card.story] = max(steps.get(card.story, 1), own)
    # A whole number of frames.
    return {story: round(count * wanted.seconds_per_level * FPS) / FPS for story, count in steps.items()}


def _sizes(found: Sequence[Match], wanted: Wanted) -> dict[str, tuple[int, int]]:
    """(width, height) of every story's films: even, in the shape of its first run's levels, the longer side alike."""
    cards = {card.id: card for match in found for card in match.runs}
    levels = {run: _level_px(card) for run, card in cards.items()}
    longer = wanted.size_px or min(LARGEST_PX, max(map(max, levels.values())))
    sizes: dict[str, tuple[int, int]] = {}
    for run, card in cards.items():
        sizes.setdefault(card.story, _scaled(levels[run], longer))
    return sizes


def _scaled(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """The shape of `size` with this longer side, in even numbers."""
    width, height = (max(2, round(side * longer / max(size) / 2) * 2) for side in size)
    return width, height


def _level_px(card: RunCard) -> tuple[int, int]:
    """(width, height) of a level."""
    try:
        with Image.open(card.levels[0]) as picture:
            return picture.size
    except OSError as error:
        raise RefusedError(f"{card.levels[0]} cannot be read ({error}). Make run {card.id} again.") from error


def _content(card: RunCard) -> str:
    """What a run's levels depend on: their digests, p and focus."""
    path = card.folder / STACK / MANIFEST
    try:
        return _digest(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RefusedError(f"{path} cannot be read ({error.strerror}). Make run {card.id} again.") from error


def _fitting(design: Design, pairs: int) -> tuple[Design, tuple[str, ...]]:
    """The design with no more pairs than there are, and a note where it asked for more."""
    design = replace(design, catches=min(design.catches, pairs))
    if design.pairs <= pairs:
        return design, ()
    note = f"{design.pairs} pairs a person were asked for, but there are {pairs}: everybody sees all of them."
    return replace(design, pairs=pairs, repeats=min(design.repeats, pairs)), (note,)


def _spread(found: Sequence[Match], count: int) -> list[Match]:
    """`count` of the matches, evenly over all."""
    return [found[place * len(found) // count] for place in range(count)]


def _facts(card: RunCard, arm: str) -> dict[str, Any]:
    return {
        "arm": arm,
        "story": card.story,
        "seed": card.seed,
        "method": card.method,
        "variant": card.variant,
        "model": card.model,
        "model_revision": card.model_revision,
        "software": card.software,
        "p": card.p if isinstance(card.p, float) else list(card.p),
        "levels": len(card.prompts),
    }


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _begins(path: Path, name: str, titles: bool) -> bool:
    """Whether a study's folder is meant by the beginning of its id, or by its name without the id."""
    title, _, own = path.name.rpartition("-")
    return (titles and title == slug(name)) or (len(name) >= FEWEST and own.startswith(name))
