"""Levels through the model a few at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from zoomlib.careful import Note, unheard
from zoomlib.denoiser import AttentionMaps, Condition, Denoiser, Wrapper, attentive
from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.ladder import Step
from zoomlib.memory import free_bytes, gathered, is_out_of_memory, measured, release

LIGHT = 100_000_000
"""Parameters below which a model is not tried with one level first."""
SHARE = 0.8
"""Of the free memory, what chunks may take: the rest is for what cannot be foreseen."""

Rows = int | Literal["auto"] | None
Part = TypeVar("Part")


class Chunked(Wrapper):
    """Runs the model on at most `rows` levels at a time: the same estimates, memory independent of the levels.

    With `rows` None all go at once. With "auto" as many as there is memory for: a large model takes one level first,
    and what that took tells how many of the next there is room for. Whatever was asked for, where memory runs out the
    chunk halves, and the levels that failed are taken again; it stays so, and `on_note` is told. Raises NoRoomError
    where one level has no room.

    A compiled model takes all chunks in one size, the last one filled up, since each size is compiled anew.
    """

    def __init__(self, denoiser: Denoiser, rows: Rows = "auto", on_note: Note = unheard):
        super().__init__(denoiser)
        whole = isinstance(rows, int) and not isinstance(rows, bool) and rows >= 1
        if not (whole or rows is None or rows == "auto"):
            raise InvalidInputError(f'A chunk holds a whole number of levels of at least 1, or "auto", not {rows!r}.')
        self.on_note = on_note
        self.rows: int | None = rows if isinstance(rows, int) else None
        self._seeks = rows == "auto"
        self._model: Any = _innermost(denoiser)

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of the denoiser within, float32 (L, C, H, W)."""
        L = len(z)

        def estimates(chunk: slice) -> Tensor:
            size, wanted = chunk.stop - chunk.start, self._size(L)
            if not self._compiled or size == wanted or chunk.stop < L:
                return self.denoiser.predict_clean(z[chunk], step, condition[chunk])
            filled = torch.arange(chunk.start, chunk.start + wanted, device=z.device).clamp(max=L - 1)
            told = Condition({name: row[filled.to(row.device)] for name, row in condition.rows.items()})
            return self.denoiser.predict_clean(z[filled], step, told)[:size]

        return gathered(self._sought(estimates, L) if self._seeks else self._parts(estimates, 0, L), L)

    def attention_maps(self, z: Tensor, step: Step, condition: Condition, grid: int | None = None) -> AttentionMaps:
        """Those of the denoiser within."""
        inner = attentive(self.denoiser)

        def maps(chunk: slice) -> AttentionMaps:
            return inner.attention_maps(z[chunk], step, condition[chunk], grid)

        parts = list(self._parts(maps, 0, len(z)))
        return AttentionMaps(torch.cat([part.maps for part in parts]), parts[0].grid)

    @property
    def _compiled(self) -> bool:
        return bool(getattr(self._model, "compiled", False))

    def _size(self, L: int) -> int:
        """Levels in a chunk: the fewest with which the number of chunks is the smallest that `rows` allows."""
        chunks = -(-L // (self.rows or L))
        return -(-L // chunks)

    def _parts(self, work: Callable[[slice], Part], done: int, L: int) -> Iterator[Part]:
        """The work on the levels from `done` on, in chunks, in order."""
        while done < L:
            chunk = slice(done, min(done + self._size(L), L))
            found = self._tried(work, chunk)
            if found is not None:
                yield found
                done = chunk.stop

    def _tried(self, work: Callable[[slice], Part], chunk: slice) -> Part | None:
        """The work on one chunk; None where memory ran out, and chunks are smaller from now on."""
        try:
            return work(chunk)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        release()  # not before the error has gone, which holds the tensors of all that failed
        self._halve(chunk.stop - chunk.start)
        return None

    def _halve(self, size: int) -> None:
        if size == 1:
            raise NoRoomError(
                "Memory ran out with one level in the model. Use a smaller model.size, model.dtype=bfloat16, "
                "model.offload=layers, or another device."
            )
        self.rows = -(-size // 2)
        self.on_note(f"Memory ran out with {size} levels in the model at once, so it takes {self.rows} at a time now.")

    def _sought(self, estimates: Callable[[slice], Tensor], L: int) -> Iterator[Tensor]:
        """As `_parts` of all levels; what the first chunk takes says how many go into the next."""
        self._seeks = False
        size = 1 if getattr(self._model, "parameters", 0) >= LIGHT else L
        found = None
        while found is None:
            # A meter sees nothing of compiled layers, and a size that no other chunk will have is not worth compiling.
            eager = self._compiled and (size < L or self.device.type != "cuda")
            with (
                measured(self.device, int(SHARE * free_bytes(self.device))) as use,
                self._model.as_written() if eager else nullcontext(),
            ):
                found = self._tried(estimates, slice(0, size))
            done, size = size, self._size(L)
        yield found
        room = max(int(SHARE * free_bytes(self.device)) * done // max(use.bytes, 1), 1)
        self.rows = min(room, self.rows or room)
        yield from self._parts(estimates, done, L)


def _innermost(denoiser: Denoiser) -> Denoiser:
    while isinstance(denoiser, Wrapper):
        denoiser = denoiser.denoiser
    return denoiser
