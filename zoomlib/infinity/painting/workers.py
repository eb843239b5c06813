"""Processes that paint tiles of one plane and hand them out in order, a few tiles ahead."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count as numbers
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.errors import NoRoomError
from zoomlib.infinity.painting.tiles import Group, Window

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from zoomlib.infinity.painting.plane import Plane

AHEAD = 2
"""Groups that are painted or wait, for each process: one more than it works on."""

Reply = list[NDArray[np.float32]] | Exception


class Workers:
    """`count` processes with a copy of the plane each, made anew (not forked: threads of torch do not survive that).

    Each has a pipe of its own, which ends when it does: in a shared one, half a message of a process that was killed
    would be waited for for ever. A script that asks for workers does so under `if __name__ == "__main__":`.
    """

    def __init__(self, plane: Plane, count: int) -> None:
        self.count = count
        self._numbers, self._unwanted = numbers(), set[int]()
        self._replies: dict[int, Reply] = {}
        self._processes: list[SpawnProcess] = []
        self._pipes: list[Connection] = []
        context, copy = multiprocessing.get_context("spawn"), pickle.dumps(plane)  # bytes: torch would share memory
        for _ in range(count):
            pipe, far_end = context.Pipe()
            process = context.Process(target=_serve, args=(far_end,), name="painting", daemon=True)
            process.start()
            far_end.close()
            self._processes.append(process)
            self._pipes.append(pipe)
        # Not as an argument: one larger than a system's pipe would be waited with for ever where a process dies at its
        # start. And when all have been started, since each takes it only once torch is loaded.
        for index, pipe in enumerate(self._pipes):
            try:
                pipe.send_bytes(copy)
            except OSError as error:
                ended = self._ended(index)
                self.close()
                raise ended from error

    def painted(self, window: Window, work: Iterable[Group]) -> Iterator[tuple[Group, list[Tensor]]]:
        """Each group with its tiles, in order. What a process raises is raised here.

        Raises NoRoomError when a process was ended from outside.
        """
        pending: deque[tuple[Group, int]] = deque()
        try:
            for group in work:
                pending.append((group, self._ask(window, group)))
                if len(pending) > AHEAD * self.count:
                    yield self._answer(*pending.popleft())
            while pending:
                yield self._answer(*pending.popleft())
        finally:
            self._unwanted.update(number for _, number in pending)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            process.terminate()
            process.join()
            pipe.close()
        self._pipes, self._processes = [], []

    def _ask(self, window: Window, group: Group) -> int:
        number = next(self._numbers)
        try:
            self._pipes[number % self.count].send((number, window, group))
        except OSError as error:
            raise self._ended(number % self.count) from error
        return number

    def _answer(self, group: Group, number: int) -> tuple[Group, list[Tensor]]:
        """The reply to a question; those to others that come before it are kept, unless nobody waits any more."""
        while number not in self._replies:
            try:
                answered, reply = self._pipes[number % self.count].recv()
            except (EOFError, OSError) as error:
                raise self._ended(number % self.count) from error
            if answered in self._unwanted:
                self._unwanted.remove(answered)
            else:
                self._replies[answered] = reply
        reply = self._replies.pop(number)
        if isinstance(reply, Exception):
            raise reply
        return group, [torch.from_numpy(tile) for tile in reply]

    def _ended(self, index: int) -> NoRoomError:
        self._processes[index].join()
        code = self._processes[index].exitcode
        return NoRoomError(
            f"One of {self.count} processes that paint tiles has ended (exit code {code}); "
            + (
                'a script that asks for workers must do so under `if __name__ == "__main__":`.'
                if code == 1
                else "the system does that, with -9, when memory runs out. Use fewer workers, or tiles of fewer cells."
            )
        )


def _serve(pipe: Connection) -> None:
    """Paint what is asked for until nobody asks any more, also because the asking process was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks is interrupted, and ends this one
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        plane: Plane = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from the process that made this one
        while True:
            number, window, group = pipe.recv()
            pipe.send((number, _painted(plane, window, group)))


def _painted(plane: Plane, window: Window, group: Group) -> Reply:
    try:
        return [tile.numpy() for tile in plane.paint(window, group)]
    except Exception as error:
        return error
