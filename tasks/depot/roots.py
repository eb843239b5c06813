"""The folder of all runs, wherever it lies: a local folder as it is, of a URL a mirror that says whose it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from tasks import environment
from tasks.depot.depot import Depot, open_depot
from tasks.depot.folders import Note, hashes_in, pull, push, send_owed, sharing, sizes_in, tell
from tasks.depot.marker import STORE, depot_of, mark, mirror_of, shown
from tasks.depot.names import is_url, slug_of, url_of
from tasks.depot.synced import signs, synced
from tasks.locks import locked

__all__ = [
    "depot_of",
    "elsewhere",
    "in_turn",
    "is_finished",
    "open_root",
    "pull",
    "pull_run",
    "pull_runs",
    "push",
    "runs_in",
    "send_all",
    "sharing",
    "shown",
]
CONFIG = "config.json"
T = TypeVar("T")
_AT_ONCE = 8
FEWEST = 4
"""Letters of an id that can stand for the whole."""


def open_root(name: str | Path) -> Path:
    """The local folder of all runs that `name`, a folder or a URL, stands for.

    Of a URL that is its mirror in TENFOLD_CACHE, which is made where it is missing; the store itself is not asked.
    Raises RefusedError for a URL with a password in it, or of a store that nothing installed here can reach.
    """
    if not is_url(name):
        return Path(name)
    url = url_of(name)
    open_depot(url)
    root = environment.read().cache.expanduser().absolute() / "roots" / slug_of(url)
    mark(root, url)
    return root


def runs_in(depot: Depot) -> Iterator[str]:
    """The names `story/run` of all folders of runs in a depot, finished or not, sorted."""
    for story in depot.folders():
        if not story.startswith((".", "_")):
            yield from depot.folders(story)


def elsewhere(root: Path) -> list[str]:
    """The ids of the runs in the depot of `root`, if it has one. Raises DepotError."""
    depot = depot_of(root)
    return [] if depot is None else [name.rpartition("/")[2] for name in runs_in(depot)]


def pull_run(root: Path, name: str) -> None:
    """Fetch from the depot of `root`, if it has one, whatever `name` can mean: a run by its id or the beginning of it,
    a story's runs, a sweep, a batch or the like by its name or id, a path under `root`. Raises DepotError."""
    depot = depot_of(root)
    if depot is None or not name.strip():
        return
    inside = _inside(Path(name), root)
    if inside == ".":
        pull_runs(root)
    elif inside is not None and not inside.startswith("."):
        _pull_all(root, [inside] if "/" in inside else depot.folders(inside))
    elif "/" not in name or not Path(name).is_dir():  # else it is a folder of this machine, elsewhere
        _pull_all(root, _meant(depot, name))


def pull_runs(root: Path) -> None:
    """Fetch all finished runs, sweeps and the like from the depot of `root`, if it has one. Raises DepotError."""
    depot = depot_of(root)
    if depot is not None:
        _pull_all(root, [one for top in depot.folders() if not top.startswith(".") for one in depot.folders(top)])


def send_all(root: Path, noted: Note = tell) -> None:
    """Send to the depot of `root`, if it has one, every folder that has changed since it was last sent."""
    if depot_of(root) is None:
        return
    send_owed(root, noted)
    for folder in sorted(root.glob("*/*")):
        if folder.is_dir() and not folder.parent.name.startswith("."):
            name = folder.relative_to(root).as_posix()
            with _writing(root, name):
                if synced(root, name).changed() and not push(root, folder, noted):
                    return  # it is away: what is left is found again by its changes


def is_finished(root: Path, name: str, sizes: Mapping[str, int] | None = None) -> bool:
    """Whether the run's folder `story/run` is complete, where all machines see it: its `config.json`, and the files in
    `sizes` (bytes by name) in those sizes and told by it. Raises DepotError."""
    depot, sizes = depot_of(root), sizes or {}
    there = {file: sign[0] for file, sign in signs(root / name).items()} if depot is None else sizes_in(depot, name)
    if CONFIG not in there or not sizes.items() <= there.items():
        return False
    told = (root / name / CONFIG).read_bytes() if depot is None else depot.read(f"{name}/{CONFIG}")
    return sizes.keys() <= hashes_in(told or b"").keys()


def _inside(path: Path, root: Path) -> str | None:
    path, root = path.absolute(), root.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def in_turn(root: Path, jobs: Sequence[T]) -> list[T]:
    """Jobs in the order in which this machine takes them: each mirror of a depot begins at another one, so that several
    machines do not wait for each other at the same job. In a local folder they stay as they are."""
    if not jobs or depot_of(root) is None:
        return [*jobs]
    first = int(hashlib.sha256(mirror_of(root).encode()).hexdigest(), 16) % len(jobs)
    return [*jobs[first:], *jobs[:first]]


def _meant(depot: Depot, name: str) -> Iterable[str]:
    last = name.strip("/").rpartition("/")[2]
    begun = len(last) >= FEWEST
    for top in depot.folders():
        if top.startswith("."):
            continue
        folders = depot.folders(top)
        if top == last:
            yield from folders
        for folder in folders:
            own = folder.rpartition("/")[2]
            if last in (own, own.rpartition("-")[0]) or (begun and (own.startswith(last) or f"-{last}" in own)):
                yield folder


def _pull_all(root: Path, names: Iterable[str]) -> None:
    def brought(name: str) -> None:
        with _writing(root, name):
            pull(root, name)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(brought, names):
            pass


def _writing(root: Path, name: str) -> AbstractContextManager[None]:
    """The lock of whoever writes into a run's folder, as `tasks.folder.writing`."""
    return locked(root / STORE / "locks" / f"run-{name.rpartition('/')[2]}.lock")
