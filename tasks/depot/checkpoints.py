"""Checkpoints of a stage in the making: copied to the depot now and then, so that another machine can go on from there.

Copies are counted, and the count of the last one that was sent or fetched is kept beside the work: whoever finds a
higher one in the depot knows that another machine has come further.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.depot.depot import Depot
from tasks.depot.failures import DepotError
from tasks.depot.leases import Timing
from tasks.store import write_bytes

FOLDER, LIST = ".cache/work", "copied.json"
Files = dict[str, tuple[int, int]]
"""By name in the work folder: size, and when it was changed, in ns."""


@contextmanager
def checkpoints(depot: Depot, digest: str, work: Path, note: Path, timing: Timing, *, force: bool) -> Iterator[None]:
    """Fetch what another machine has left, copy what the body writes into `work`, and forget it once that is done.

    note: the file that keeps the count. A depot that is away is done without.
    """
    copies = Copies(depot, f"{FOLDER}/{digest}", work, note)
    with contextlib.suppress(DepotError):
        copies.forget() if force else copies.fetch()
    ended = threading.Event()

    def copying() -> None:
        while not ended.wait(timing.copy_s):
            with contextlib.suppress(DepotError, OSError):
                copies.send()

    thread = threading.Thread(target=copying, name=f"copies-{digest[:8]}", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        ended.set()
        thread.join()
        with contextlib.suppress(DepotError, OSError):
            copies.send()  # stopped or failed here: whoever goes on may be another machine
        raise
    ended.set()
    thread.join()
    with contextlib.suppress(DepotError):
        copies.forget()


@dataclass
class Copies:
    """The copies of one work folder in the depot. count: of the last one sent or fetched; 0 for none."""

    depot: Depot
    prefix: str
    work: Path
    note: Path
    count: int = 0
    sent: Files = field(default_factory=dict)

    def fetch(self) -> None:
        """Put the depot's copy in place of the work folder's content where it is the later one, whole or not at all."""
        self.count = _count(_facts(self.note.read_bytes() if self.note.is_file() else None)) if _files(self.work) else 0
        facts = _facts(self.depot.read(f"{self.prefix}/{LIST}"))
        if _count(facts) <= self.count:
            return
        names = [name for name in facts["files"] if _is_plain(name)]
        coming = self.work.with_name(f".{self.work.name}.coming")
        shutil.rmtree(coming, ignore_errors=True)
        try:
            if all(self.depot.download(f"{self.prefix}/files/{name}", coming / name) for name in names):
                shutil.rmtree(self.work)
                coming.mkdir(exist_ok=True)
                coming.replace(self.work)
                self.count = _count(facts)
                self._keep()
        finally:
            shutil.rmtree(coming, ignore_errors=True)

    def send(self) -> None:
        """Copy what has changed since the last copy, oldest first: cut short, it is as a process killed in between."""
        files = _files(self.work)
        if files == self.sent or not files:
            return
        for name in sorted(files, key=lambda name: files[name][1]):
            if self.sent.get(name) != files[name]:
                with contextlib.suppress(FileNotFoundError):  # done with and removed meanwhile
                    self.depot.upload(self.work / name, f"{self.prefix}/files/{name}")
        facts = {"count": self.count + 1, "files": sorted(files)}
        self.depot.write(f"{self.prefix}/{LIST}", json.dumps(facts).encode())
        self.count, self.sent = self.count + 1, files
        self._keep()

    def forget(self) -> None:
        """Remove all copies; the list first, without which the others say nothing."""
        if self.count or self.depot.size(f"{self.prefix}/{LIST}") is not None:
            self.depot.delete([f"{self.prefix}/{LIST}"])
            self.depot.delete(entry.name for entry in self.depot.entries(self.prefix))
        self.note.unlink(missing_ok=True)

    def _keep(self) -> None:
        write_bytes(self.note, json.dumps({"count": self.count, "files": []}).encode())


def _files(work: Path) -> Files:
    found: Files = {}
    for path in work.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            name, stat = path.relative_to(work).as_posix(), path.stat()
            if path.is_file() and _is_plain(name) and not name.endswith(".part"):
                found[name] = (stat.st_size, stat.st_mtime_ns)
    return found


def _is_plain(name: object) -> bool:
    """Whether a name leads into the folder, and to nothing hidden: temporary files begin with a dot."""
    if not isinstance(name, str) or not name or "\\" in name or "\0" in name:
        return False
    return not PurePosixPath(name).is_absolute() and not any(part.startswith(".") for part in name.split("/"))


def _facts(content: bytes | None) -> dict[str, Any]:
    try:
        facts = json.loads(content or b"{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and isinstance(facts.get("files"), list) else {}


def _count(facts: dict[str, Any]) -> int:
    count = facts.get("count", 0)
    return count if isinstance(count, int) else 0
