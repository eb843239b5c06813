"""Pictures and films of the page: small ones, alike for all runs, so that they can stand side by side and in step."""

import io
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image

from evaluation.cards import RunCard
from evaluation.comparison.media import FPS, SECONDS_PER_LEVEL, Media
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.film.encoding import Encoding
from zoomlib.film.ffmpeg import VideoError
from zoomlib.film.render import Film
from zoomlib.film.video import write
from zoomlib.images import read_picture
from zoomlib.stack import ZoomStack

Films = Literal["first", "all", "none"]
HOLD_S = 0.5
PICTURES_PX, FILMS_PX = (512, 384, 256, 192, 160, 128, 96), (512, 384, 256, 224, 192, 160, 128)
PICTURE_QUALITY, FILM_QUALITY = 70, 31
PICTURES_SHARE, FILMS_SHARE = 0.42, 0.42
"""Of the page's bytes; the rest is data, and the scripts that draw the plots."""
IN_TEXT = 4 / 3
SAMPLES = 6
WORKERS = 2


@dataclass(frozen=True)
class _Work:
    """Settings of one making."""

    picture_px: int
    film_px: int
    folder: Path


def draw_media(
    cards: Sequence[RunCard],
    arms: Mapping[str, str],
    *,
    films: Films = "first",
    max_mb: float = 12.0,
    on_done: Callable[[int, int], None] | None = None,
) -> Media:
    """Pictures of all levels of `cards`, and films of those runs that `filmed` chooses, within about `max_mb` in all.

    They are drawn as large as the room allows, and never larger than the levels. on_done: told how many of how many
    pieces are there. What cannot be read is left out and told in `notes`. Needs a folder for temporary files; nothing
    stays. Deterministic.
    """
    shown = filmed(cards, arms, films)
    total, room = len(cards) + len(shown), max_mb * 1e6 / IN_TEXT
    with tempfile.TemporaryDirectory(prefix="tenfold-compare-") as folder:
        pieces = sum(len(card.prompts) for card in cards)
        picture_px = _fitting(_samples(cards), PICTURES_PX, room * PICTURES_SHARE / max(pieces, 1))
        film_px = _film_px(shown, room * FILMS_SHARE, Path(folder))
        work = _Work(picture_px, film_px, Path(folder))
        pictures, made, notes = {}, {}, []
        with ThreadPoolExecutor(WORKERS) as pool:
            jobs = [(card, True) for card in cards] + [(card, False) for card in shown]
            done = pool.map(lambda job: _pictures(job[0], work) if job[1] else _film(job[0], work), jobs)
            for number, ((card, is_sheet), result) in enumerate(zip(jobs, done, strict=True), 1):
                if is_sheet:
                    pictures[card.id] = result[0]
                elif result[0]:
                    made[card.id] = result[0][0]
                notes += result[1]
                if on_done is not None:
                    on_done(number, total)
    return Media(pictures, {run: film for run, film in made.items() if film is not None}, True, tuple(notes))


def filmed(cards: Sequence[RunCard], arms: Mapping[str, str], films: Films) -> list[RunCard]:
    """The runs that are shown as films: "all", "none", or with "first" one seed per story, the same in all arms.

    It is the seed that most arms have, the lowest of those; an arm without it shows its own lowest.
    """
    if films != "first":
        return list(cards) if films == "all" else []
    chosen = []
    by_story: dict[str, list[RunCard]] = defaultdict(list)
    for card in cards:
        by_story[card.story].append(card)
    for group in by_story.values():
        having = {seed: len({arms[card.id] for card in group if card.seed == seed}) for seed in {c.seed for c in group}}
        best = min(having, key=lambda seed: (-having[seed], seed))
        first: dict[str, RunCard] = {}
        for card in sorted(group, key=lambda card: (card.seed != best, card.seed)):
            first.setdefault(arms[card.id], card)
        chosen += list(first.values())
    return chosen


