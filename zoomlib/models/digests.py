"""What identifies a model's weights: SHA-256 over the contents of the files that sampling uses.

Hashing takes seconds per gigabyte, so what is known is not computed again: a hub's cache names large files by their
digest, and digests of others may be kept in a file, by path, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

LARGE_BYTES = 2**26
"""Smaller files are hashed again in each process: that is quicker than to look."""
_DIGEST = re.compile("[0-9a-f]{64}")
KINDS = frozenset({".json", ".safetensors", ".txt", ".model"})
MOST_KEPT = 4096


def revision_of(folder: Path, files: Sequence[str], kept: Path | None = None) -> str:
    """SHA-256 over names and contents of files in a folder, which `files` names; `kept`: where digests are kept."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + bytes.fromhex(digest_of(folder / name, kept)))
    return digest.hexdigest()


def digest_of(file: Path, kept: Path | None = None) -> str:
    """SHA-256 of a file's content, as hex digits."""
    real = file.resolve()
    if file.is_symlink() and real.parent.name == "blobs" and _DIGEST.fullmatch(real.name):
        return real.name
    found = real.stat()
    if kept is None or found.st_size < LARGE_BYTES:
        return _computed(real, found.st_size, found.st_mtime_ns)
    key, stamp = str(real), [found.st_size, found.st_mtime_ns]
    known = _read(kept).get(key)
    if isinstance(known, list) and known[:2] == stamp:
        return str(known[2])
    value = _computed(real, found.st_size, found.st_mtime_ns)
    _keep(kept, key, [*stamp, value])
    return value


@lru_cache(maxsize=512)
def _computed(file: Path, _size: int, _changed_ns: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read(kept: Path) -> Mapping[str, object]:
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(kept: Path, key: str, entry: list[object]) -> None:
    """Write one more digest; where nothing can be written, it is computed again the next time."""
    known = {**_read(kept), key: entry}
    while len(known) > MOST_KEPT:
        known.pop(next(iter(known)))
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.write_text(json.dumps(known, indent=0), encoding="utf-8")
        part.replace(kept)
