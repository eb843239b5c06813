"""Pictures from anywhere as parts of planes: read, put at a place, inverted once, found again afterwards."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from prompts import slug
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.infinity_plan import PACE_MACS, duration
from tasks.inversion_facts import read_facts
from tasks.machine import check_writable
from tasks.stage import canonical_json
from tasks.store import sha256_of
from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.film.whole import only_one
from zoomlib.images import from_pil, save_png, to_pil
from zoomlib.infinity.generator import Described, Generator
from zoomlib.infinity.inversion.files import is_inversion, read_inversion, read_state, write_inversion, write_state
from zoomlib.infinity.inversion.inverting import (
    Inversion,
    InversionSettings,
    InversionState,
    check_invertible,
    inverting,
)
from zoomlib.infinity.inversion.outpainting import outpainted
from zoomlib.infinity.sizes import macs_per_pixel
from zoomlib.infinity.streams.writing import check_local
from zoomlib.reading import load_picture

INVERSIONS, INVERTING = "_inversions", "inversion"
PICTURE, PAINTED = "picture.png", "painted.png"
KEEP_EVERY_S = 30.0
"""How often a state is kept that a killed process is gone on from; Ctrl-C keeps the very step."""
_PASSES = 8
"""A step paints, compares at four scales, and goes back through all of it: measured with the bundled generator it takes
as long as so many paintings."""


@dataclass(frozen=True)
class PictureSpec:
    """A picture that is to be part of a plane. at: its first pixel (y, x) there; None puts its middle row on the
    horizon, at column 0. longest_px: its longer side is made as small. period: cells after which that plane repeats.
    lpips: a file of LPIPS' weights."""

    path: Path
    at: tuple[int, int] | None = None
    longest_px: int | None = None
    period: int | None = None
    lpips: Path | None = None
    settings: InversionSettings = field(default_factory=InversionSettings)

    def __post_init__(self) -> None:
        if self.longest_px is not None and self.longest_px < 1:
            raise RefusedError(f"Expected --longest as a side of 1 pixel or more; got {self.longest_px}.")
        if self.lpips is not None and not self.lpips.is_file():
            raise RefusedError(f"{self.lpips} is not a file. Give LPIPS' weights by VGG-16, as safetensors.")


