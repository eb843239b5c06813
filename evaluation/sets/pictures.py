"""The pictures of a folder as a set: which files count, and whether each can be read, before any work is done."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.images import UNREADABLE
from zoomlib.reading import MIN_SIDE_PX, load_picture

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jp2", ".ppm")
)
FEWEST = 2
_NAMED = 5
_THREADS = 4


def pictures_in(folder: str | Path) -> tuple[Path, ...]:
    """The picture files in a folder and all folders below it, by name; hidden ones and other files do not count.

    Raises InvalidInputError for what is no folder, and for fewer than two pictures: one has no covariance.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder. Give one that holds the pictures to compare with.")
    found = tuple(
        sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )
    )
    if len(found) < FEWEST:
        what = "no picture" if not found else f"one picture only ({found[0].name})"
        raise InvalidInputError(
            f"{folder} holds {what}; the distance of two sets needs two or more in each, and hundreds to mean anything."
        )
    return found


def check_pictures(paths: Iterable[Path]) -> None:
    """Look into every file. Raises InvalidInputError that names those that are no whole picture of a fair size."""
    with ThreadPoolExecutor(_THREADS) as pool:
        faults = [fault for fault in pool.map(_fault, paths) if fault]
    if faults:
        more = f" And {len(faults) - _NAMED} more." if len(faults) > _NAMED else ""
        raise InvalidInputError(
            f"{len(faults)} of the pictures cannot be used. {' '.join(faults[:_NAMED])}{more} Mend or remove them: "
            "leaving them out in silence would change the set."
        )


def read(path: Path) -> Tensor:
    """The picture in a file, upright, sRGB of 8 bits: float32 (3, H, W) in [-1, 1]. Raises InvalidInputError."""
    return load_picture(path)[0]


def _fault(path: Path) -> str | None:
    """What is wrong with a file, or None. Formats that can be tested for wholeness are not decoded at full size."""
    try:
        with Image.open(path) as picture:
            if min(picture.size) < MIN_SIDE_PX:
                return f"{path}: {picture.width} x {picture.height} pixels, below {MIN_SIDE_PX} a side."
            if picture.format == "PNG":
                picture.verify()  # checks the sums of all parts
            elif picture.format == "JPEG":
                picture.draft("RGB", (1, 1))  # an eighth of the size: all of the file is read, little is computed
                picture.load()
            else:
                read(path)
    except UnidentifiedImageError:
        return f"{path}: no picture that can be read."
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        return f"{path}: {error}."
    return None
