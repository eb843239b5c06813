"""A reply as it comes in, under a deadline that holds whatever the other side does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue

from prompts.service.faults import Fault

Flow = Iterator[bytes | Fault]
"""Pieces of a reply; a Fault is the last."""

_Pieces = SimpleQueue[bytes | Fault | None]


def flow(send: Callable[[], Iterable[bytes | Fault]], deadline: float) -> Flow:
    """What `send` yields, until `deadline` (time.monotonic), at which a Fault ends it.

    `send` runs in a thread of its own: looking up a name, or a byte every few seconds, could hold the caller for longer
    than any time-out of sockets says. It is left behind then, and ends at its next piece.
    """
    pieces: _Pieces = SimpleQueue()
    left = threading.Event()
    threading.Thread(target=_pump, args=(send, pieces, left), name="language model", daemon=True).start()
    try:
        while True:
            piece = _next(pieces, deadline)
            if piece is None:
                return
            yield piece
            if isinstance(piece, Fault):
                return
    finally:
        left.set()


def _next(pieces: _Pieces, deadline: float) -> bytes | Fault | None:
    try:
        return pieces.get(timeout=max(0.0, deadline - time.monotonic()))
    except Empty:
        return Fault("slow")


def _pump(send: Callable[[], Iterable[bytes | Fault]], pieces: _Pieces, left: threading.Event) -> None:
    try:
        for piece in send():
            pieces.put(piece)
            if left.is_set():
                return
        pieces.put(None)
    except BaseException:  # nobody is there to catch it, and it could hold the key
        pieces.put(Fault("cut"))
