"""Which processes of this machine are at work for which flow run.

A flow run's process is known by its environment, in which Prefect writes the run's id: no number that another process
may have been given since is trusted, and what the worker had no time to report is found, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flows.workplace import FLOW_RUN
from tasks import environment

PROC = Path("/proc")
WORKER = "PREFECT__WORKER_NAME"
"""The variable by which Prefect tells it which worker has started it."""

ENGINES = ("prefect.engine", "prefect.flow_engine", "prefect.runner._workspace_supervisor")
"""Modules that the first process of a flow run runs; all that it starts is its offspring."""


@dataclass(frozen=True)
class Process:
    """A process at work for a flow run. leads: whether it is the one that the worker called `worker` has started."""

    pid: int
    run: str
    worker: str
    leads: bool


def place(proc: Path = PROC) -> str:
    """What tells this machine, since it was switched on, from others whose processes cannot be seen from here.

    Names of machines would not do: copies of one image, or containers, may have the same.
    """
    own = [str(os.getuid()), str(environment.read().cache.expanduser().absolute())]
    with contextlib.suppress(OSError):
        own += [(proc / "sys/kernel/random/boot_id").read_text(), str((proc / "self/ns/pid").readlink())]
    return hashlib.sha256("\n".join([*own, socket.gethostname()]).encode()).hexdigest()[:8]


def processes(proc: Path = PROC) -> list[Process]:
    """All living processes of this user that work for flow runs, whoever has started them."""
    folders = (folder for folder in proc.iterdir() if folder.name.isdigit())
    return [process for folder in folders if (process := _read(folder)) is not None]


def leaders(found: Iterable[Process]) -> dict[str, int]:
    """By flow run, the number of the process that does it."""
    return {process.run: process.pid for process in found if process.leads}


def _read(folder: Path) -> Process | None:
    try:
        variables = _variables((folder / "environ").read_bytes())
        command = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended, or belongs to somebody else
        return None
    if not (run := variables.get(FLOW_RUN)):
        return None
    modules = [after.decode(errors="replace") for word, after in pairwise(command) if word == b"-m"]
    return Process(int(folder.name), run, variables.get(WORKER, ""), any(module in ENGINES for module in modules))


def _variables(environ: bytes) -> dict[str, str]:
    pairs = (
        one.decode(errors="replace").partition("=") for one in environ.split(b"\0") if one.startswith(b"PREFECT__")
    )
    return {name: value for name, _, value in pairs}


def end(run: str, found: Iterable[Process]) -> int:
    """Kill all processes of a flow run, those that its first one has started among them; returns how many."""
    count = 0
    for process in found:
        if process.run == run:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
                count += 1
    return count
