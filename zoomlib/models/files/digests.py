"""What identifies a model's weights: SHA-256 over the contents of the files that sampling uses.

Hashing takes seconds per gigabyte, so what is known is not computed again: a hub's cache names large files by their
digest, and digests of others may be kept in a file, by path, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Lock

LARGE_BYTES = 2**26
"""Smaller files are hashed again in each process: that is quicker than to look."""
KINDS = frozenset({".json", ".safetensors", ".txt", ".model", ".jinja"})
MOST_KEPT = 4096
PIECE_BYTES = 2**23
READERS = 4
_DIGEST = re.compile("[0-9a-f]{64}")
Stamp = tuple[str, int, int]
"""Path, bytes and time of change (ns) of a file."""
Reading = Callable[[str, int, int], None]
"""Is told the name of what is read, how many bytes have been, and of how many."""

_SEEN: dict[Stamp, str] = {}
_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def telling(on_progress: Reading) -> Iterator[None]:
    """Tell of the hashing within."""
    token = _READING.set(on_progress)
    try:
        yield
    finally:
        _READING.reset(token)


def revision_of(folder: Path, files: Sequence[str], kept: Path | None = None) -> str:
    """SHA-256 over names and contents of files in a folder, which `files` names; `kept`: where digests are kept."""
    digest, names = hashlib.sha256(), sorted(files)
    for name, value in zip(names, digests_of([folder / name for name in names], kept), strict=True):
        digest.update(name.encode() + b"\0" + bytes.fromhex(value))
    return digest.hexdigest()


def digest_of(file: Path, kept: Path | None = None) -> str:
    """SHA-256 of a file's content, as hex digits."""
    return digests_of([file], kept)[0]


def digests_of(files: Sequence[Path], kept: Path | None = None) -> list[str]:
    """SHA-256 of the contents of files; several are read at a time."""
    before = {} if kept is None else _read(kept)
    found = {file: _known(file, before) for file in files}
    missing = [file for file, value in found.items() if value is None]
    if missing:
        tally = _Tally(missing)
        with ThreadPoolExecutor(READERS) as pool:
            new = dict(zip(missing, pool.map(lambda file: _hashed(file, tally), missing), strict=True))
        found.update(new)
        _remember(new, kept)
    return [str(found[file]) for file in files]


def _known(file: Path, before: Mapping[str, object]) -> str | None:
    real = file.resolve()
    if file.is_symlink() and real.parent.name == "blobs" and _DIGEST.fullmatch(real.name):
        return real.name
    path, *rest = stamp = _stamp(file)
    entry = before.get(path)
    if isinstance(entry, list) and len(entry) == 3 and entry[:2] == rest and _DIGEST.fullmatch(str(entry[2])):
        return str(entry[2])
    return _SEEN.get(stamp)


def _stamp(file: Path) -> Stamp:
    real = file.resolve()
    found = real.stat()
    return str(real), found.st_size, found.st_mtime_ns


class _Tally:
    """Adds up what several readers have read."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.name = files[0].parent.parent.name
        self.total = sum(file.stat().st_size for file in files)
        self.done, self.lock, self.told = 0, Lock(), _READING.get()

    def __call__(self, count: int) -> None:
        if self.told is not None:
            with self.lock:
                self.done += count
                self.told(self.name, self.done, self.total)


def _hashed(file: Path, tally: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
            tally(len(piece))
    return digest.hexdigest()


def _remember(new: Mapping[Path, str], kept: Path | None) -> None:
    stamps = {_stamp(file): value for file, value in new.items()}
    _SEEN.update(stamps)
    large = {path: [size, changed, value] for (path, size, changed), value in stamps.items() if size >= LARGE_BYTES}
    if kept is not None and large:
        _keep(kept, large)


def _read(kept: Path) -> Mapping[str, object]:
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(kept: Path, new: Mapping[str, object]) -> None:
    """Write further digests; where nothing can be written, they are computed again the next time."""
    known = {**_read(kept), **new}
    while len(known) > MOST_KEPT:
        known.pop(next(iter(known)))
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.write_text(json.dumps(known, indent=0), encoding="utf-8")
        part.replace(kept)
