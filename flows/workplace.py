"""Where flow runs of a worker do their work, and where they say what they say.

Deployments name no folder: the pull step `enter` finds it on the machine of the worker.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tasks import environment
from tasks.errors import RunError

FLOW_RUN = "PREFECT__FLOW_RUN_ID"
"""The variable by which Prefect tells a process which flow run it is."""

KEEP_LOGS_S = 14 * 24 * 3600.0


class NoWorkplaceError(RunError):
    """Nothing says in which folder a flow run is to work."""


def checkout() -> Path | None:
    """The checkout that this code is imported from; None when it was installed without one."""
    folder = Path(__file__).resolve().parents[1]
    return folder if (folder / "prefect.yaml").is_file() else None


def home() -> Path | None:
    """The folder that relative paths of flow runs start from: TENFOLD_HOME, or the checkout."""
    return environment.read().home or checkout()


def enter(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Go to the folder of this machine that flow runs work in: the pull step of all deployments.

    What the process says from here on goes to a file of its own: the pipe to the worker would break with the worker,
    and a flow run that has outlived it would end at its next word. Raises NoWorkplaceError.
    """
    folder = home()
    if folder is None:
        raise NoWorkplaceError(
            "A flow run needs a folder to work in, and this worker names none: its Tenfold was installed without a "
            "checkout. Start it with `tenfold worker`, or set TENFOLD_HOME to a folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    if run := variables.get(FLOW_RUN):
        _speak_to(log_of(run))
    return {"directory": str(Path.cwd())}


def logs() -> Path:
    """The folder of what flow runs of this machine have said, a file each."""
    return environment.read().cache.expanduser().absolute() / "logs"


def log_of(run: str) -> Path:
    """The file that a flow run on this machine writes to, by its id."""
    return logs() / f"{run}.log"


def prune_logs(keep_s: float = KEEP_LOGS_S) -> None:
    """Remove what flow runs said that ended long ago."""
    oldest = time.time() - keep_s
    for file in logs().glob("*.log"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


def _speak_to(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for stream in (1, 2):
            os.dup2(target, stream)
    finally:
        os.close(target)
