"""A film that is to be made of a finished stack: all that it depends on, in plain values, and what is refused of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import RefusedError
from tasks.film_spec import ANIMATION_PX, ANIMATIONS, FilmSpec
from tasks.run import GivenFile, Run
from tasks.stage import Json
from tasks.store import sha256_of
from zoomlib.film.audio import check_sound
from zoomlib.film.beat import find_beats
from zoomlib.film.camera import Camera
from zoomlib.film.encoding import Encoding
from zoomlib.film.lettering import missing
from zoomlib.film.segments import MAX_GIF_FPS

if TYPE_CHECKING:
    from zoomlib.film.planes import Size

NAME = "zoom"
LEAST_PX = 16  # encoders refuse less
SOUNDS = ("audio", "beat")
CODING = ("format", "codec", "quality", "preset", "chroma", "hardware")
_ELSEWHERE: Any = {"size_px", "aspect", "device", *SOUNDS}
"""Settings that say where, or of which something else in a film's inputs tells better."""


@dataclass(frozen=True)
class Origin:
    """How levels were made. composed: of pictures from elsewhere, by no model; given: some of them were given."""

    method: str
    seed: int
    model: str
    composed: bool = False
    given: bool = False


@dataclass(frozen=True)
class Film:
    """A film of a story's levels.

    level_px: (height, width) of a level. origin: told in the file's metadata. loop: whether the deepest level contains
    the widest. sounds: the files that are heard or followed, by setting.
    """

    spec: FilmSpec
    title: str
    prompts: tuple[str, ...]
    widths_m: tuple[float | None, ...]
    level_px: tuple[int, int]
    origin: Origin
    loop: bool = False
    sounds: Mapping[str, GivenFile] = field(default_factory=dict)

    @property
    def encoding(self) -> Encoding:
        """How it is coded. Raises InvalidInputError for settings that do not go together."""
        return Encoding(**{name: getattr(self.spec, name) for name in CODING})

    @property
    def size(self) -> Size:
        """(width, height) of a frame: the longer side as configured, in its shape or the levels'."""
        H, W = self.level_px
        shape, longer = self.spec.shape or Fraction(W, H), self.spec.size_px
        size = (longer, round(longer / shape)) if shape >= 1 else (round(longer * shape), longer)
        return self.encoding.shown(size)

    @property
    def name(self) -> str:
        """Its file's name, or that of the folder of a sequence of pictures."""
        return NAME + self.encoding.suffix if self.encoding.suffix else "frames"

    def camera(self, factors: tuple[float, ...] | None = None, beats: tuple[float, ...] = ()) -> Camera:
        """Its camera; the number of frames depends on neither argument. Raises InvalidInputError for a bad one."""
        spec = self.spec
        return Camera(
            len(self.prompts),
            fps=float(spec.rate),
            seconds_per_level=spec.seconds_per_level,
            direction=spec.direction,
            seconds=spec.seconds,
            easing=spec.keyframes or spec.easing,
            hold_start_s=spec.hold_start_s,
            hold_end_s=spec.hold_end_s,
            turn_deg=spec.turn_deg,
            pan_from=spec.pan_from,
            pan_to=spec.pan_to,
            loop=self.loop,
            factors=factors,
            beats=beats,
            beat_strength=spec.beat_strength,
        )

    def inputs(self, stack: Mapping[str, str]) -> Json:
        """Everything that its file depends on, given the stack's files by name as SHA-256."""
        spec = self.spec.model_dump(mode="json", exclude=_ELSEWHERE)
        spec["fps"] = str(self.spec.rate)
        return {
            "stack": dict(stack),
            "size": list(self.size),
            "film": spec,
            "sounds": {name: given.sha256 for name, given in sorted(self.sounds.items())},
            "loop": self.loop,
            "title": self.title,
            "prompts": list(self.prompts),
            "widths_m": list(self.widths_m) if self.spec.scale_bar else None,
            "origin": asdict(self.origin),
        }


def film_of(run: Run) -> Film:
    """The film of a run, whose settings are resolved."""
    levels, (H, W) = run.story.levels, run.size_px
    return Film(
        spec=run.config.film,
        title=run.story.title,
        prompts=tuple(level.prompt for level in levels),
        widths_m=tuple(level.width_m for level in levels),
        level_px=(H, W),
        origin=Origin(
            run.config.method,
            run.config.seed,
            model_name(run.model),
            composed=run.config.compose is not None,
            given=run.photo is not None or bool(run.images),
        ),
        loop=loops(run),
        sounds=run.sounds,
    )


