"""Freeing a depot: what no folder in it names, and no run that goes on or was stopped on any machine, leaves it.

Ages are those that the depot itself tells, compared with that of a file written there now: no clock of ours counts.
Other machines go on meanwhile. What they have found is on their own disks; what they make they tell before it comes
here (`tasks.begun`), and it is young. Should one lose something all the same, it is made or sent again.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.begun import FOLDER as BEGUN
from tasks.cleaning import Cleaned, Kept, content_of, refuse_damaged
from tasks.depot.depot import Depot, Entry
from tasks.errors import RefusedError
from tasks.manifest import parsed
from tasks.naming import DamagedError, is_naming, keys_in
from tasks.places import There, each
from tasks.run import CACHE

YOUNG_S = 3600.0
"""What was written less than this before may be on its way to its manifest."""
GIVEN_UP_S = 24 * 3600.0
"""A stopped run that is given up has told nothing for at least this long."""
_PASSING = ("probe", "leases", "work")


def clean_depot(depot: Depot, *, dry_run: bool = False, stopped: bool = False) -> Cleaned:
    """Remove from a depot what nothing names any more; arguments, result and errors as `tasks.cleaning.clean`.

    Raises DepotError, and RefusedError for a depot that does not tell when its files were written.
    """
    return _Cleaning(depot, _now(depot), stopped).run(dry_run=dry_run)


class _Cleaning:
    def __init__(self, depot: Depot, now: float, stopped: bool) -> None:
        self.place, self.depot, self.now, self.stopped = There(depot), depot, now, stopped
        self.cleaned, self.firm, self.loose = Cleaned(), Kept(), Kept()
        self.going: list[str] = []
        self.read: defaultdict[int, set[str]] = defaultdict(set)  # keys whose manifests have been read

    def run(self, *, dry_run: bool) -> Cleaned:
        self.firm.keys = self._shown()
        self._read_records()
        dead = list(self._manifests())
        self._keep_files()
        dead += self._unused()
        self._read_records()  # a second look: who has begun to use something meanwhile has told so
        self._keep_files()
        dead = [entry for entry in dead if not self._is_kept(entry)]
        for entry in dead:
            self.cleaned.files, self.cleaned.bytes = self.cleaned.files + 1, self.cleaned.bytes + entry.size
        if not dry_run:
            self.depot.delete([*(entry.name for entry in dead), *self.going])
        return self.cleaned

    def _shown(self) -> set[str]:
        found: set[str] = set()
        damaged: list[str] = []
        for name, content in each(self.place, self.place.read, self._naming()):
            try:
                found.update(keys_in(content or b"{}"))
            except DamagedError:
                damaged.append(name)
        refuse_damaged(damaged)
        return found

    def _naming(self) -> Iterator[str]:
        for top in self.depot.folders():
            if not top.startswith("."):
                yield from (entry.name for entry in self.depot.entries(top) if is_naming(entry.name))

    def _read_records(self) -> None:
        entries = {entry.name: entry for entry in self.depot.entries(f"{CACHE}/{BEGUN}")}
        self.going, self.cleaned.stopped = [], 0
        for name, content in each(self.place, self.place.read, entries):
            keys = _keys(content)
            old = self._age(entries[name]) > GIVEN_UP_S
            if (old and self.stopped) or (old and keys <= self.firm.keys):
                self.going.append(name)
            else:
                self.cleaned.stopped += old
                (self.loose if old else self.firm).keys |= keys

    def _manifests(self) -> Iterator[Entry]:
        """The manifests that may go; young ones are kept like those that are named."""
        for entry in self.depot.entries(f"{CACHE}/manifests"):
            key = Path(entry.name).stem
            if key in self.firm.keys or key in self.loose.keys:
                if key not in self.firm.keys:
                    self._count_kept(entry)
            elif self._age(entry) <= YOUNG_S:
                self.firm.keys.add(key)
            else:
                yield entry

    def _keep_files(self) -> None:
        for kept in (self.firm, self.loose):
            names = [f"{CACHE}/manifests/{key}.json" for key in sorted(kept.keys - self.read[id(kept)])]
            self.read[id(kept)] |= kept.keys
            for _, content in each(self.place, self.place.read, names):
                manifest = parsed(content or b"")
                if manifest is not None:
                    kept.add(manifest)

    def _unused(self) -> Iterator[Entry]:
        for folder in ("cas", *_PASSING):
            for entry in self.depot.entries(f"{CACHE}/{folder}"):
                if self._age(entry) <= YOUNG_S or self._is_kept(entry):
                    continue
                if self._is_loose(folder, entry):
                    self._count_kept(entry)
                else:
                    yield entry

    def _is_kept(self, entry: Entry) -> bool:
        folder, digest = entry.name.split("/")[1:3]
        if folder == "cas":
            return content_of(Path(entry.name).name) in self.firm.contents
        return (Path(digest).stem if folder == "manifests" else digest) in self.firm.keys and folder != "leases"

    def _is_loose(self, folder: str, entry: Entry) -> bool:
        if folder == "cas":
            return content_of(Path(entry.name).name) in self.loose.contents
        return folder == "work" and entry.name.split("/")[2] in self.loose.keys

    def _count_kept(self, entry: Entry) -> None:
        self.cleaned.kept_files += 1
        self.cleaned.kept_bytes += entry.size

    def _age(self, entry: Entry) -> float:
        """Seconds since it was written; one that is said to come from the future is as old as can be known: new."""
        return 0.0 if entry.modified is None else self.now - entry.modified


def _now(depot: Depot) -> float:
    """The depot's own time. Raises RefusedError where it tells none."""
    name = f"{CACHE}/probe/{uuid.uuid4().hex}"
    depot.write(name, b"")
    try:
        told = [entry.modified for entry in depot.entries(f"{CACHE}/probe") if entry.name == name]
    finally:
        depot.delete([name])
    if not told or told[0] is None:
        raise RefusedError(
            f"{depot.url} does not tell when its files were written, so that nobody knows which are on their way. Copy "
            "the runs that you keep elsewhere (tenfold export), and delete the rest by hand."
        )
    return told[0]


def _keys(record: bytes | None) -> set[str]:
    try:
        keys: Iterable[object] = json.loads(record or b"{}").get("keys", ())
        return {key for key in keys if isinstance(key, str)}
    except (ValueError, AttributeError, TypeError):
        return set()
