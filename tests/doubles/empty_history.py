"""The empty history of a Prefect server, copied: to make its tables is more than half of a server's first start."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

MAKE = """
import asyncio
from prefect.server.database import provide_database_interface

asyncio.run(provide_database_interface().create_db())
"""


def put_empty_history(home: Path) -> Path:
    """Give a PREFECT_HOME without a history an empty one, `home`/prefect.db, and return its path.

    The first caller on a machine makes it with Prefect's own code; it is kept in the temporary folder, one for each
    version.
    """
    home.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(_template(), home / "prefect.db"))


def _template() -> Path:
    folder = Path(tempfile.gettempdir()) / f"tenfold-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder / f"prefect-{version('prefect')}.db"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=folder) as home:
                _make(Path(home)).replace(made)
    return made


def _make(home: Path) -> Path:
    """A file with all tables of Prefect's, and nothing beside it that belongs to it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    subprocess.run([sys.executable, "-c", MAKE], env={**others, "PREFECT_HOME": str(home)}, check=True)
    with closing(sqlite3.connect(home / "prefect.db")) as source, closing(sqlite3.connect(home / "whole.db")) as target:
        source.backup(target)
    return home / "whole.db"
