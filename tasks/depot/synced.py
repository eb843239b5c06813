"""What of a folder has been sent to a depot, or fetched from it: kept beside the store, so that only changes travel."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tasks.depot.marker import STORE
from tasks.store import write_bytes

Signs = dict[str, tuple[int, int]]
"""By name in a folder: a file's size, and when it was changed, in ns."""
SYNCED = "synced"
VERSION = 1


@dataclass
class Synced:
    """Of one folder of a mirror. head: SHA-256 of the file that is written last, as the depot had it then; None before.

    files: the local files as they were when both sides agreed. owed: whether sending has failed since.
    """

    root: Path
    name: str
    head: str | None = None
    files: Signs = field(default_factory=dict)
    owed: bool = False

    @property
    def path(self) -> Path:
        """Where this is kept."""
        return _folder(self.root) / f"{hashlib.sha256(self.name.encode()).hexdigest()[:32]}.json"

    def keep(self) -> None:
        """Write it down."""
        facts = {"version": VERSION, "name": self.name, "head": self.head, "files": self.files, "owed": self.owed}
        write_bytes(self.path, json.dumps(facts).encode())

    def changed(self) -> list[str]:
        """The files of the folder that are new or changed since both sides agreed."""
        return [name for name, sign in signs(self.root / self.name).items() if self.files.get(name) != sign]

    def is_whole(self) -> bool:
        """Whether everything that was there when both sides agreed still is."""
        return all((self.root / self.name / name).is_file() for name in self.files)


def synced(root: Path, name: str) -> Synced:
    """What is kept of a folder; of one that has never been sent or fetched, that."""
    fresh = Synced(root, name)
    found = _read(root, fresh.path)
    return found if found is not None and found.name == name else fresh


def owed(root: Path) -> Iterator[Synced]:
    """The folders that could not be sent when they were written."""
    for path in sorted(_folder(root).glob("*.json")):
        found = _read(root, path)
        if found is not None and found.owed:
            yield found


def signs(folder: Path) -> Signs:
    """The files in a folder, at any depth, but for hidden ones: what is being written begins with a dot."""
    found: Signs = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and is_plain(name):
                found[name] = (status.st_size, status.st_mtime_ns)
    return found


def is_plain(name: object) -> bool:
    """Whether a name leads to a file in a folder, and to nothing hidden or outside."""
    if not isinstance(name, str) or not name or "\\" in name or "\0" in name:
        return False
    return not PurePosixPath(name).is_absolute() and not any(
        part.startswith((".", "~")) or not part for part in name.split("/")
    )


def _folder(root: Path) -> Path:
    return root / STORE / SYNCED


def _read(root: Path, path: Path) -> Synced | None:
    try:
        facts = json.loads(path.read_bytes())
        if facts["version"] != VERSION or not is_plain(facts["name"]):
            return None
        files = {str(name): (int(size), int(changed)) for name, (size, changed) in facts["files"].items()}
        return Synced(root, facts["name"], facts["head"], files, bool(facts["owed"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # never written, or damaged: all travels again
        return None
