"""A film as a folder of PNG pictures, one for each frame."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zoomlib.errors import InvalidInputError
from zoomlib.film.encoding import Encoding
from zoomlib.film.missing import Draw, drawn, stretches
from zoomlib.film.planes import Size
from zoomlib.film.whole import FRAMES, PLACED, SPARE, move, only_of, room_needed, sync

NAME = "frame_{:06d}.png"
PICTURE = re.compile(r"frame_\d{6,}\.png")


def check_sequence(path: Path) -> None:
    """Raise InvalidInputError where a folder of pictures would take the place of something else."""
    if path.is_dir():
        other = next((item.name for item in path.iterdir() if not PICTURE.fullmatch(item.name)), None)
        if other is not None:
            raise InvalidInputError(f"The folder {path} also holds {other}, which is no frame: give another folder.")
    elif path.exists():
        raise InvalidInputError(f"{path} is a file: a png film is a folder.")


def write_sequence(
    draw: Draw,
    total: int,
    path: Path,
    size: Size,
    encoding: Encoding,
    work: Path,
    tags: Mapping[str, str],
    on_frame: Callable[[int], None] | None,
) -> None:
    """Write frames as frame_000001.png and so on to the folder `path`, which takes its place when all are there.

    They grow in a folder in `work`, each whole or not at all: those of an earlier try are not drawn again, nor are
    any while `work` tells that all have their place.
    """
    only_of(["png", encoding.quality, size, total, dict(tags)], work)
    names = [NAME.format(number + 1) for number in range(total)]
    if (work / PLACED).exists() and all((path / name).is_file() for name in names):
        if on_frame is not None:
            on_frame(total)
        return
    folder = work / FRAMES
    folder.mkdir(exist_ok=True)
    files = [folder / name for name in names]
    there = [file.is_file() for file in files]
    done = sum(there)
    if on_frame is not None and done:
        on_frame(done)
    words, spare = _words(tags), work / SPARE
    for stretch in stretches(there):
        with drawn(draw, stretch.start, stretch.stop, "rgb", size) as frames:
            for number, frame in zip(stretch, frames, strict=True):
                with room_needed(files[number]):
                    Image.fromarray(frame).save(spare, "png", compress_level=encoding.quality, pnginfo=words)
                    sync(spare)
                    spare.replace(files[number])
                done += 1
                if on_frame is not None:
                    on_frame(done)
    move(folder, path)
    (work / PLACED).touch()


def _words(tags: Mapping[str, str]) -> PngInfo:
    words = PngInfo()
    for key, value in tags.items():
        words.add_itxt(key.capitalize() if key.islower() else key, value)
    return words
