"""Freeing the disk: what no folder shows, and no run in progress or stopped one uses, leaves the store.

Runs go on meanwhile. No clock is asked, so that one that was moved does no harm: what is in use is in the records of
`tasks.begun`, and what only time could tell, as leftovers of killed processes, goes when a second cleaning finds it as
the first one has left it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks import begun
from tasks.depot.exchange import UNSENT
from tasks.errors import RefusedError
from tasks.hashes import memo
from tasks.manifest import Manifest, parsed
from tasks.naming import DamagedError, keys_in, naming_files
from tasks.run import CACHE, FEATURES
from tasks.store import write_bytes

SEEN = "swept.json"
"""In the store: what the last cleaning has left that the next one may take, with what would show a change."""
_SHOWN = 3


@dataclass
class Cleaned:
    """What cleaning has removed, or would remove. kept_*: what only runs that were stopped or have failed keep."""

    files: int = 0
    bytes: int = 0
    kept_files: int = 0
    kept_bytes: int = 0
    stopped: int = 0


@dataclass
class Kept:
    """What stays: keys' digests, and the contents (SHA-256, as bytes) of files."""

    keys: set[str] = field(default_factory=set)
    contents: set[bytes] = field(default_factory=set)

    def add(self, manifest: Manifest) -> None:
        """Keep the files of a manifest."""
        self.contents.update(bytes.fromhex(artifact.sha256) for artifact in manifest.artifacts.values())

    def add_names(self, names: set[str]) -> None:
        """Keep what a record names."""
        self.keys |= {name for name in names if "/" not in name}
        self.contents.update(filter(None, (content_of(Path(name).name) for name in names if "/" in name)))

    def has(self, path: Path) -> bool:
        """Whether a file of the store is the manifest of a kept key, or has kept content."""
        return path.stem in self.keys if path.parent.name == "manifests" else content_of(path.name) in self.contents


def clean(root: Path, *, dry_run: bool = False, stopped: bool = False) -> Cleaned:
    """Remove from the store of `root` what nothing names any more; with `dry_run`, only tell what that is.

    Run folders and services' replies stay as they are, and whatever was removed is made again when a run asks for it.
    stopped: what only runs use that were stopped, or have failed, goes too; they begin anew then. Raises RefusedError
    where a file that names what is kept is damaged.
    """
    store = root / CACHE
    if not store.is_dir():
        return Cleaned()
    if dry_run and not os.access(store, os.W_OK):
        return _clean(root, dry_run, stopped)
    with begun.sweeping(store):
        cleaned = _clean(root, dry_run, stopped)
    if not dry_run:
        memo().prune()
    return cleaned


def _clean(root: Path, dry_run: bool, stopped: bool) -> Cleaned:
    store, cleaned = root / CACHE, Cleaned()
    records = begun.records(store)
    firm, loose = Kept(keys=shown_keys(root)), Kept()
    firm.keys |= {path.name for path in (store / UNSENT).glob("*")}
    for path, is_alive in records.items():
        if is_alive or not stopped:
            (firm if is_alive else loose).add_names(begun.names_in(path))
    _add_files(store, firm)
    _add_files(store, loose)
    dead = [path for path, is_alive in records.items() if not is_alive]
    going = [path for path in dead if stopped or not _keeps(store, path, firm)]
    cleaned.stopped = len(dead) - len(going)
    for path in _unused(store, firm, loose, cleaned, settled=not any(records.values())):
        _count(path, cleaned)
        if not dry_run:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if not dry_run:
        for path in going:
            path.unlink(missing_ok=True)
        _write_seen(store)
    return cleaned


def shown_keys(root: Path) -> set[str]:
    """The keys of all stages whose results stand in a run folder, films rendered again and plans among them.

    Raises RefusedError where a file that names them is damaged: nobody knows what it named.
    """
    found: set[str] = set()
    damaged = []
    for path in naming_files(root):
        try:
            found.update(keys_in(path.read_bytes()))
        except FileNotFoundError:  # its run was deleted meanwhile
            continue
        except DamagedError:
            damaged.append(str(path))
    refuse_damaged(damaged)
    return found


