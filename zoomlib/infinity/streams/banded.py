"""A picture in one file, packed row of tiles by row of tiles, from which an interrupted one goes on."""

from __future__ import annotations

import json
import mmap
import time
from pathlib import Path
from typing import Any

import numpy as np

from zoomlib.infinity.streams.appended import Appended
from zoomlib.infinity.streams.journal import Journal
from zoomlib.infinity.streams.places import Places
from zoomlib.infinity.streams.rows import Bytes, Packer

PICTURE, JOURNAL = "picture", "journal"
JOURNAL_BYTES = 2**26
"""Beyond so many a journal begins anew where a row of tiles ends."""
COMMIT_EVERY_S = 30.0


class BandedPicture:
    """A folder with the picture's file as far as whole rows of tiles are packed, and a journal of the tiles since.

    The journal's first record tells how much of the file counts, its CRC-32, and where the packer stood; it is written
    anew, with the file on the disk before it, where a row of tiles ends and some time or much work has gone by. What a
    process has written of the file beyond that, when it was killed, is written again from the journal's tiles.

    done: tiles that are there. Raises ValueError where the folder holds something else than was written, OSError for a
    disk that is full.
    """

    def __init__(self, folder: Path, places: Places, packer: Packer) -> None:
        self.folder, self.places, self.packer, self.done = folder, places, packer, 0
        window = places.window
        # Pages of its own: between what tiles leave on the heap, so large a piece would make it grow by far more.
        pages = mmap.mmap(-1, 3 * min(places.step, window.height) * window.width)
        self._band = np.frombuffer(pages, np.uint8).reshape(-1, window.width, 3)
        if (folder / JOURNAL).exists():
            self._go_on()
        else:
            self.file = Appended(folder / PICTURE, packer.head)
            self._commit()

    def put(self, pixels: Bytes) -> None:
        """The next tile (rows, columns, 3), in reading order."""
        self._journal.add(np.ascontiguousarray(pixels))
        if self._take(pixels) and self.done < self.places.count and self._is_due():
            self._commit()

    def finish(self) -> Path:
        """Where the file is, once all tiles are there: whole, and on the disk."""
        self.packer.end(self.file)
        self.file.sync()
        return self.folder / PICTURE

    def close(self) -> None:
        """Let go of the files."""
        self.file.close()
        self._journal.close()

    def _take(self, pixels: Bytes) -> bool:
        """Put a tile into its band, and pack the band that is whole; whether it was."""
        part = self.places.part(self.done)
        self._band[: part.height, part.x0 : part.x0 + part.width] = pixels
        self.done += 1
        whole = self.done % self.places.columns == 0
        if whole:
            self.packer.pack(self._band[: part.height], self.file)
        return whole

    def _go_on(self) -> None:
        self._journal, head = Journal.open(self.folder / JOURNAL)
        try:
            self._restore(head)
            while self.done < self.places.count:
                part = self.places.part(self.done)
                data = self._journal.next(3 * part.pixels)
                if data is None:
                    break
                self._take(np.frombuffer(data, np.uint8).reshape(part.height, part.width, 3))
        except BaseException:
            self._journal.close()
            raise

    def _restore(self, head: bytes) -> None:
        line, _, rows = head.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        self.done = told["tiles"]
        self.packer.restore(told["packer"], rows)
        self.file = Appended(self.folder / PICTURE, self.packer.head, told["size"], told["crc"])
        self._begun = time.monotonic()

    def _is_due(self) -> bool:
        return self._journal.size > JOURNAL_BYTES or time.monotonic() - self._begun > COMMIT_EVERY_S

    def _commit(self) -> None:
        """Count what is packed: from now on it is not packed again."""
        value, rows = self.packer.state()
        told = {"tiles": self.done, "size": self.file.size, "crc": self.file.crc, "packer": value}
        if self.done:
            self.file.sync()
        line = json.dumps(told).encode() + b"\n"
        journal = Journal.begin(self.folder / JOURNAL, line, rows, sync=bool(self.done))
        if self.done:
            self._journal.close()
        self._journal, self._begun = journal, time.monotonic()
