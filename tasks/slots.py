"""Who may use the scarce device now: a slot is held while a model draws, and not while anybody plans or renders."""

from __future__ import annotations

import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path

from tasks import environment, stopping

Slot = Callable[[], AbstractContextManager[None]]
"""Gives a context in which the slot is held; entering it waits until it is free."""

LOOK_EVERY_S = 0.2


def free() -> AbstractContextManager[None]:
    """The slot of whoever shares nothing with others."""
    return nullcontext()


_SLOT: ContextVar[Slot] = ContextVar("slot", default=free)


def current() -> Slot:
    """The slot that runs in progress are to hold while their models draw, beside the one that each device has."""
    return _SLOT.get()


@contextmanager
def holding(slot: Slot) -> Iterator[None]:
    """Runs in the body hold `slot` while their models draw, and only then."""
    token = _SLOT.set(slot)
    try:
        yield
    finally:
        _SLOT.reset(token)


def in_turn() -> Slot:
    """A slot for the threads of this process: one of them draws, the others wait. Waiting can be stopped."""
    lock = threading.Lock()

    @contextmanager
    def turn() -> Iterator[None]:
        while not lock.acquire(timeout=LOOK_EVERY_S):
            stopping.check()
        try:
            stopping.check()  # free because everybody stops
            yield
        finally:
            lock.release()

    return turn


def beside(first: Slot, second: Slot) -> Slot:
    """Both slots at once, taken in this order."""

    @contextmanager
    def both() -> Iterator[None]:
        with first(), second():
            yield

    return both


@contextmanager
def held(devices: Iterable[str], on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the current slot and that of each CUDA device of this machine, which all processes of the user share.

    on_wait: called once before a device's slot is waited for. Raises KeyboardInterrupt where waiting is stopped.
    """
    with ExitStack() as stack:
        stack.enter_context(current()())
        for name in sorted({_name_of(device) for device in devices if device.startswith("cuda")}):  # in one order
            stack.enter_context(_device(name, on_wait))
        yield


@contextmanager
def _device(name: str, on_wait: Callable[[], None]) -> Iterator[None]:
    path = _folder() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:  # closing it frees the lock, as the kernel does for a process that is killed
        told = False
        while not _taken(file.fileno()):
            if not told:
                on_wait()
                told = True
            stopping.pause(LOOK_EVERY_S)
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder() -> Path:
    return environment.read().cache.expanduser().absolute() / "slots"


def _name_of(device: str) -> str:
    """A name that all processes of this machine have for a device, whichever of them they are shown."""
    import torch

    try:
        told = str(torch.cuda.get_device_properties(device).uuid)
    except (RuntimeError, AssertionError, AttributeError):  # no such device, or a torch that tells no more
        told = device if ":" in device else f"{device}:0"
    return "gpu-" + hashlib.sha256(told.encode()).hexdigest()[:16]