def refuse_damaged(files: list[str]) -> None:
    """Raise RefusedError where files are damaged that name what is to be kept."""
    if files:
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        raise RefusedError(
            f"Nothing was removed: {', '.join(files[:_SHOWN])}{more} cannot be read, so that nobody knows what of the "
            "store is theirs. Put them right (tenfold verify --mend; the run's own command), or delete those folders."
        )


def content_of(name: str) -> bytes | None:
    """The SHA-256 that a file in the store is named by; None for another name."""
    try:
        digest = bytes.fromhex(name.partition(".")[0])
    except ValueError:
        return None
    return digest if len(digest) == 32 else None


def _add_files(store: Path, kept: Kept) -> None:
    """Keep what the manifests of the kept keys name."""
    for digest in kept.keys:
        with contextlib.suppress(OSError):
            manifest = parsed((store / "manifests" / f"{digest}.json").read_bytes())
            if manifest is not None:  # else damaged: its stage is made again anyway
                kept.add(manifest)


def _keeps(store: Path, record: Path, firm: Kept) -> bool:
    """Whether a record names anything that is there and that nothing else keeps."""
    names = begun.names_in(record)
    keys = [name for name in names if "/" not in name and name not in firm.keys]
    files = [name for name in names if "/" in name and content_of(Path(name).name) not in firm.contents]
    places = [store / folder / name for name in keys for folder in ("manifests", "work")]
    there = [place if place.parent.name == "work" else place.with_name(f"{place.name}.json") for place in places]
    return any(path.exists() for path in (*there, *(store / name for name in files)))


def _unused(store: Path, firm: Kept, loose: Kept, cleaned: Cleaned, *, settled: bool) -> Iterator[Path]:
    """What may go, manifests before the files that they name; what only stopped runs keep is counted.

    settled: nobody is at work, so that half-written files are leftovers, once they were seen twice.
    """
    seen = _read_seen(store)
    for path in _files(store):
        if path.name.startswith(".") or path.parent.name == FEATURES:
            if (settled or path.parent.name == FEATURES) and seen.get(_name(store, path)) == _sign(path):
                yield path
        elif firm.has(path):
            continue
        elif loose.has(path):
            cleaned.kept_files += 1
            cleaned.kept_bytes += path.stat().st_size
        else:
            yield path
    for work in sorted((store / "work").glob("*")):
        digest = work.name.strip(".").removesuffix(".coming")
        if digest in firm.keys:
            continue
        if digest in loose.keys:
            size, count = _size(work)
            cleaned.kept_bytes, cleaned.kept_files = cleaned.kept_bytes + size, cleaned.kept_files + count
        else:
            yield work


def _files(store: Path) -> Iterator[Path]:
    """The files in question, folder by folder."""
    for folder in (store / "manifests", *sorted((store / "cas").glob("*")), store / FEATURES):
        if folder.is_dir():
            with os.scandir(folder) as found:
                yield from (Path(entry.path) for entry in found if entry.is_file(follow_symlinks=False))


def _count(path: Path, cleaned: Cleaned) -> None:
    size, count = _size(path)
    cleaned.bytes, cleaned.files = cleaned.bytes + size, cleaned.files + count


def _size(path: Path) -> tuple[int, int]:
    """Bytes and number of a file, or of those in a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files), len(files)


def _name(store: Path, path: Path) -> str:
    return path.relative_to(store).as_posix()


def _sign(path: Path) -> list[int]:
    """What a change or use of the file changes."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _write_seen(store: Path) -> None:
    seen = {}
    for path in _files(store):
        if path.name.startswith(".") or path.parent.name == FEATURES:
            with contextlib.suppress(FileNotFoundError):  # a file in the making that has its name meanwhile
                seen[_name(store, path)] = _sign(path)
    if seen or (store / SEEN).exists():
        write_bytes(store / SEEN, json.dumps(seen).encode())


def _read_seen(store: Path) -> dict[str, Any]:
    try:
        seen = json.loads((store / SEEN).read_bytes())
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}