def loops(run: Run) -> bool:
    """Whether the deepest level contains the widest."""
    return bool(run.config.sampling.get("loop"))


def model_name(model: Mapping[str, Any]) -> str:
    """A model's name and the beginning of its revision."""
    return f"{model['id']} {str(model['revision'])[:12]}"


def given_sounds(spec: FilmSpec) -> dict[str, GivenFile]:
    """The audio files of a film by their setting. Raises RefusedError where one cannot be read."""
    named = {name: getattr(spec, name) for name in SOUNDS}
    return {name: _heard(f"film.{name}", path) for name, path in named.items() if path is not None}


def _heard(setting: str, path: Path) -> GivenFile:
    try:
        return GivenFile(path.resolve(), sha256_of(path))
    except OSError as error:
        raise RefusedError(
            f"{setting} names {path}, which cannot be read: {error.strerror}. Name another, or leave it out with "
            f"--set {setting}=null."
        ) from error


def resolved(film: Film) -> FilmSpec:
    """The film's settings with what follows from others filled in. Raises InvalidInputError as `Encoding`."""
    follows = {name: getattr(film.encoding, name) for name in CODING} | {"fps": film.spec.fps or float(film.spec.rate)}
    return film.spec.model_copy(update=follows | {name: given.path for name, given in film.sounds.items()})


def changed(spec: FilmSpec, values: Mapping[str, object]) -> FilmSpec:
    """`spec` without the choices that were made for another format or codec, where `values` (by name) ask for one.

    What becomes an animated picture becomes a small one.
    """
    freed = {
        "format": ("codec", "quality", "preset", "chroma"),
        "codec": ("quality", "preset", "chroma"),
        "chroma": ("preset",),
    }
    other = [name for name in freed if values.get(name, getattr(spec, name)) != getattr(spec, name)]
    free: dict[str, object] = dict.fromkeys(follower for name in other for follower in freed[name])
    animated = values.get("format", spec.format) in ANIMATIONS
    if animated != spec.animated:
        free["fps"] = None
    if animated and not spec.animated:
        free["size_px"] = min(spec.size_px, ANIMATION_PX)
    return spec.model_copy(update=free)


def check(film: Film) -> None:
    """Refuse, before any work, a film that cannot be made here, with the remedy.

    Raises RefusedError, or InvalidInputError and VideoError of the core.
    """
    spec, encoding = film.spec, film.encoding
    if min(film.size) < LEAST_PX:
        raise RefusedError(
            f"Frames of {film.size[0]} x {film.size[1]} px are too small: {LEAST_PX} px a side are the least. "
            "Choose a larger --size, or a less extreme film.aspect."
        )
    if "audio" in film.sounds:
        check_sound(film.sounds["audio"].path, encoding)
    if spec.captions == "track" and encoding.kind.subtitles is None:
        raise RefusedError(f"A {spec.format} file has no subtitle track. Use --captions burnt or file.")
    if spec.scale_bar and not any(film.widths_m):
        raise RefusedError(
            "A scale bar needs the width of at least one level, and the story tells none. Add width_m to a level, or "
            "leave --scale-bar out."
        )
    if spec.format == "gif" and spec.rate > MAX_GIF_FPS:
        raise RefusedError(f"A gif has at most {MAX_GIF_FPS} frames per second. Choose a smaller --fps.")
    if encoding.coded.encoders:
        encoding.encoder(film.size)
    film.camera()


def notes_on(film: Film) -> tuple[str, ...]:
    """What a user should know of a film before it is made, a sentence each."""
    letters = missing("".join(film.prompts)) if film.spec.captions == "burnt" else ""
    if not letters:
        return ()
    return (f"No font here draws {letters[:20]}: boxes stand for them. Install one, or use --captions file.",)


def beats(film: Film) -> tuple[float, ...]:
    """Seconds at which the film's speed peaks; none without music to follow. Raises as `find_beats`."""
    given = film.sounds.get("beat")
    return () if given is None else _beats(given.path, given.sha256, film.camera().duration_s)


@lru_cache(maxsize=8)
def _beats(path: Path, _sha256: str, duration_s: float) -> tuple[float, ...]:
    return find_beats(path, duration_s)
