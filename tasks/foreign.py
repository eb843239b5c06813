"""Levels or a film that another tool has made, taken so that they stand beside runs and are scored as these are."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from evaluation.table import Score
from prompts import Story
from tasks.compose_folder import SUFFIXES, natural
from tasks.errors import RefusedError
from tasks.stage import Json, canonical_json
from tasks.store import sha256_of
from tasks.subjects import Subject
from zoomlib.area import mean
from zoomlib.film.video import VideoError
from zoomlib.geometry import Box, Focus, check_factors
from zoomlib.images import to_uint8
from zoomlib.reading import load_picture
from zoomlib.stack import MANIFEST, ZoomStack

if TYPE_CHECKING:
    from evaluation.footage import Footage

MAX_LEVELS = 64
LEAST_WINDOW_PX = 8
"""A smaller window shows nothing that could agree or not."""
OTHER = "other tool"


@dataclass(frozen=True)
class Given:
    """What was given: a folder of pictures or a film, and what is known of it.

    p: the zoom factor, or one per step. name: of the tool. film: the film that the tool made of the pictures.
    """

    path: Path
    p: tuple[float, ...]
    name: str = OTHER
    title: str | None = None
    story: Story | None = None
    seed: int = 0
    model: str | None = None
    film: Path | None = None
    scorer: str = "bundled"


@dataclass(frozen=True)
class Taken:
    """What was given, read and found fit to be scored; nothing has been written.

    film_scores: of the film, measured as it was read. notes: what reading has changed.
    """

    given: Given
    stack: ZoomStack
    title: str
    prompts: tuple[str, ...]
    film: Path | None
    film_scores: tuple[Score, ...]
    notes: tuple[str, ...]

    @property
    def id(self) -> str:
        """Twelve hex digits from all that is scored and told of it: the same work has the same place."""
        given = self.given
        content: Json = {
            "levels": hashlib.sha256(_bytes(self.stack.levels)).hexdigest(),
            "shape": list(self.stack.levels.shape),
            "p": list(self.stack.factors),
            "focus": [None if point is None else list(point) for point in self.stack.focus or ()],
            "film": None if self.film is None else sha256_of(self.film),
            "prompts": list(self.prompts),
            "told": [self.title, given.name, given.seed, given.model],
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]


def read_p(text: str) -> tuple[float, ...]:
    """The zoom factor, or several with commas between them. Raises RefusedError for anything else."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(math.isfinite(p) and p > 1 for p in found):
        raise RefusedError(f"Expected --p as 2, or as 2,2,4 with one number for each step, each above 1; got {text!r}.")
    return found