def _samples(cards: Sequence[RunCard]) -> Iterator[Image.Image]:
    """A few levels, spread over the runs."""
    paths = [path for card in cards for path in card.levels]
    for path in paths[:: max(1, len(paths) // SAMPLES)][:SAMPLES]:
        try:
            yield _opened(path)
        except (OSError, InvalidInputError):
            continue


def _fitting(samples: Iterator[Image.Image], sizes: Sequence[int], room: float) -> int:
    """The largest of `sizes` (pixels, the longer side) at which pictures take `room` bytes each."""
    pictures = list(samples)
    for size in _no_larger(sizes, max((max(picture.size) for picture in pictures), default=0)):
        if sum(len(_encoded(picture, size)) for picture in pictures) <= room * max(len(pictures), 1):
            return size
    return sizes[-1]


def _film_px(cards: Sequence[RunCard], room: float, folder: Path) -> int:
    """The largest size at which the films of `cards` are `room` bytes in all, judged by the first and the last."""
    sample = [*cards[:1], *cards[1:][-1:]]
    for size in _no_larger(FILMS_PX, _longest(sample))[:-1]:
        work = _Work(0, size, folder)
        sizes = [len(film[0]) for film, _ in (_film(card, work) for card in sample) if film and film[0] is not None]
        if sizes and sum(sizes) / len(sizes) * len(cards) <= room:
            return size
    return FILMS_PX[-1]


def _no_larger(sizes: Sequence[int], longest: int) -> Sequence[int]:
    """Of falling sizes those that levels of `longest` pixels make use of; always the smallest."""
    return [size for size, below in zip(sizes, [*sizes[1:], 0], strict=True) if below < longest] or sizes[-1:]


def _longest(cards: Sequence[RunCard]) -> int:
    """The longer side of the runs' levels in pixels, as far as they can be read."""
    return max((max(picture.size) for picture in _samples(cards)), default=0)


def _pictures(card: RunCard, work: _Work) -> tuple[list[bytes | None], list[str]]:
    found: list[bytes | None] = []
    notes = []
    for level, path in enumerate(card.levels):
        try:
            found.append(_encoded(_opened(path), work.picture_px))
        except (OSError, InvalidInputError):
            found.append(None)
            notes.append(f"The picture of level {level} of run {card.id} ({card.story}) cannot be read.")
    return found, notes


def _film(card: RunCard, work: _Work) -> tuple[list[bytes | None], list[str]]:
    path = work.folder / f"{card.id}-{work.film_px}.mp4"
    try:
        stack = _stack(card)
        loop = bool((card.config.get("sampling") or {}).get("loop"))
        camera = Camera(len(stack), FPS, SECONDS_PER_LEVEL, "in", hold_end_s=HOLD_S * (not loop), loop=loop)
        drawn = Film(stack, camera, _size(stack, work.film_px), layout="yuv420", workers=1)
        coding = Encoding("mp4", quality=FILM_QUALITY, gop_s=0.5)
        write(drawn.frames(reuse=True), path, fps=FPS, encoding=coding, layout="yuv420")
        return [path.read_bytes()], []
    except (OSError, InvalidInputError, VideoError) as error:
        return [None], [f"No film of run {card.id} ({card.story}) could be drawn: {str(error)[:200]}"]
    finally:
        path.unlink(missing_ok=True)


def _stack(card: RunCard) -> ZoomStack:
    """The run's stack; of foreign material, whose pictures have no manifest, its levels with what is known of them."""
    if (card.folder / "stack" / "stack.json").is_file():
        return ZoomStack.load(card.folder / "stack")
    levels = [read_picture(path) for path in card.levels]
    return ZoomStack(torch.stack(levels), card.p)


def _size(stack: ZoomStack, longest: int) -> tuple[int, int]:
    """Width and height of a film, even, and not larger than the levels."""
    H, W = stack.levels.shape[-2:]
    share = min(1.0, longest / max(H, W))
    return max(2, round(W * share / 2) * 2), max(2, round(H * share / 2) * 2)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _encoded(picture: Image.Image, longest: int) -> bytes:
    small, buffer = picture.copy(), io.BytesIO()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    small.save(buffer, "WEBP", quality=PICTURE_QUALITY, method=4)
    return buffer.getvalue()
