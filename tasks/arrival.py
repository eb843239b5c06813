"""Runs that come from an export: everything is checked before anything is written, and nothing else is replaced.

What is written comes in the order of `tasks.stage` and of run folders: contents, manifests, then folders with
`config.json` last. Whoever is killed in between leaves nothing that looks finished, and begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks import begun
from tasks.depot.marker import shown
from tasks.depot.roots import pull_run, push
from tasks.depot.synced import is_plain
from tasks.errors import UNUSABLE, RefusedError
from tasks.locks import locked
from tasks.machine import check_room, check_writable
from tasks.manifest import parsed
from tasks.measured import TABLES
from tasks.naming import DamagedError, is_naming, keys_in
from tasks.parcel_reading import Reader
from tasks.parcels import Index, Item
from tasks.run import CACHE, CONFIG, SOURCE, is_story
from tasks.specs import RunConfig
from tasks.stage import Manifest, Workshop
from tasks.store import artifact_of, is_copy, remove, written

MOST_FACTS = 1 << 28
"""Bytes that a file which is read as a whole may have."""
_PART = 1 << 20


@dataclass
class Arrival:
    """What comes, all of it checked. items: what is to be written, in order. there: how many files are here already."""

    root: Path
    runs: list[str]
    items: list[Item] = field(default_factory=list)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    there: int = 0

    @property
    def bytes(self) -> int:
        """Of what is to be written."""
        return sum(item.size for item in self.items)


def checked(reader: Reader, root: Path, runs: Sequence[str] = ()) -> Arrival:
    """What taking over runs of an export, by id, or all of them, would write under `root`. Reads everything once.

    Raises RefusedError for whatever is not as an export is, and where something else is in its place.
    """
    index = reader.index()
    for name in index.items:
        _check_name(name, reader.shown)
    arrival = Arrival(root.absolute(), _chosen(index, runs, reader.shown))
    place = check_writable(arrival.root, "Choose another folder with --out.")
    coming = _Coming(reader, index, arrival)
    items = [item for run in arrival.runs for item in coming.run_items(run)]
    items += coming.stage_items()
    for item in items:
        coming.verify(item)
    for run in arrival.runs:
        pull_run(arrival.root, str(arrival.root / run))
    _compare(arrival, items)
    check_room(place, arrival.bytes, "what is imported", "Free some, or choose another folder with --out.")
    return arrival


def take_over(
    reader: Reader, arrival: Arrival, on_file: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Write what comes; `on_file` is told how many of how many bytes are there. Raises RunError for what has changed
    since it was checked."""
    store, done = arrival.root / CACHE, 0
    with begun.in_progress(store):
        for item in _of_store(arrival):
            begun.note(store, item.name.removeprefix(f"{CACHE}/"))
        for key in arrival.manifests:
            begun.note(store, key)
        for run in ("", *arrival.runs):
            with contextlib.nullcontext() if not run else locked(_lock(arrival.root, run)):
                if run:
                    remove((arrival.root / run).rglob(".*.part"))  # of a killed process: whoever lives holds the lock
                for item in [one for one in arrival.items if _run_of(one) == run]:
                    if run:
                        _refuse_other(arrival, [item])
                    with reader.open(item.name) as file:
                        written(file, arrival.root / item.name, artifact_of(item.sha256, item.size, "x"))
                    done += item.size
                    on_file(done, arrival.bytes)
                if run:
                    push(arrival.root, arrival.root / run)
            if not run:
                _send(arrival)


def _of_store(arrival: Arrival) -> Iterator[Item]:
    return (item for item in arrival.items if item.name.startswith(f"{CACHE}/cas/"))


def _send(arrival: Arrival) -> None:
    """Send what was made to the depot, where there is one, before the folders that show it."""
    exchange = Workshop(arrival.root / CACHE).exchange
    if exchange is not None:
        for key, manifest in arrival.manifests.items():
            exchange.expect(key)
            exchange.send_unsent(manifest, lambda _text: None)  # what is not sent now is sent by who finds it


def _run_of(item: Item) -> str:
    return "" if item.name.startswith(f"{CACHE}/") else "/".join(item.name.split("/")[:2])


def _lock(root: Path, run: str) -> Path:
    """Of whoever writes a run's folder."""
    return root / CACHE / "locks" / f"run-{run.rpartition('/')[2]}.lock"


def _check_name(name: str, where: str) -> None:
    """Raise RefusedError for a file that no export has: outside, hidden, or not where its kind lies."""
    parts = name.split("/")
    fits = len(name) <= 1000 and not any(ord(letter) < 32 for letter in name)
    if fits and parts[:2] == [CACHE, "cas"] and len(parts) == 4:
        digest, _, kind = parts[3].partition(".")
        with contextlib.suppress(ValueError):
            fits = artifact_of(digest, 0, kind).path == "/".join(parts[1:])
            if fits:
                return
    if fits and parts[:2] == [CACHE, "manifests"] and len(parts) == 3:
        with contextlib.suppress(ValueError):
            if f"{artifact_of(parts[2].partition('.')[0], 0, 'x').sha256}.json" == parts[2]:
                return
    if fits and len(parts) > 2 and is_plain(name) and is_story(Path(parts[0])):
        return
    raise RefusedError(
        f"{where} holds a file called {name!a:.100}, which is no file of a run or its store. Nothing of it was written."
    )


