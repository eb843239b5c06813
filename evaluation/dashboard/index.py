"""All runs under a root, looked up again and again while batches run: quick when nothing has changed.

A run's folder is read when its files have changed, and looked into only when the folder itself has (files are put in
place by renaming, which changes it) or some seconds have passed (files changed in place do not).
"""

import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from evaluation.cards import RunCard
from evaluation.dashboard import kept, sweeps
from evaluation.dashboard.entries import CONFIG, SCORES, SHOWN, Entry, entry_of

BATCH_S = 0.25
"""How often news are told while many runs are read."""
DEEP_S = 6.0
FRESH_NS = 2_000_000_000
"""A folder younger than this may change again without its time changing."""
SAVE_S = 20.0


@dataclass(frozen=True)
class Changes:
    """What has changed since a version: entries that are new or other, keys that are gone."""

    version: int
    entries: list[Entry]
    gone: list[str]


class Index:
    """The runs under `root`; all methods may be called from any thread.

    read: gives the card of a run's folder, and raises an error for one that cannot be used. `version` grows with every
    change of what is known.
    """

    def __init__(self, root: Path, read: Callable[[Path], RunCard]) -> None:
        self.root, self.read = root, read
        self.version, self.reading = 0, 0
        self._lock, self._scan = threading.Lock(), threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._versions: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._damaged: dict[str, str] = {}
        self._seen: dict[str, tuple[int, str]] = {}  # by key the folder's time and the stamp of its files
        self._sweeps: dict[str, tuple[str, dict[str, Any] | None]] = {}
        self._deep_at = self._saved_at = 0.0
        self._saved = 0
        self._tell(kept.load(root), [])
        self._seen = {entry.key: (0, entry.stamp) for entry in self._entries.values()}
        self._saved = self.version

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The run of a key, None where none is known."""
        return self._entries.get(key)

    def entries(self) -> list[Entry]:
        """All runs that are known."""
        with self._lock:
            return list(self._entries.values())

    def changes(self, since: int) -> Changes:
        """What has changed after version `since`; all there is for -1."""
        with self._lock:
            entries = [entry for key, entry in self._entries.items() if self._versions[key] > since]
            gone = [key for key, version in self._gone.items() if version > since]
            return Changes(self.version, entries, gone)

    def damaged(self) -> dict[str, str]:
        """By key (or path below the root) what cannot be read, and why."""
        with self._lock:
            files = {e.key: " ".join(e.wrong) for e in self._entries.values() if e.wrong}
            broken = {path: "This sweep cannot be read." for path, (_, facts) in self._sweeps.items() if facts is None}
            return dict(sorted((self._damaged | files | broken).items()))

    def sweeps(self) -> list[dict[str, Any]]:
        """All sweeps in short, the latest first."""
        with self._lock:
            found = [sweeps.progress(facts, self._entries) for _, facts in self._sweeps.values() if facts is not None]
        return sorted(found, key=lambda sweep: -sweep["changed_at"])

    def refresh(self, *, deep: bool = False) -> None:
        """Look at the folder again. deep: into every run's folder, whatever its time."""
        with self._scan:
            now = time.monotonic()
            deep = deep or now - self._deep_at > DEEP_S
            if deep:
                self._deep_at = now
            folders = dict(_folders(self.root))
            self._drop(folders)
            self._read(self._changed(folders, deep))
            self._read_sweeps()
            self._save()

    def _changed(self, folders: Mapping[str, int], deep: bool) -> list[tuple[str, str]]:
        """Keys and stamps of the runs to be read, the latest first."""
        latest = time.time_ns() - FRESH_NS
        found = []
        for key, changed in sorted(folders.items(), key=lambda item: -item[1]):
            before = self._seen.get(key)
            if before is not None and before[0] == changed and changed < latest and not deep:
                continue
            stamp = _stamp(self.root / key)
            if before is None or before[1] != stamp:
                found.append((key, stamp))
            self._seen[key] = (changed, stamp)
        return found

    def _read(self, changed: list[tuple[str, str]]) -> None:
        news: list[Entry] = []
        lost: list[str] = []
        told = time.monotonic()
        for number, (key, stamp) in enumerate(changed):
            self.reading = len(changed) - number
            entry = self._entry(key, stamp) if stamp else None
            if entry is None:
                lost.append(key)
            else:
                news.append(entry)
            if time.monotonic() - told > BATCH_S:
                self._tell(news, lost)
                news, lost, told = [], [], time.monotonic()
        self._tell(news, lost)
        self.reading = 0

    def _entry(self, key: str, stamp: str) -> Entry | None:
        try:
            entry = entry_of(self.read(self.root / key), key, stamp)
        except Exception as error:  # whatever is in that folder: one of thousands must not end the list
            # A run that is being deleted is not damaged.
            if (self.root / key / CONFIG).exists():
                self._note(key, str(error) or type(error).__name__)
            return None
        self._note(key, None)
        return entry

    def _note(self, key: str, words: str | None) -> None:
        with self._lock:
            if words is None:
                self._damaged.pop(key, None)
            elif self._damaged.get(key) != words:
                self._damaged[key] = words
                self.version += 1

    def _drop(self, folders: Mapping[str, int]) -> None:
        lost = [key for key in self._seen if key not in folders]
        for key in lost:
            del self._seen[key]
            self._note(key, None)
        self._tell([], lost)

    def _tell(self, news: list[Entry], lost: list[str]) -> None:
        with self._lock:
            lost = [key for key in lost if key in self._entries]
            if not news and not lost:
                return
            self.version += 1
            for entry in news:
                self._entries[entry.key], self._versions[entry.key] = entry, self.version
                self._gone.pop(entry.key, None)
            for key in lost:
                del self._entries[key], self._versions[key]
                self._gone[key] = self.version

    def _read_sweeps(self) -> None:
        found: dict[str, tuple[str, dict[str, Any] | None]] = {}
        for path in sweeps.sweep_files(self.root):
            name = path.relative_to(self.root).as_posix()
            before = self._sweeps.get(name)
            try:
                stamp = _file_stamp(path.name, path.stat())
                found[name] = before if before and before[0] == stamp else (stamp, sweeps.read_sweep(path))
            except FileNotFoundError:
                continue
            except sweeps.UNUSABLE:
                found[name] = (stamp, None)
        with self._lock:
            if found != self._sweeps:
                self._sweeps = found
                self.version += 1

    def _save(self) -> None:
        now = time.monotonic()
        if self.version != self._saved and (not self._saved_at or now - self._saved_at > SAVE_S) and self.root.is_dir():
            self._saved, self._saved_at = self.version, now
            kept.save(self.root, self.entries())


def _folders(root: Path) -> Iterator[tuple[str, int]]:
    """Keys of all folders that may be runs, with the time of their last change in ns."""
    for story in _subfolders(root):
        if story.name[0] not in "._":
            for run in _subfolders(Path(story.path)):
                try:
                    yield f"{story.name}/{run.name}", run.stat().st_mtime_ns
                except OSError:  # gone meanwhile
                    continue


def _subfolders(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from [entry for entry in found if entry.is_dir()]
    except OSError:
        return


def _stamp(folder: Path) -> str:
    """What tells the files of a run from what they were; empty where there is no finished run."""
    try:
        with os.scandir(folder) as found:
            told = {entry.name: _file_stamp(entry.name, entry.stat()) for entry in found if _counts(entry.name)}
    except OSError:
        return ""
    if CONFIG not in told:
        return ""
    return f"{zlib.crc32(' '.join(told[name] for name in sorted(told)).encode()):08x}"


def _counts(name: str) -> bool:
    return name == CONFIG or name in SHOWN or name.startswith("zoom.") or fnmatch(name, SCORES)


def _file_stamp(name: str, facts: os.stat_result) -> str:
    return f"{name}:{facts.st_mtime_ns}:{facts.st_size}"
