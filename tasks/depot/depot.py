"""A depot: files by name in a store that fsspec reaches, as a bucket. Names are relative to the folder of all runs."""

from __future__ import annotations

import contextlib
import functools
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tasks.depot.failures import WAITS_S, AwayError, DepotError, retried
from tasks.depot.filesystems import filesystem_of, has_create, is_local, written
from tasks.store import replacing

T = TypeVar("T")
REST_S = 10.0
_WHOLE = {"s3", "gs", "abfs", "az", "adl", "oss", "obs", "oci", "memory"}
"""Stores in which a file appears whole or not at all."""
_PROBES, _AT_ONCE = 3, 8


@dataclass(frozen=True)
class Entry:
    """A file in a depot: its name, its size in bytes, and when it was written (Unix time), where the store tells."""

    name: str
    size: int
    modified: float | None


@functools.cache
def open_depot(url: str) -> Depot:
    """The depot of a URL, one for each in a process; nothing is sent yet. Raises RefusedError where none can be."""
    return Depot(url, filesystem_of(url))


class Depot:
    """A store of files by name. Every method tries again where the outside world fails, and raises DepotError.

    was_reached: whether it has ever answered in this process. One that goes away in the middle raises AwayError at once
    for REST_S seconds after it was asked in vain, so that work does not stand still at every file.
    """

    def __init__(self, url: str, filesystem: Any) -> None:
        self.url = url
        self._fs = filesystem
        self._base = str(filesystem._strip_protocol(url)).rstrip("/")
        self._waits_s, self._rests_until = WAITS_S, 0.0
        self.was_reached = False
        self._is_whole = url.partition("://")[0] in _WHOLE

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None where there is none."""
        try:
            found = self._try(f"looking for {name}", lambda: self._fs.info(self._path(name)))
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        try:
            return bytes(self._try(f"reading {name}", lambda: self._fs.cat_file(self._path(name))))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file there, in place of one of that name."""
        self._put(name, lambda path: self._fs.pipe_file(path, content))

    def create(self, name: str, content: bytes) -> bool:
        """Put a file there unless there is one of that name; the flag says whether this call did.

        In a store that is not `conditional` two who call at once may both be told True.
        """
        if self.conditional:
            return self._try_writing(name, lambda: self._create(name, content))
        if self.size(name) is not None:
            return False
        self.write(name, content)
        return True

    def download(self, name: str, target: Path) -> bool:
        """Write a file's content to `target`, whole or not at all; False where there is no such file."""
        try:
            with replacing(target) as temporary:
                self._try(f"reading {name}", lambda: self._fs.get_file(self._path(name), str(temporary)))
        except FileNotFoundError:
            return False
        return True

    def upload(self, file: Path, name: str) -> None:
        """Put a copy of a local file there, in place of one of that name."""
        self._put(name, lambda path: self._fs.put_file(str(file), path))

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """All files under the folder `prefix`, folder by folder, while the store tells them; no order is promised."""
        waiting = [prefix.strip("/")]
        while waiting:
            for found in self._listed(waiting.pop()):
                if found["type"] == "directory":
                    waiting.append(self._name(found["name"]))
                elif not self._is_partial(found["name"]):
                    yield Entry(self._name(found["name"]), int(found["size"] or 0), written(found))

    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders right under `prefix`, sorted."""
        found = self._listed(prefix.strip("/"))
        return sorted(self._name(one["name"]) for one in found if one["type"] == "directory")

    def delete(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are no fault."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(self._delete, names):
                pass

    @cached_property
    def conditional(self) -> bool:
        """Whether the store itself sees to it that only one of several creates a file: tried once in a process."""
        if not has_create(self._fs):
            return False
        name = f".cache/probe/{uuid.uuid4().hex}"
        try:
            with ThreadPoolExecutor(_PROBES) as pool:
                created = [*pool.map(lambda n: self._probed(name, str(n).encode()), range(_PROBES))]
            if not any(created):
                self.write(name, b"")  # where nothing can be written, that is said
            return created.count(True) == 1 and self.read(name) == str(created.index(True)).encode()
        finally:
            self.delete([name])

    def _probed(self, name: str, content: bytes) -> bool:
        try:
            return self._try_writing(name, lambda: self._create(name, content))
        except AwayError:
            raise
        except DepotError:  # a store that knows no conditions may refuse the request itself
            return False

    def _create(self, name: str, content: bytes) -> bool:
        path = self._path(name)
        try:
            if not is_local(self._fs):
                self._fs.pipe_file(path, content, mode="create")
                return True
            partial = self._partial(path)
            self._ready(path)
            self._fs.pipe_file(partial, content)
            try:
                self._fs.link(partial, path)  # fails where the name is taken, and is whole at once
            finally:
                self._fs.rm_file(partial)
        except FileExistsError:
            return False
        return True

    def _put(self, name: str, put: Callable[[str], object]) -> None:
        path = self._path(name)
        self._try_writing(name, lambda: put(path) if self._is_whole else self._put_whole(path, put))

    def _try_writing(self, name: str, act: Callable[[], T]) -> T:
        try:
            return self._try(f"writing {name}", act)
        except FileNotFoundError as error:
            raise DepotError(
                f"{self.url} cannot be written: {error}. Make the bucket first, or name another."
            ) from error

    def _put_whole(self, path: str, put: Callable[[str], object]) -> None:
        self._ready(path)
        partial = self._partial(path)
        try:
            put(partial)
            self._fs.mv(partial, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm_file(partial)
            raise

    def _ready(self, path: str) -> None:
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _listed(self, prefix: str) -> list[dict[str, Any]]:
        path = self._path(prefix)
        try:
            found: list[dict[str, Any]] = self._try(f"listing {prefix or 'it'}", lambda: self._fs.ls(path, detail=True))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [one for one in found if str(one["name"]).strip("/") != path.strip("/")]  # some tell the folder itself

    def _delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._try(f"deleting {name}", lambda: self._fs.rm_file(self._path(name)))

    def _try(self, doing: str, act: Callable[[], T]) -> T:
        if time.monotonic() < self._rests_until:
            raise AwayError(f"{self.url} could not be reached a moment ago.")
        waits_s = self._waits_s[:1] if self._rests_until else self._waits_s
        try:
            found = retried(act, self.url, doing, waits_s)
        except AwayError:
            self._rests_until = time.monotonic() + REST_S
            raise
        except FileNotFoundError:
            self._answered()
            raise
        self._answered()
        return found

    def _answered(self) -> None:
        self._rests_until, self.was_reached = 0.0, True

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base

    def _name(self, path: str) -> str:
        return path.strip("/").removeprefix(self._base.strip("/")).strip("/")

    def _partial(self, path: str) -> str:
        folder, _, last = path.rpartition("/")
        return f"{folder}/.{last[:40]}.{uuid.uuid4().hex}.part"

    def _is_partial(self, path: str) -> bool:
        last = path.rpartition("/")[2]
        return not self._is_whole and last.startswith(".") and last.endswith(".part")