def _chosen(index: Index, runs: Sequence[str], where: str) -> list[str]:
    for run in index.runs:
        if len(run.split("/")) != 2 or f"{run}/{CONFIG}" not in index.items:
            raise RefusedError(f"{where}: run {run!a:.100} is told by its index and not there. Export it again.")
    if not runs:
        return list(index.runs)
    found = []
    for name in runs:
        fitting = [run for run in index.runs if name in (run, run.rpartition("/")[2])]
        if not fitting:
            known = ", ".join(run.rpartition("/")[2] for run in index.runs[:5])
            raise RefusedError(f"{where} holds no run {name!r}; it has {known}{' ...' * (len(index.runs) > 5)}.")
        found += [run for run in fitting if run not in found]
    return found


class _Coming:
    def __init__(self, reader: Reader, index: Index, arrival: Arrival) -> None:
        self.reader, self.index, self.arrival = reader, index, arrival
        self.keys: dict[str, None] = {}
        self.known: set[str] = set()

    def run_items(self, run: str) -> list[Item]:
        """The files of a run's folder, `config.json` last, once that is found to be one that can be used here."""
        items = [item for name, item in self.index.items.items() if name.startswith(f"{run}/")]
        facts = self._facts(run, self.index.items[f"{run}/{CONFIG}"])
        for part, sha256 in facts["files"].items():
            item = self.index.items.get(f"{run}/{part}")
            if (item is None or item.sha256 != sha256) and part not in TABLES.values():
                raise self._wrong(f"{run}/{part}", "is missing, or not what the run made")
        for item in filter(lambda one: is_naming(one.name), items):
            try:
                self.keys.update(dict.fromkeys(keys_in(self._content(item))))
            except DamagedError as error:
                raise self._wrong(item.name, "cannot be read") from error
        return sorted(
            items, key=lambda item: (item.name.endswith(f"/{CONFIG}"), item.name.endswith(".json"), item.name)
        )

    def _facts(self, run: str, item: Item) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads(self._content(item))
            if facts["run_id"] != run.rpartition("/")[2]:
                raise ValueError(f"it is that of run {facts['run_id']!r:.50}")
            if SOURCE not in facts:
                RunConfig.model_validate(facts["config"])
            if not all(isinstance(one, str) for pair in facts["files"].items() for one in pair):
                raise ValueError("its files are not told by names and hashes")
            return facts
        except RefusedError:
            raise
        except UNUSABLE as error:
            version = self.index.software or "an unknown version"
            raise RefusedError(
                f"{self.reader.shown}: {item.name} cannot be used by this version of Tenfold: {error!s:.300}. It was "
                f"exported by {version!a:.60}; update Tenfold, or export it again."
            ) from error

    def stage_items(self) -> list[Item]:
        """The files of the stages that the runs name, as far as they came along: contents before manifests."""
        contents: dict[str, Item] = {}
        manifests = []
        for key in self.keys:
            item = self.index.items.get(f"{CACHE}/manifests/{key}.json")
            if item is None:
                continue
            manifest = parsed(self._content(item))
            if manifest is None or manifest.key.digest != key:
                raise self._wrong(item.name, "is no manifest that this version of Tenfold knows")
            for artifact in manifest.artifacts.values():
                part = self.index.items.get(f"{CACHE}/{artifact.path}")
                if part is None or (part.size, part.sha256) != (artifact.size, artifact.sha256):
                    raise self._wrong(f"{CACHE}/{artifact.path}", "is missing, or not what its stage made")
                contents[part.name] = part
            self.arrival.manifests[key] = manifest
            manifests.append(item)
        return [*contents.values(), *manifests]

    def _content(self, item: Item) -> bytes:
        if item.size > MOST_FACTS:
            raise self._wrong(item.name, "is too large to be one")
        self.verify(item)
        with self.reader.open(item.name) as file:
            return file.read(item.size)

    def verify(self, item: Item) -> None:
        """Raise RefusedError where a file is not what the index tells, without reading more than that."""
        if item.name in self.known:
            return
        sha256, size = hashlib.sha256(), 0
        with self.reader.open(item.name) as file:
            while size <= item.size and (part := file.read(_PART)):
                sha256.update(part)
                size += len(part)
        if (size, sha256.hexdigest()) != (item.size, item.sha256):
            raise self._wrong(item.name, "is damaged, or was changed after it was exported")
        self.known.add(item.name)

    def _wrong(self, name: str, how: str) -> RefusedError:
        return RefusedError(f"{self.reader.shown}: {name!a:.150} {how}. Nothing was written; export it again.")


def _compare(arrival: Arrival, items: Sequence[Item]) -> None:
    """Leave out what is there already. Raises RefusedError where something else is, and where a link leads outside."""
    root, store = arrival.root.resolve(), Workshop(arrival.root / CACHE)
    for item in items:
        path = arrival.root / item.name
        if not path.resolve().is_relative_to(root):
            raise RefusedError(f"{path} leads out of {root} by a link. Nothing was written; choose another --out.")
        if is_copy(path, artifact_of(item.sha256, item.size, "x")):
            arrival.there += 1
        elif item.name.startswith(f"{CACHE}/manifests/") and store.recall(path.stem) is not None:
            arrival.there += 1  # made here, too: its own files are as good
        else:  # also in the place of a damaged file of the store, whose name tells what it should be
            arrival.items.append(item)
    _refuse_other(arrival, arrival.items)


def _refuse_other(arrival: Arrival, items: Sequence[Item]) -> None:
    """Raise RefusedError where files of run folders would replace others."""
    shown_items = (item for item in items if not item.name.startswith(f"{CACHE}/"))
    different = [item.name for item in shown_items if (arrival.root / item.name).exists()]
    if different:
        more = f" and {len(different) - 1} more" if len(different) > 1 else ""
        raise RefusedError(
            f"{different[0]}{more} under {shown(arrival.root)} is there already and is something else, which is not "
            "replaced. Choose another folder with --out, or delete that run first."
        )
