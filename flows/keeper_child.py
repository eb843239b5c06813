"""Becomes Prefect's own worker, that ends with its keeper: `python -m flows.keeper_child KEEPER ARGUMENT...`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1


def main(keeper: int, arguments: list[str]) -> None:
    """Turn into `prefect worker start`. It dies with its keeper, so that no second worker stands beside its successor;
    the flow runs that it has started are not told, and go on.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != keeper:  # it went before the line above
        sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", "prefect", "--no-prompt", "worker", "start", *arguments])  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