@dataclass(frozen=True, eq=False)
class Placed:
    """A picture at its place, found invertible, or found inverted.

    size: (height, width) in pixels. place: the folder of its inversion. seconds: that inverting takes on a processor,
    roughly; 0 where it is there already. notes: what reading has changed. asked, picture: what is to be inverted, None
    of a folder that was given instead. ours: the place follows from the picture and its settings, so that nothing else
    can be lost there.
    """

    name: str
    at: tuple[int, int]
    size: tuple[int, int]
    period: int | None
    place: Path
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    asked: PictureSpec | None = None
    picture: Tensor | None = None
    ours: bool = False

    @property
    def height(self) -> int:
        """In pixels."""
        return self.size[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.size[1]

    @property
    def told(self) -> str:
        """A sentence for people."""
        how = (
            f"takes about {duration(self.seconds)} to invert on a processor" if self.seconds else "is inverted already"
        )
        return f"{self.name}, {self.size[1]} x {self.size[0]} px at {self.at[0]},{self.at[1]}, {how} ({self.place})."


def placed(spec: PictureSpec, about: Described, root: Path, out: Path | None = None) -> Placed:
    """Look at a picture, or at the folder of an inversion, before any weights are loaded.

    out: a folder for the inversion; else one under `root` that follows from the picture, its place and the settings.
    Raises InvalidInputError and RefusedError for what cannot be read or inverted.
    """
    if out is not None:
        check_local(out)
    if spec.path.is_dir():
        return _found(spec, about)
    picture, notes = load_picture(spec.path)
    picture, more = _reduced(picture, spec.longest_px)
    height, width = int(picture.shape[1]), int(picture.shape[2])
    at = spec.at or (-(height // 2), 0)
    try:
        area = check_invertible(about.config, picture, at, period=spec.period)
    except NoRoomError as error:  # nothing has begun yet: refused, not failed
        raise RefusedError(f"{error} --longest PX makes it smaller.") from error
    spec = replace(spec, at=at)
    place = out or root / INVERSIONS / f"{slug(spec.path.stem)}-{_identity(spec, picture, about.revision)[:12]}"
    if place.exists() and not place.is_dir():
        raise RefusedError(f"{place} is a file, and an inversion is a folder. Give another --out.")
    check_writable(place, "Give another --out.")
    macs = macs_per_pixel(about.config, max(area.rows, area.columns)) * height * width
    seconds = 0.0 if is_inversion(place) else _PASSES * macs * spec.settings.steps / PACE_MACS
    about_it = Placed(spec.path.name, at, (height, width), spec.period, place, seconds, notes + more)
    return replace(about_it, asked=spec, picture=picture, ours=out is None)


def _found(spec: PictureSpec, about: Described) -> Placed:
    """A folder of an inversion, by what it says of itself."""
    facts = read_facts(spec.path)
    if facts.revision != about.revision:
        raise RefusedError(
            f"{spec.path} was made with the weights {facts.revision[:12]}, and this generator has "
            f"{about.revision[:12]}. Name that one's folder with --model, or invert the picture again."
        )
    turns = "" if facts.period is None else f", for a period of {facts.period} cells"
    if spec.at not in (None, facts.at) or spec.period not in (None, facts.period):
        raise RefusedError(
            f"{spec.path} was inverted at {facts.at[0]},{facts.at[1]}{turns}, and stays there. Name the picture "
            "instead, or leave the place out."
        )
    return Placed(spec.path.name, facts.at, facts.size, facts.period, spec.path)


def _identity(spec: PictureSpec, picture: Tensor, revision: str) -> str:
    """SHA-256 of all that an inversion depends on."""
    pixels = hashlib.sha256(picture.numpy().tobytes()).hexdigest()
    lpips = None if spec.lpips is None else sha256_of(spec.lpips)
    content = [pixels, list(picture.shape), list(spec.at or ()), spec.period, lpips, asdict(spec.settings), revision]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _reduced(picture: Tensor, longest_px: int | None) -> tuple[Tensor, tuple[str, ...]]:
    height, width = picture.shape[-2:]
    if longest_px is None or max(height, width) <= longest_px:
        return picture, ()
    scale = longest_px / max(height, width)
    H, W = max(round(height * scale), 1), max(round(width * scale), 1)
    made = from_pil(to_pil(picture).resize((W, H), Image.Resampling.BOX))
    return made, (f"It was made smaller, from {width} x {height} to {W} x {H} pixels.",)


def invert(one: Placed, generator: Generator, *, on_event: Listener = ignore) -> Inversion:
    """The inversion of a picture: found, gone on with, or begun. Ctrl-C keeps the step that was made last.

    Raises InvalidInputError for another process at the same work, and RefusedError for a folder with an inversion of
    something else.
    """
    begun = time.monotonic()
    found = _finished(one, generator)
    if found is not None or one.asked is None or one.picture is None:
        found = found or read_inversion(one.place, generator)
        on_event(StageDone(INVERTING, False, time.monotonic() - begun))
        return found
    with only_one(one.place):
        found = _inverted(one, one.asked, one.picture, generator, on_event)
        save_png(one.picture, one.place / PICTURE)
        save_png(painted(found, generator), one.place / PAINTED)
        write_inversion(found, one.place)  # last: it says that all is there
        for left in one.place.glob("state*"):
            left.unlink()
    on_event(StageDone(INVERTING, True, time.monotonic() - begun))
    return found


def painted(inversion: Inversion, generator: Generator) -> Tensor:
    """What the plane shows where the picture lies: (3, H, W) in [-1, 1]."""
    plane = outpainted(generator, inversion, seed=0)
    return plane.window(*inversion.at, inversion.height, inversion.width).clamp(-1, 1)


def _inverted(one: Placed, spec: PictureSpec, picture: Tensor, generator: Generator, on_event: Listener) -> Inversion:
    last, kept_at = _kept(one, spec, generator), time.monotonic()
    on_event(StageStarted(INVERTING, spec.settings.steps, "steps", last.step if last else 0))
    steps = inverting(
        generator, picture, one.at, settings=spec.settings, period=spec.period, perceptual=spec.lpips, state=last
    )
    try:
        for last in steps:
            if time.monotonic() - kept_at > KEEP_EVERY_S:
                write_state(last, one.place)
                kept_at = time.monotonic()
            on_event(StageMoved(INVERTING, last.step))
    except KeyboardInterrupt:
        if last is not None:
            write_state(last, one.place)
        raise
    if last is None:
        raise InvalidInputError("An inversion takes at least one step.")
    return last.inversion(generator)


def _kept(one: Placed, spec: PictureSpec, generator: Generator) -> InversionState | None:
    """The state that an interrupted inversion of the same has left; None for none, and for a damaged one."""
    with suppress(InvalidInputError):
        state = read_state(one.place, generator)
        job = state.job
        same = job.at == one.at and job.settings == spec.settings and job.period == spec.period
        if same and one.picture is not None and torch.equal(job.picture, one.picture):
            return state
    return None


def _finished(one: Placed, generator: Generator) -> Inversion | None:
    """The inversion that is there; None where there is none, and for a damaged one that is ours to make again."""
    if not is_inversion(one.place):
        return None
    try:
        found = read_inversion(one.place, generator)
    except InvalidInputError:
        if one.ours:
            return None
        raise
    return _same(one, found)


def _same(one: Placed, found: Inversion) -> Inversion:
    asked = one.asked
    if asked is not None and one.picture is not None:
        same = found.at == one.at and found.period == asked.period and found.settings == asked.settings
        if not same or not torch.equal(found.picture, one.picture):
            raise RefusedError(
                f"{one.place} holds an inversion of another picture, at another place, or by other settings. Give "
                "another --out."
            )
    return found