def told_p(path: Path) -> tuple[float, ...] | None:
    """The zoom factors that a stack of ours tells in its folder; None where there is none."""
    try:
        p = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["p"]
        return tuple(map(float, p if isinstance(p, list) else [p]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The pictures that lie in a folder, in the natural order of their names."""
    found = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return tuple(
        sorted((path for path in found if path.suffix.lower()[1:] in SUFFIXES), key=lambda path: natural(path.name))
    )


def take(given: Given, on_frame: Callable[[int], None] | None = None) -> Taken:
    """Read what was given. Writes nothing.

    Raises RefusedError, or InvalidInputError of the core, for what cannot be scored: no picture or only one, levels of
    several shapes, too small ones, a film that is none or does not zoom, another number of prompts or factors.
    """
    for text, what in ((given.name, "--name"), (given.title or "x", "--title")):
        if not text.strip() or not text.isprintable():
            raise RefusedError(f"{what} is empty or holds characters that cannot be shown. Write a plain line of text.")
    if given.path.is_dir():
        stack, notes = _levels(given)
        film = given.film
        footage = None if film is None else _footage(film, given.p, on_frame)
    else:
        if given.film is not None:
            raise RefusedError("A film alone was given, and --film names another. Leave one of them out.")
        footage = _footage(given.path, given.p, on_frame)
        stack, notes, film = footage.stack, (), given.path
    _check_windows(stack)
    measured, said = ((), ()) if footage is None else (tuple(footage.scores), tuple(footage.notes))
    return Taken(given, stack, _title(given), _prompts(given, len(stack)), film, measured, (*notes, *said))


def _levels(given: Given) -> tuple[ZoomStack, tuple[str, ...]]:
    files = pictures_in(given.path)
    if not 2 <= len(files) <= MAX_LEVELS:
        raise RefusedError(
            f"{given.path} holds {len(files)} picture{'s' * (len(files) != 1)}, and a zoom has 2 to {MAX_LEVELS} "
            "levels. Give the folder that holds one picture for each level, named in their order, widest first."
        )
    read = [load_picture(path) for path in files]
    notes = [f"{path.name}: {note}" for path, (_, said) in zip(files, read, strict=True) for note in said]
    levels, scaled = _of_one_size([picture for picture, _ in read], [path.name for path in files])
    factors = check_factors(len(files), given.p if len(given.p) > 1 else given.p[0])
    return ZoomStack(levels, factors if len(set(factors)) > 1 else factors[0], _focus(given.path, len(files))), (
        *notes,
        *scaled,
    )


def _of_one_size(pictures: Sequence[Tensor], names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """All pictures (3, H, W) at the size of the smallest, by means over areas, and what was scaled, a sentence."""
    sizes = [(picture.shape[1], picture.shape[2]) for picture in pictures]
    H, W = min(sizes, key=lambda size: size[0] * size[1])
    for (height, width), name in zip(sizes, names, strict=True):
        if max(abs(height * W / width - H), abs(width * H / height - W)) > 1:
            raise RefusedError(
                f"The levels of one zoom have one shape: {name} is {width} x {height} pixels, another one {W} x {H}. "
                "Crop them to one shape, or join them with tenfold compose."
            )
    same = [_scaled(picture, H, W) for picture in pictures]
    larger = [name for size, name in zip(sizes, names, strict=True) if size != (H, W)]
    note = f"Scaled down to {W} x {H} pixels, the size of the smallest: {', '.join(larger[:5])}"
    return torch.stack(same), (f"{note}{' ...' if len(larger) > 5 else ''}.",) if larger else ()


def _scaled(picture: Tensor, H: int, W: int) -> Tensor:
    _, height, width = picture.shape
    if (height, width) == (H, W):
        return picture
    return mean(picture, Box(0, 0, height, width), H, W).float().clamp(-1, 1)


def _focus(folder: Path, levels: int) -> Focus:
    """Where each level's next one lies, where the folder holds a stack of ours that tells; else the centre."""
    try:
        focus = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["focus"]
        found = focus and tuple(None if point is None else (float(point[0]), float(point[1])) for point in focus)
        return found if found and len(found) == levels else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def film_scores(subject: Subject) -> list[Score]:
    """The scores of the film of another tool's work, measured again."""
    p = subject.card.p
    (film,) = subject.film_files().values()
    return list(_footage(film, p if isinstance(p, tuple) else (p,), None).scores)


def _footage(film: Path, p: tuple[float, ...], on_frame: Callable[[int], None] | None) -> Footage:
    if len(set(p)) > 1:
        raise RefusedError("A film is scored by one zoom factor: give --p as one number, as 2, or leave --film out.")
    from evaluation.footage import levels_of

    try:
        return levels_of(film, p[0], on_frame=on_frame)
    except VideoError as error:
        raise RefusedError(f"{film} cannot be read as a film: {error}") from error


def _check_windows(stack: ZoomStack) -> None:
    window = min(stack.levels.shape[2:]) / max(stack.factors)
    if window < LEAST_WINDOW_PX:
        H, W = stack.levels.shape[2:]
        raise RefusedError(
            f"Levels of {W} x {H} pixels show each other in {window:.1f} pixels at p = {max(stack.factors):g}, and "
            f"{LEAST_WINDOW_PX} are the least that can be compared. Give larger pictures, or check --p."
        )


def _title(given: Given) -> str:
    if given.title is not None:
        return given.title
    if given.story is not None:
        return given.story.title
    name = given.path.resolve().name if given.path.is_dir() else given.path.stem
    return "".join(c if c.isprintable() else " " for c in name).strip() or "untitled"


def _prompts(given: Given, levels: int) -> tuple[str, ...]:
    """The story's prompts; empty texts without one. Raises RefusedError for another number of levels."""
    if given.story is None:
        return ("",) * levels
    told = tuple(given.story.prompts())
    if len(told) != levels:
        raise RefusedError(
            f"The story has {len(told)} levels, and {given.path} has {levels}. Give the story that these levels show."
        )
    return told


def _bytes(levels: Tensor) -> bytes:
    return b"".join(to_uint8(level).tobytes() for level in levels)
