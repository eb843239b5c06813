"""Which pictures are compared as sets: those of runs, one set for each arm, and those of a reference folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from evaluation.cards import RunCard, Selection
from evaluation.sets.pictures import FEWEST, check_pictures, pictures_in
from evaluation.sets.scaleinv import scale_of
from tasks.errors import RefusedError
from tasks.store import sha256_of
from zoomlib.errors import InvalidInputError

_THREADS = 4


@dataclass(frozen=True)
class Member:
    """A picture of a set: where it lies, its content, and of which run's which level it is."""

    path: Path
    sha256: str
    card: RunCard
    level: int


@dataclass(frozen=True)
class PictureSet:
    """The pictures of one arm. scale: how many times larger they are than the training size; None where that is not
    asked."""

    arm: str
    members: tuple[Member, ...]
    scale: int | None = None

    @property
    def cards(self) -> tuple[RunCard, ...]:
        """The runs that it is made of."""
        return tuple({member.card.id: member.card for member in self.members}.values())

    @property
    def stories(self) -> tuple[str, ...]:
        """The stories of these runs."""
        return tuple(dict.fromkeys(card.story for card in self.cards))


@dataclass(frozen=True)
class ReferenceFolder:
    """The pictures to compare with and their contents, in the order of their names."""

    folder: Path
    paths: tuple[Path, ...]
    sha256s: tuple[str, ...]


def plan_reference(folder: Path, training_px: int | None) -> ReferenceFolder:
    """The pictures of `folder`, each looked into. Raises RefusedError for none, one, broken ones by name, and, where a
    training size is told, for those of another size."""
    try:
        paths = pictures_in(folder)
        check_pictures(paths)
    except InvalidInputError as error:
        raise RefusedError(str(error)) from error
    other = [path for path in paths if training_px is not None and _size(path) != (training_px, training_px)]
    if other:
        raise RefusedError(
            f"ScaleInv FID compares with pictures of the training size, {training_px} x {training_px} pixels, but "
            f"{other[0]} and {len(other) - 1} others have another. Resize them first."
        )
    return ReferenceFolder(folder.resolve(), paths, _hashed(paths))


def plan_sets(selection: Selection, levels: Sequence[int] | None, training_px: int | None) -> tuple[PictureSet, ...]:
    """One set for each arm of a selection, of these `levels` or all. Raises RefusedError for a level that no run has,
    for pictures that are missing or broken, and for an arm with fewer than two."""
    chosen = [(card, level, path) for card in selection.cards for level, path in _levels(card, levels)]
    try:
        check_pictures(path for _, _, path in chosen)
    except InvalidInputError as error:
        raise RefusedError(
            f"{error} A run whose levels are damaged is made anew by running its story again."
        ) from error
    contents = _hashed([path for _, _, path in chosen])
    members = [Member(path, sha, card, level) for (card, level, path), sha in zip(chosen, contents, strict=True)]
    sets = []
    for arm in selection.arm_names:
        own = tuple(member for member in members if selection.arms[member.card.id] == arm)
        if len(own) < FEWEST:
            which = "" if levels is None else f" at the levels {', '.join(map(str, levels))}"
            raise RefusedError(
                f"{arm} has {len(own)} pictures{which}; a set needs two or more, and hundreds to mean anything. Name "
                "more runs, or more levels."
            )
        sets.append(PictureSet(arm, own, None if training_px is None else _scale(own, training_px)))
    return tuple(sets)


def _levels(card: RunCard, levels: Sequence[int] | None) -> Iterator[tuple[int, Path]]:
    for level, path in enumerate(card.levels):
        if levels is not None and level not in levels:
            continue
        if not path.is_file():
            raise RefusedError(f"{path} is missing. Make the run again, or leave it out.")
        yield level, path


def _hashed(paths: Sequence[Path]) -> tuple[str, ...]:
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(sha256_of, paths))


def _size(path: Path) -> tuple[int, int]:
    """(height, width) from the header."""
    with Image.open(path) as picture:
        return picture.height, picture.width


def _scale(members: Sequence[Member], training_px: int) -> int:
    try:
        scales = {scale_of(_size(member.path), (training_px, training_px)) for member in members}
    except InvalidInputError as error:
        raise RefusedError(str(error)) from error
    if len(scales) > 1:
        raise RefusedError(
            f"The pictures of a set are of one size, but these are {' and '.join(map(str, sorted(scales)))} times "
            f"{training_px} pixels. Score runs of each size by themselves."
        )
    return scales.pop()
