"""Windows of planes as zarr arrays (a folder of chunks): each tile goes where it belongs, and no row is held."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.streams.appended import Appended
from zoomlib.infinity.streams.places import Places
from zoomlib.infinity.streams.rows import Bytes

ARRAY, LOG = "picture", "log"
_SUM = struct.Struct("<I")


def check_zarr() -> None:
    """Raise InvalidInputError where zarr is not installed."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise InvalidInputError(
            "To write .zarr, the package zarr is needed: pip install 'tenfold[zarr]'. Or write a .tif."
        ) from error


class ZarrPicture:
    """A folder with one array, uint8 (height, width, 3), in chunks of a tile's side, and a log of the tiles in it.

    Chunks begin at the window's corner. Where tiles do not, a chunk is read and written again by those that share it.
    The log holds, after each tile, the CRC-32 of all pixels so far: of an array that is there, as many tiles count as
    agree with it.

    done: tiles that are there. Raises ValueError where the folder holds something else than was written, OSError for a
    disk that is full.
    """

    def __init__(self, folder: Path, places: Places, facts: Mapping[str, Any]) -> None:
        self.folder, self.places, self.done, self._sum = folder, places, 0, 0
        self._facts, self._place = json.loads(json.dumps(dict(facts))), folder / ARRAY
        if (folder / LOG).exists() and (self._place / "zarr.json").exists():
            self._array = self._found()
            self._log = Appended(folder / LOG, b"", *self._counted())
            self._tidy()
        else:
            self._array = self._created(self._place)
            self._log = Appended(folder / LOG)

    def put(self, pixels: Bytes) -> None:
        """The next tile (rows, columns, 3), in reading order."""
        self._array[self._slices(self.done)] = pixels
        self._sum = zlib.crc32(np.ascontiguousarray(pixels).data, self._sum)
        self._log.write(_SUM.pack(self._sum))
        self.done += 1

    def finish(self) -> Path:
        """Where the array is, once all tiles are there. It says what made it, whoever has begun it."""
        if dict(self._array.attrs) != self._facts:
            self._array.attrs.put(self._facts)
        return self._place

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    def _found(self) -> Any:
        import zarr

        found, new = zarr.open_array(store=self._place, mode="r+"), self._created({})
        one, other = ({**array.metadata.to_dict(), "attributes": None} for array in (found, new))
        if one != other:
            raise ValueError(f"{self._place} is not the array that it was.")
        return found

    def _created(self, store: Path | dict[str, Any]) -> Any:
        import zarr

        window, step = self.places.window, self.places.step
        return zarr.create_array(
            store=store,
            shape=(window.height, window.width, 3),
            chunks=(min(step, window.height), min(step, window.width), 3),
            dtype="uint8",
            dimension_names=("y", "x", "channel"),
            attributes=self._facts,
            overwrite=True,
        )

    def _counted(self) -> tuple[int, int]:
        """Count the tiles that are as the log says; how many bytes of the log those are, and their CRC-32."""
        with (self.folder / LOG).open("rb") as log:
            crc = 0
            while self.done < self.places.count and (entry := log.read(_SUM.size)):
                try:
                    found = zlib.crc32(np.ascontiguousarray(self._array[self._slices(self.done)]).data, self._sum)
                except (RuntimeError, ValueError, OSError):  # half a chunk
                    break
                if _SUM.pack(found) != entry:
                    break
                self._sum, self.done, crc = found, self.done + 1, zlib.crc32(entry, crc)
        return _SUM.size * self.done, crc

    def _tidy(self) -> None:
        """Remove chunks that hold nothing of the tiles that count: half of one could not be written to."""
        rows, columns, _ = self._array.chunks
        for file in (self._place / "c").rglob("*"):
            names = file.relative_to(self._place / "c").parts
            if file.is_dir():
                continue
            known = len(names) == 3 and all(name.isdecimal() for name in names)
            if not known or self.places.number(int(names[0]) * rows, int(names[1]) * columns) >= self.done:
                file.unlink()

    def _slices(self, number: int) -> tuple[slice, slice]:
        part = self.places.part(number)
        return slice(part.y0, part.y0 + part.height), slice(part.x0, part.x0 + part.width)
