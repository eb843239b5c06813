"""Windows of a plane as zarr arrays (a folder of chunks): each tile goes where it belongs, and no row is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoomlib.errors import InvalidInputError
from zoomlib.images import to_uint8
from zoomlib.infinity.painting.plane import Tile
from zoomlib.infinity.painting.tiles import Window


def check_zarr() -> None:
    """Raise InvalidInputError where zarr is not installed."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise InvalidInputError(
            "To write .zarr, the package zarr is needed: pip install 'tenfold[zarr]'. Or write a .tif."
        ) from error


def write_zarr(path: Path, tiles: Iterable[Tile], window: Window, chunk_px: int, facts: Mapping[str, Any]) -> None:
    """Write tiles of a window as one array, uint8 (height, width, 3), in chunks of `chunk_px` a side.

    Chunks begin at the window's corner. Where tiles do not, a chunk is read and written again by those that share it.
    """
    import zarr

    array = zarr.create_array(
        store=path,
        shape=(window.height, window.width, 3),
        chunks=(min(chunk_px, window.height), min(chunk_px, window.width), 3),
        dtype="uint8",
        dimension_names=("y", "x", "channel"),
        attributes=dict(facts),
    )
    for tile in tiles:
        top, left = tile.y0 - window.y0, tile.x0 - window.x0
        rows, columns = tile.pixels.shape[1:]
        array[top : top + rows, left : left + columns] = to_uint8(tile.pixels)
