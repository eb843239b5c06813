"""What `tenfold worker` was asked for, completed and checked."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from flows.pools import PARENTS
from tasks import environment
from tasks.errors import RefusedError

PARENTS_AT_ONCE = 10
"""Batches and sweeps only submit and wait."""


def keep(pool: str, name: str | None, limit: int | None, gpu: str | None, home: Path | None) -> int:
    """Keep a worker until a signal ends it; returns the exit status. Raises RefusedError."""
    if home is not None:
        os.environ["TENFOLD_HOME"] = str(_folder(home))
    variables = dict(os.environ)  # before Prefect is silenced: its worker is to be heard
    environment.quiet_engine()
    from flows.keeper import Keeper, Post
    from flows.keeper_names import checked_base

    at_once = limit or (PARENTS_AT_ONCE if pool == PARENTS else 1)
    return Keeper(Post(pool, checked_base(name or _name(gpu)), at_once, gpu), variables).run()


def _name(gpu: str | None) -> str:
    machine = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()).strip("-") or "worker"
    return machine if gpu is None else f"{machine}-gpu{gpu.replace(',', '-')}"


def _folder(home: Path) -> Path:
    if not home.is_dir():
        raise RefusedError(f"--home names the folder that flow runs work in; {home} is none. Make it first.")
    return home.absolute()
