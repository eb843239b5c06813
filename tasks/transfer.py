"""Runs that leave a folder of all runs: chosen ones, with the manifests and files that they were made of.

What is made of them stands alone: it is a folder of runs with a store of its own, and an index beside them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks import begun
from tasks.depot.marker import shown
from tasks.depot.names import is_url
from tasks.depot.roots import pull_runs
from tasks.depot.synced import is_plain, signs
from tasks.errors import UNUSABLE, RefusedError
from tasks.finished import find_run
from tasks.hashes import known_sha256
from tasks.machine import check_room, check_writable
from tasks.measured import TABLES
from tasks.naming import is_naming, keys_in
from tasks.parcel_writing import check_new, writing
from tasks.parcels import Index, Item
from tasks.places import hash_of
from tasks.run import CACHE, CONFIG, is_story
from tasks.stage import Manifest, Workshop


@dataclass
class Export:
    """What an export will hold. notes: what it lacks, a sentence each."""

    root: Path
    target: str
    runs: list[str] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(item.size for item in self.items.values())


def finished_runs(root: Path) -> list[Path]:
    """The folders of all finished runs, fetched from the depot where there is one."""
    pull_runs(root)
    return sorted(path.parent for path in root.glob(f"*/*/{CONFIG}") if is_story(path.parent.parent))


def planned(root: Path, runs: Sequence[str], target: str) -> Export:
    """What an export of runs, by id or folder, to `target` will hold; writes nothing to it.

    Raises RefusedError for runs that are not there, not finished or damaged, and where `target` is something already.
    """
    check_new(target)
    export = Export(root.absolute(), target)
    keys: dict[str, None] = {}
    for name in runs:
        keys.update(dict.fromkeys(_add_run(export, find_run(name, root))))
    workshop = Workshop(export.root / CACHE)
    lacking = [key for key in keys if not _add_stage(export, workshop, key)]
    if lacking:
        export.notes.append(
            f"{len(lacking)} of {len(keys)} stages are no longer in the store of {shown(root)}: what is exported can "
            "be looked at and rendered, and what needs them is made again."
        )
    if not is_url(target):
        place = check_writable(Path(target).absolute().parent, "Name another place.")
        check_room(place, export.bytes, "the export", "Free some, or name another place.")
    return export


def perform(export: Export, on_file: Callable[[int, int], None] = lambda _done, _total: None) -> None:
    """Write an export, whole or not at all; `on_file` is told how many of how many bytes are there.

    Raises RunError where a file has changed meanwhile.
    """
    done = 0
    with begun.in_progress(export.root / CACHE, resumes=False), writing(export.target) as writer:
        for name in export.items:  # a sweep leaves them
            if name.startswith(f"{CACHE}/"):
                begun.note(export.root / CACHE, _noted(name))
        for item in sorted(export.items.values(), key=lambda item: item.name):
            with (export.root / item.name).open("rb") as file:
                writer.add(item, file)
            done += item.size
            on_file(done, export.bytes)
        writer.finish(Index(tuple(export.runs), export.items))


def _noted(name: str) -> str:
    """How a record of what is in use calls a file of the store."""
    inside = name.removeprefix(f"{CACHE}/")
    return Path(inside).stem if inside.startswith("manifests/") else inside


def _add_run(export: Export, folder: Path) -> Iterable[str]:
    """Add a run's folder; returns the keys of the stages that it names."""
    try:
        name = folder.resolve().relative_to(export.root.resolve()).as_posix()
    except ValueError:
        name = ""
    if len(name.split("/")) != 2 or not is_plain(name) or name.startswith("_"):
        raise RefusedError(f"{folder} is no run under {shown(export.root)}. Name its folder of all runs with --out.")
    told = _told(folder)
    keys: dict[str, None] = {}
    for file in sorted(signs(folder)):
        path, table = folder / file, Path(file).name in TABLES.values()
        item = Item(f"{name}/{file}", path.stat().st_size, known_sha256(path))
        if not table and told.get(file, item.sha256) != item.sha256:
            raise _damaged(folder, file, "was changed after it was made")
        export.items[item.name] = item
        if is_naming(item.name):
            with contextlib.suppress(ValueError):
                keys.update(dict.fromkeys(keys_in(path.read_bytes())))
    missing = [file for file in told if f"{name}/{file}" not in export.items and file not in TABLES.values()]
    if missing:
        raise _damaged(folder, missing[0], "is missing")
    export.runs.append(name)
    return keys


def _told(folder: Path) -> dict[str, str]:
    """The hashes of a run's files, as its `config.json` has them. Raises RefusedError for a run without."""
    try:
        facts: Any = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return {str(name): str(sha256) for name, sha256 in facts["files"].items()}
    except FileNotFoundError as error:
        raise RefusedError(f"{folder} holds no finished run: {CONFIG} is missing. Make it first.") from error
    except UNUSABLE as error:
        raise RefusedError(f"{folder / CONFIG} is damaged: {error!r:.200}. Make the run again.") from error


def _damaged(folder: Path, file: str, how: str) -> RefusedError:
    return RefusedError(f"{folder / file} {how}. Put it right first: tenfold verify {folder.name} --mend")


def _add_stage(export: Export, workshop: Workshop, key: str) -> bool:
    """Add a stage's manifest and its files, as far as they are in the store and intact."""
    manifest = workshop.recall(key)
    path = workshop.root / "manifests" / f"{key}.json"
    if manifest is None or not path.is_file():
        return False
    content = path.read_bytes()
    export.items.update((item.name, item) for item in stage_items(manifest, key, content))
    return True


def stage_items(manifest: Manifest, key: str, content: bytes) -> Iterable[Item]:
    """The files of a stage in the store: its manifest, whose content is given, and what that names."""
    yield Item(f"{CACHE}/manifests/{key}.json", len(content), hash_of(content))
    for artifact in manifest.artifacts.values():
        yield Item(f"{CACHE}/{artifact.path}", artifact.size, artifact.sha256)
