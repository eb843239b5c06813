"""A folder of pictures from anywhere: which files count, what they say, where each lies. The files stay as they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prompts.checks import FORBIDDEN, MAX_LEVELS
from tasks.compose_spec import ComposeSpec, FoundStep, GivenPicture
from tasks.compose_words import WORDS
from tasks.errors import RefusedError
from tasks.stage import Json, Made, StageKey, Workshop
from tasks.store import sha256_of
from zoomlib.errors import InvalidInputError
from zoomlib.images import to_uint8
from zoomlib.reading import load_picture
from zoomlib.registration import VERSION
from zoomlib.registration.features import Picture
from zoomlib.registration.order import Order, Registration, Step, register

SUFFIXES = frozenset(("png", "jpg", "jpeg", "jfif", "webp", "tif", "tiff", "bmp", "gif", "avif", "jp2", "ppm"))


@dataclass(frozen=True)
class Found:
    """The pictures of a folder in the order of their names. notes: what was changed in reading or passed over."""

    folder: Path
    given: tuple[GivenPicture, ...]
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Their files' names."""
        return [picture.file for picture in self.given]


def natural(name: str) -> tuple[Any, ...]:
    """The key by which 2.png comes before 10.png."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFKC", name).casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def read_folder(folder: Path, without: Collection[str] = ()) -> Found:
    """The pictures of a folder, without those of these names. Writes nothing.

    Raises RefusedError for what is no folder, for a file that is no whole picture though its name says so, for fewer
    than two or more than the levels that a story may have, and for a name in `without` that is not there.
    """
    if not folder.is_dir():
        raise RefusedError(f"{folder} is not a folder. Give one that holds the pictures of a zoom.")
    listed = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda at: natural(at.name)
    )
    missing = sorted(set(without) - {path.name for path in listed})
    if missing:
        raise RefusedError(f"There is no {missing[0]!r} in {folder} to leave out. Name a file as it is written there.")
    files = [
        path
        for path in listed
        if path.name not in without and path.suffix.lower().lstrip(".") in SUFFIXES and path.is_file()
    ]
    others = [
        path.name for path in listed if path not in files and path.suffix.lower() != WORDS and path.name not in without
    ]
    if not 2 <= len(files) <= MAX_LEVELS:
        raise RefusedError(
            f"{folder} holds {len(files)} pictures, and a zoom is made of 2 to {MAX_LEVELS}. "
            + ("Put more into it." if len(files) < 2 else "Move some elsewhere, or leave them out (--without NAME).")
        )
    read = [_read(path) for path in files]
    notes = [f"{given.file}: {note}" for given, _, notes in read for note in notes]
    if others:
        notes.append(f"Passed over, being no pictures: {', '.join(others[:5])}{' ...' if len(others) > 5 else ''}")
    return Found(folder.resolve(), tuple(one[0] for one in read), tuple(one[1] for one in read), tuple(notes))


def _read(path: Path) -> tuple[GivenPicture, Picture, tuple[str, ...]]:
    if FORBIDDEN.search(path.name):
        raise RefusedError(f"The name {path.name!a} has characters that no text can hold. Rename the file.")
    try:
        tensor, notes = load_picture(path)
    except InvalidInputError as error:
        raise RefusedError(f"{error} Or leave it out: --without {path.name!r}.") from error
    picture = to_uint8(tensor)
    height, width = picture.shape[:2]
    return GivenPicture(file=path.name, sha256=sha256_of(path), width=width, height=height), picture, notes


def place(
    found: Found,
    workshop: Workshop,
    *,
    order: Order = "found",
    assumed_p: float | None = None,
    keep: bool = True,
    on_pair: Callable[[int, int], None] | None = None,
) -> tuple[ComposeSpec, tuple[str, ...]]:
    """The pictures in their order with the places of each, and what was left out, a sentence each.

    Found once for the same pictures, in the store of `workshop`; with `keep` false nothing is written. Raises
    InvalidInputError as `zoomlib.registration.order.register`.
    """
    inputs = {"pictures": [one.sha256 for one in found.given], "order": order, "assumed_p": assumed_p}
    if order == "found":
        inputs["names"] = found.names  # which of two copies is left out
    key = StageKey("registration", VERSION, inputs)
    manifest = workshop.find(key)

    def work(_folder: Path) -> Made:
        registration = register(found.pictures, found.names, order=order, assumed_p=assumed_p, on_pair=on_pair)
        return Made({}, _as_json(registration))

    if manifest is not None:
        facts = manifest.facts
    elif keep:
        facts = workshop.make(key, work)[0].facts
    else:
        facts = work(Path()).facts
    steps = tuple(FoundStep.model_validate(step) for step in facts["steps"])
    pictures = tuple(found.given[i] for i in facts["order"])
    notes = tuple(f"{found.names[i]} shows the same as {found.names[j]} and is left out." for i, j in facts["left_out"])
    return ComposeSpec(folder=found.folder, pictures=pictures, steps=steps), notes


def _as_json(found: Registration) -> dict[str, Json]:
    left_out = [list(pair) for pair in found.left_out]
    return {"order": list(found.order), "steps": [_step(step) for step in found.steps], "left_out": left_out}


def _step(step: Step) -> dict[str, Json]:
    values: dict[str, Json] = {name: round(value, 7) for name, value in asdict(step.placement).items()}
    if step.judgement is not None and step.errors is not None:
        values |= {
            "agreement": round(step.judgement.agreement, 4),
            "sureness": round(step.judgement.sureness, 6),
            "p_error": round(step.errors.log_p, 7),
            "shift_error_px": round(step.errors.shift_px, 4),
            "turn_error_deg": round(step.errors.turn_deg, 4),
        }
    return values
