"""Processes that paint tiles of one plane and hand them out in order, a few tiles ahead; also on several devices."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count as numbers
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoomlib.errors import NoRoomError
from zoomlib.infinity.painting.portable import portable
from zoomlib.infinity.painting.tiles import Group, Window
from zoomlib.memory import is_out_of_memory, release

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from zoomlib.infinity.painting.plane import Plane

AHEAD = 2
"""Groups that are painted or wait, for each process: one more than it works on."""

Reply = list[NDArray[np.float32]] | Exception


class Workers:
    """`count` processes with a copy of the plane each, made anew (not forked: threads of torch do not survive that, nor
    does CUDA). devices: on which each paints, where its painter is a `Portable` one; else all paint on the CPU.

    Each has a pipe of its own, which ends when it does: in a shared one, half a message of a process that was killed
    would be waited for for ever. A script that asks for workers does so under `if __name__ == "__main__":`.
    """

    def __init__(self, plane: Plane, count: int, devices: Sequence[torch.device] = ()) -> None:
        self.count, self.devices = count, tuple(devices)
        self._numbers, self._unwanted = numbers(), set[int]()
        self._replies: dict[int, Reply] = {}
        self._processes: list[SpawnProcess] = []
        self._pipes: list[Connection] = []
        self._copy = packed(plane)  # bytes: torch would share memory

    @property
    def there(self) -> int:
        """How many of the processes have been made: no more than there were groups for."""
        return len(self._pipes)

    def painted(self, window: Window, work: Iterable[Group], most: int) -> Iterator[tuple[Group, list[Tensor]]]:
        """Each group, `most` in all, with its tiles, in order. What a process raises is raised here.

        Raises NoRoomError when a process was ended from outside.
        """
        self._start(min(self.count, most))
        pending: deque[tuple[Group, int, int]] = deque()
        try:
            for group in work:
                pending.append((group, *self._ask(window, group)))
                if len(pending) > AHEAD * self.there:
                    yield self._answer(*pending.popleft())
            while pending:
                yield self._answer(*pending.popleft())
        finally:
            self._unwanted.update(number for _, number, _ in pending)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            process.terminate()
            process.join()
            pipe.close()
        self._pipes, self._processes = [], []

    def _start(self, wanted: int) -> None:
        """Make what is missing of so many processes."""
        there, context = self.there, multiprocessing.get_context("spawn")
        if self.devices and there < wanted:
            release()  # what this process has kept of a device, its painter may need
        for index in range(there, wanted):
            pipe, far_end = context.Pipe()
            device = self.devices[index] if self.devices else None
            process = context.Process(target=_serve, args=(far_end, device), name="painting", daemon=True)
            process.start()
            far_end.close()
            self._processes.append(process)
            self._pipes.append(pipe)
        # Not as an argument: one larger than a system's pipe would be waited with for ever where a process dies at its
        # start. And when all have been started, since each takes it only once torch is loaded.
        for index in range(there, wanted):
            try:
                self._pipes[index].send_bytes(self._copy)
            except OSError as error:
                ended = self._ended(index)
                self.close()
                raise ended from error

    def _ask(self, window: Window, group: Group) -> tuple[int, int]:
        """The number of a question, and which process has it."""
        number = next(self._numbers)
        index = number % self.there
        try:
            self._pipes[index].send((number, window, group))
        except OSError as error:
            raise self._ended(index) from error
        return number, index

    def _answer(self, group: Group, number: int, index: int) -> tuple[Group, list[Tensor]]:
        """The reply to a question; those to others that come before it are kept, unless nobody waits any more."""
        while number not in self._replies:
            try:
                answered, reply = self._pipes[index].recv()
            except (EOFError, OSError) as error:
                raise self._ended(index) from error
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
        who = f"The process on {self.devices[index]}" if self.devices else f"One of {self.count} processes"
        less = "Name fewer devices" if self.devices else "Use fewer workers"
        return NoRoomError(
            f"{who} that paints tiles has ended (exit code {code}); "
            + (
                'a script that asks for workers must do so under `if __name__ == "__main__":`.'
                if code == 1
                else f"the system does that, with -9, when memory runs out. {less}, or tiles of fewer cells."
            )
        )


class _Packer(pickle.Pickler):
    """Tensors travel as those of a CPU: any others would open the device that they lie on in every process."""

    def reducer_override(self, made: Any) -> Any:
        """As `pickle.Pickler.reducer_override`."""
        if isinstance(made, Tensor) and made.device.type != "cpu":
            return made.detach().cpu().__reduce_ex__(pickle.DEFAULT_PROTOCOL)  # type: ignore[no-untyped-call]
        return NotImplemented


def packed(plane: Plane) -> bytes:
    """A plane as other processes read it with `pickle.loads`, whatever device its tensors are on."""
    out = io.BytesIO()
    _Packer(out).dump(plane)
    return out.getvalue()


def _serve(pipe: Connection, device: torch.device | None) -> None:
    """Paint what is asked for until nobody asks any more, also because the asking process was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks is interrupted, and ends this one
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        plane: Plane = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from the process that made this one
        if device is not None and (inner := portable(plane.painter)) is not None:
            inner.settle(device)
        while True:
            number, window, group = pipe.recv()
            pipe.send((number, _painted(plane, window, group)))


def _painted(plane: Plane, window: Window, group: Group) -> Reply:
    try:
        return [tile.numpy() for tile in plane.paint(window, group)]
    except Exception as error:
        if not is_out_of_memory(error):
            return error
        tiles = f"{group.count} tiles at once" if group.count > 1 else "a tile"
        return NoRoomError(
            f"Memory of {plane.painter.device} has no room for {tiles} of {plane.grid.cells} cells a side. Paint fewer "
            "together (a smaller batch), tiles of fewer cells, or name other devices."
        )
