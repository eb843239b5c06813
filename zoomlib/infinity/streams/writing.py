"""Windows of a plane written to files of any size, tile by tile, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from zoomlib.errors import InvalidInputError
from zoomlib.film.whole import check_place, room_needed, whole
from zoomlib.images import to_uint8
from zoomlib.infinity.painting.plane import TILE_PX, OnTile, Plane
from zoomlib.infinity.painting.tiles import Window, tile_counts
from zoomlib.infinity.sizes import macs_per_pixel
from zoomlib.infinity.streams.banded import JOURNAL_BYTES, BandedPicture
from zoomlib.infinity.streams.identity import identity
from zoomlib.infinity.streams.places import Places
from zoomlib.infinity.streams.png import PngPacker, check_png
from zoomlib.infinity.streams.remainder import Work, kept_bytes, put, work_on
from zoomlib.infinity.streams.rows import Bytes
from zoomlib.infinity.streams.tiff import TILE_PX as TIFF_TILE_PX
from zoomlib.infinity.streams.tiff import TiffPacker, check_tiff
from zoomlib.infinity.streams.zarr_store import ZarrPicture, check_zarr
from zoomlib.memory import free_bytes

SUFFIXES = (".png", ".tif", ".tiff", ".zarr")
FORMAT = "tenfold-window-1"
_SPARE_BYTES = 2**20
"""For headers, tables of tiles, and the file beside the result."""
_MARGIN = 1.002
"""What incompressible pixels grow by: deflate's blocks, a filter's byte a row, the table of tiles."""


@dataclass(frozen=True)
class Estimate:
    """What it takes to write a window. painted_px: with those of whole tiles that lie outside of the window. macs:
    multiplications of the networks. disk_bytes: the most that is on the disk while it is painted; file_bytes: the most
    that the file takes. Most pictures need about half."""

    pixels: int
    tiles: int
    painted_px: int
    macs: float
    disk_bytes: int
    file_bytes: int


class Picture(Protocol):
    """A picture in the making, tile by tile in reading order. done: how many tiles are there."""

    places: Places
    done: int

    def put(self, pixels: Bytes) -> None:
        """The next tile (rows, columns, 3)."""

    def finish(self) -> Path:
        """Where the whole file or folder is, once all tiles are there."""

    def close(self) -> None:
        """Let go of files."""


def estimate(plane: Plane, y0: int, x0: int, h: int, w: int, suffix: str = ".png") -> Estimate:
    """What a window takes as a file of that kind. Raises InvalidInputError for a window that cannot be painted, or not
    be written as such a file."""
    window, suffix = plane.check(y0, x0, h, w), suffix.lower()
    _check_format(window, suffix)
    _check_memory(window, suffix, plane.step)
    rows, columns = tile_counts(window, plane.grid)
    columns = _whole_groups(window, plane)
    painted = rows * columns * plane.step**2
    macs = painted * macs_per_pixel(plane.config, plane.grid.cells)
    file, work = _disk_bytes(window, suffix, plane.step)
    return Estimate(window.pixels, rows * columns, painted, macs, file + work, file)


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
    on_found: OnTile | None = None,
    facts: Mapping[str, Any] | None = None,
    mark: str = "",
) -> Path:
    """Write a window, clamped to [-1, 1], as 8-bit RGB: .png, .tif (tiles, BigTIFF) or .zarr, by the path's suffix.

    Memory is that of a tile, and of one row of tiles as 8-bit pixels (not for .zarr). Beside the result a file
    `<name>.json` says what made it, and `facts` besides. Until all is there, `path` is as it was before.

    Interrupted or killed, what has taken longer than some seconds is kept in a hidden folder beside `path`: the same
    call goes on from there and writes the same file, bit for bit; another one for that path removes it. The same is
    what makes the same bytes (`identity`), with the same `mark`; the number of workers may be another.

    on_found: called once, before anything is painted, with how many of how many tiles are there. on_tile: after each.

    Returns the path. Raises InvalidInputError, before anything is painted, for a window as `Plane.check`, a suffix or a
    size that cannot be written, a place where nothing can be, where memory has no room for a row of tiles, or the disk
    for the estimate, and while another process writes the same; VideoError where the disk is full after all.
    """
    path = Path(path)
    suffix, window = path.suffix.lower(), plane.check(y0, x0, h, w)
    _check_format(window, suffix)
    _check_memory(window, suffix, plane.step)
    check_target(path, window.height, window.width, needed=sum(_disk_bytes(window, suffix, plane.step)))
    check_place(path)
    about = {"format": FORMAT, "y0": window.y0, "x0": window.x0, "height": window.height, "width": window.width}
    about |= {**plane.facts(), **(facts or {})}
    with room_needed(path), work_on(path, identity(plane, window, suffix, mark)) as work:
        with closing(_picture(work, Places.of(plane, window), suffix, about)) as picture:
            if on_found is not None:
                on_found(picture.done, picture.places.count)
            _paint(plane, picture, work, workers, on_tile)
            made = picture.finish()
        with whole(path.with_name(f"{path.name}.json")) as beside:
            beside.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            put(made, path, work.folder) if made.is_dir() else made.replace(path)
    return path


def _paint(plane: Plane, picture: Picture, work: Work, workers: int, on_tile: OnTile | None) -> None:
    """The tiles that are missing."""
    work.done = picture.done
    for part in picture.places.rest(picture.done):
        for tile in plane.tiles(part.y0, part.x0, part.height, part.width, workers=workers):
            picture.put(to_uint8(tile.pixels))
            work.done = picture.done
            if on_tile is not None:
                on_tile(picture.done, picture.places.count)


def _picture(work: Work, places: Places, suffix: str, about: Mapping[str, Any]) -> Picture:
    """The picture as far as it is there; begun anew where what was left of it is damaged."""
    height, width = places.window.height, places.window.width

    def opened() -> Picture:
        if suffix == ".zarr":
            return ZarrPicture(work.folder, places, about)
        return BandedPicture(work.folder, places, (PngPacker if suffix == ".png" else TiffPacker)(height, width))

    try:
        return opened()
    except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError):
        work.begin()
        return opened()


def check_target(path: Path | str, height: int, width: int, *, needed: int | None = None) -> int:
    """The most bytes that are on the disk while a file of so many pixels is written; `needed` where that is known.

    Raises InvalidInputError for a suffix or a size that cannot be written, a place where nothing can be written, and a
    disk with less room than that.
    """
    path = Path(path)
    suffix, window = path.suffix.lower(), Window(0, 0, height, width)
    _check_format(window, suffix)
    check_local(path)
    if needed is None:
        needed = sum(_disk_bytes(window, suffix, TILE_PX))
    place = next(folder for folder in path.absolute().parents if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise InvalidInputError(f"Nothing can be written to {place}. Choose another folder, or permit it.")
    if path.is_dir() and (suffix != ".zarr" or not _is_array(path)):
        raise InvalidInputError(f"{path} is a folder, and none of ours. Choose another name.")
    free = shutil.disk_usage(place).free + kept_bytes(path)
    if needed > free:
        raise InvalidInputError(
            f"{width} x {height} pixels take up to {_told(needed)} as {suffix} while they are painted, and {place} has "
            f"{_told(free)} free. Choose a smaller window or another disk, or make room."
        )
    return needed


def check_local(path: Path) -> None:
    """Refuse what was meant as an address: as a path it would be a folder of an odd name."""
    if len(path.parts) > 1 and path.parts[0].endswith(":") and not Path(path.parts[0]).exists():
        raise InvalidInputError(f"Pictures are written to this machine, and {path} is no place on it. Give a path.")


def _is_array(folder: Path) -> bool:
    """Whether a folder is empty or holds an array: what else lies in one is not replaced."""
    return not any(folder.iterdir()) or any((folder / name).is_file() for name in ("zarr.json", ".zarray"))


def _told(size: int) -> str:
    return f"{size / 2**30:,.2f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"


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


def _check_memory(window: Window, suffix: str, step: int) -> None:
    """Refuse a row of tiles, and those of a TIFF, that memory cannot hold."""
    needed, free = 3 * window.width * min(window.height, step + TIFF_TILE_PX[0]), free_bytes("cpu")
    if suffix != ".zarr" and needed > free:
        raise InvalidInputError(
            f"A row of tiles {window.width:,} pixels long takes {_told(needed)} of memory as {suffix}, and "
            f"{_told(free)} are free. Write a .zarr, which holds none, or a narrower window."
        )


def _disk_bytes(window: Window, suffix: str, step: int) -> tuple[int, int]:
    """The most that the file takes, and that its journal does while it is written."""
    height, width = window.height, window.width
    journal = 0
    if suffix != ".zarr":
        journal = 3 * width * min(height, step + 2 * TIFF_TILE_PX[0]) + min(3 * window.pixels, JOURNAL_BYTES)
    if suffix in (".tif", ".tiff"):  # its tiles are whole ones
        height, width = (-(-side // tile) * tile for side, tile in zip((height, width), TIFF_TILE_PX, strict=True))
    return int(3 * height * width * _MARGIN) + 4 * height + _SPARE_BYTES, journal


def _whole_groups(window: Window, plane: Plane) -> int:
    """Columns of grid tiles that are painted: whole groups of `batch`."""
    wide = plane.step * plane.batch
    return (-(-(window.x0 + window.width) // wide) - window.x0 // wide) * plane.batch
