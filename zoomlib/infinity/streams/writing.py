"""Windows of a plane written to files of any size, tile by tile, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zoomlib.errors import InvalidInputError
from zoomlib.film.whole import check_place, move, room_needed, whole
from zoomlib.infinity.painting.plane import OnTile, Plane
from zoomlib.infinity.painting.tiles import Window, tile_counts
from zoomlib.infinity.sizes import macs_per_pixel
from zoomlib.infinity.streams.png import check_png, write_png
from zoomlib.infinity.streams.tiff import TILE_PX, check_tiff, write_tiff
from zoomlib.infinity.streams.zarr_store import check_zarr, write_zarr

SUFFIXES = (".png", ".tif", ".tiff", ".zarr")
FORMAT = "tenfold-window-1"
_SPARE_BYTES = 2**20
"""For headers, tables of tiles, and the file beside the result."""
_MARGIN = 1.002
"""What incompressible pixels grow by: deflate's blocks, a filter's byte a row, the table of tiles."""


@dataclass(frozen=True)
class Estimate:
    """What it takes to write a window. painted_px: with those of whole tiles that lie outside of the window. macs:
    multiplications of the networks. disk_bytes: the most that the file takes; most pictures need about half."""

    pixels: int
    tiles: int
    painted_px: int
    macs: float
    disk_bytes: int


def estimate(plane: Plane, y0: int, x0: int, h: int, w: int, suffix: str = ".png") -> Estimate:
    """What a window takes as a file of that kind. Raises InvalidInputError for a window that cannot be painted, or not
    be written as such a file."""
    window = plane.check(y0, x0, h, w)
    _check_format(window, suffix)
    rows, columns = tile_counts(window, plane.grid)
    columns = _whole_groups(window, plane)
    painted = rows * columns * plane.step**2
    macs = painted * macs_per_pixel(plane.config, plane.grid.cells)
    return Estimate(window.pixels, rows * columns, painted, macs, _disk_bytes(window, suffix))


def write_window(
    plane: Plane,
    y0: int,
    x0: int,
    h: int,
    w: int,
    path: Path | str,
    *,
    workers: int = 1,
    on_tile: OnTile | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write a window, clamped to [-1, 1], as 8-bit RGB: .png, .tif (tiles, BigTIFF) or .zarr, by the path's suffix.

    Memory is that of a tile, and of one row of tiles as 8-bit pixels (not for .zarr). Beside the result a file
    `<name>.json` says what made it, and `facts` besides. Until all is there, `path` is as it was before; nothing else
    is left.

    Returns the path. Raises InvalidInputError, before anything is painted, for a window as `Plane.check`, a suffix or a
    size that cannot be written, a place where nothing can be, and where the disk has no room for the estimate.
    """
    path = Path(path)
    window = plane.check(y0, x0, h, w)
    check_target(path, window.height, window.width)
    check_place(path)
    about = {"format": FORMAT, "y0": window.y0, "x0": window.x0, "height": window.height, "width": window.width}
    about |= {**plane.facts(), **(facts or {})}
    tiles = partial(plane.tiles, y0, x0, h, w, workers=workers, on_tile=on_tile)
    bands = partial(plane.bands, y0, x0, h, w, workers=workers, on_tile=on_tile)
    with whole(path.with_name(f"{path.name}.json")) as beside:
        beside.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        if path.suffix == ".zarr":
            with whole_folder(path) as temporary:
                write_zarr(temporary, tiles(), window, plane.step, about)
        elif path.suffix == ".png":
            with whole(path) as temporary, temporary.open("wb") as file:
                write_png(file, bands(), window.height, window.width)
        else:
            with whole(path) as temporary:
                write_tiff(temporary, bands(), window.height, window.width)
    return path


def check_target(path: Path | str, height: int, width: int) -> int:
    """The most bytes that a file of so many pixels takes.

    Raises InvalidInputError for a suffix or a size that cannot be written, a place where nothing can be written, and a
    disk with less room than that.
    """
    path = Path(path)
    window = Window(0, 0, height, width)
    _check_format(window, path.suffix)
    needed = _disk_bytes(window, path.suffix)
    place = next(folder for folder in path.absolute().parents if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise InvalidInputError(f"Nothing can be written to {place}. Choose another folder, or permit it.")
    if path.is_dir() and path.suffix != ".zarr":
        raise InvalidInputError(f"{path} is a folder. Choose another name for the file.")
    free = shutil.disk_usage(place).free
    if needed > free:
        raise InvalidInputError(
            f"{width} x {height} pixels take up to {needed / 2**30:,.2f} GiB as {path.suffix}, and {place} has "
            f"{free / 2**30:,.2f} GiB free. Choose a smaller window or another disk, or make room."
        )
    return needed


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder's name beside `path`, which takes the name `path` when the block ends without an error, and is removed
    otherwise."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with room_needed(path):
            yield temporary
        move(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_format(window: Window, suffix: str) -> None:
    checks: dict[str, Callable[[int, int], Any]] = {".png": check_png, ".tif": check_tiff, ".tiff": check_tiff}
    if suffix == ".zarr":
        check_zarr()
    elif suffix in checks:
        checks[suffix](window.height, window.width)
    else:
        raise InvalidInputError(
            f"Windows are written as {', '.join(SUFFIXES)}, not as {suffix or 'a file without a suffix'!r}. Give the "
            "file one of these suffixes."
        )


def _disk_bytes(window: Window, suffix: str) -> int:
    height, width = window.height, window.width
    if suffix in (".tif", ".tiff"):  # its tiles are whole ones
        height, width = (-(-side // tile) * tile for side, tile in zip((height, width), TILE_PX, strict=True))
    return int(3 * height * width * _MARGIN) + 4 * height + _SPARE_BYTES


def _whole_groups(window: Window, plane: Plane) -> int:
    """Columns of grid tiles that are painted: whole groups of `batch`."""
    wide = plane.step * plane.batch
    return (-(-(window.x0 + window.width) // wide) - window.x0 // wide) * plane.batch
