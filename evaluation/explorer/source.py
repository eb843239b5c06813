"""Where the explorer's tiles come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Model:
    """A generator of planes. name: by which commands take it. word: the same as a shell takes it. step: side of its
    tiles in pixels, a multiple of 2^LEVELS. most: its planes have tiles -most .. most - 1 in both directions, a
    multiple of 2^LEVELS, too."""

    name: str
    word: str
    step: int
    most: int


class Source(Protocol):
    """Paints tiles; asked by one thread at a time."""

    @property
    def models(self) -> Sequence[Model]:
        """The generators there are, the usual one first; tiles name them by their numbers."""

    def paint(self, model: int, seed: int, row: int, column: int) -> Tensor:
        """Pixels [row, row + 1) step x [column, column + 1) step of a seed's plane: float32 (3, step, step) on the
        CPU, clamped to [-1, 1]."""
