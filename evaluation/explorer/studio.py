"""One painter for all who look: it paints what is wished for now, the newest view first, and lets go what nobody waits
for any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from torch import Tensor

from evaluation.explorer.pyramid import Pyramid, Tile, View
from evaluation.explorer.source import Source

MOST_BYTES = 512 * 2**20
"""Memory for tiles: 682 of 256 pixels."""
GOODBYE_S = 5
"""How long the end waits for the tile that is being painted."""


@dataclass(eq=False)
class Wish:
    """Somebody waits for a tile. view: when their view came up, in any unit that grows. turn: its place in the order
    in which that view wants its tiles. error: why it cannot be painted."""

    tile: Tile
    view: int
    turn: int
    error: Exception | None = None

    @property
    def order(self) -> tuple[int, int]:
        """Smallest first."""
        return -self.view, self.turn


class Studio:
    """The painter at work, within a `with` block: a thread that asks `source` for one tile after the other."""

    def __init__(self, source: Source, most_bytes: int = MOST_BYTES) -> None:
        self.source, self.painted = source, 0
        self._pyramid, self._wishes = Pyramid(most_bytes), list[Wish]()
        self._changed, self._ends = threading.Condition(), False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Studio:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self._thread.join(GOODBYE_S)

    @contextmanager
    def wished(self, tile: Tile, view: int = 0, turn: int = 0) -> Iterator[Wish]:
        """The tile is wanted as long as the block runs."""
        wish = Wish(tile, view, turn)
        with self._changed:
            self._wishes.append(wish)
            self._changed.notify_all()
        try:
            yield wish
        finally:
            with self._changed:
                self._wishes.remove(wish)

    @property
    def waiting(self) -> int:
        """Wishes that somebody waits for."""
        return len(self._wishes)

    def whole(self, tile: Tile) -> Tensor | None:
        """The pixels of a tile (3, S, S), if all of it is there."""
        with self._changed:
            return self._pyramid.get(tile)

    def seen(self, tile: Tile) -> View:
        """What of a tile is there."""
        with self._changed:
            return self._pyramid.seen(tile, self.source.models[tile.model].step)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            wish, tile = task
            try:
                pixels = self.source.paint(tile.model, tile.seed, tile.row, tile.column)
                with self._changed:
                    self._pyramid.put(tile, pixels)
                    self.painted += 1
            except Exception as error:  # whoever waits is told, and the painter goes on with other wishes
                wish.error = error

    def _next(self) -> tuple[Wish, Tile] | None:
        """What is to be painted next and for whom, as soon as anything is; None at the end."""
        with self._changed:
            while not self._ends:
                for wish in sorted(self._wishes, key=lambda one: one.order):
                    tile = None if wish.error else self._pyramid.missing(wish.tile)
                    if tile is not None:
                        return wish, tile
                self._changed.wait()
            return None
