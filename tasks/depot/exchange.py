"""What a local store and its depot give each other: manifests with their files, leases, checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from tasks import begun
from tasks.depot.checkpoints import checkpoints
from tasks.depot.depot import Depot
from tasks.depot.failures import AwayError, DepotError
from tasks.depot.leases import Timing, leased
from tasks.depot.marker import STORE, depot_of, mirror_of
from tasks.hashes import sha256_of
from tasks.manifest import Manifest, canonical_json, parsed
from tasks.store import Artifact, Store, artifact_of, replacing, write_bytes

T = TypeVar("T")
Note = Callable[[str], None]
UNSENT = "unsent"
"""In the store: what could not be sent when it was made, an empty file by the digest of each manifest."""
_AT_ONCE = 8
_TOLD: set[str] = set()
"""Depots of which the user has been told, once a process, what they cannot promise."""


def exchange_of(store: Path, timing: Timing) -> Exchange | None:
    """The exchange of a store's folder with its depot; None where it has none."""
    depot = depot_of(store.parent) if store.name == STORE else None
    return None if depot is None else Exchange(depot, store, timing)


class Exchange:
    """Between the store in a mirror and the depot that it mirrors.

    A depot that answers nothing from the beginning is an error, AwayError; one that goes away in the middle of the work
    is done without: what is made is kept here and sent later.
    """

    def __init__(self, depot: Depot, folder: Path, timing: Timing) -> None:
        self.depot, self.folder, self.timing = depot, folder, timing
        self.store = Store(folder)

    def peek(self, digest: str) -> Manifest | None:
        """The depot's manifest if all its files are there in the right sizes; nothing is fetched."""
        manifest = self._or_none(lambda: self._manifest(digest))
        if manifest is None or not self._or_none(lambda: self._has_all(manifest.artifacts.values())):
            return None
        return manifest

    def fetch(self, digest: str) -> Manifest | None:
        """The depot's manifest, once all its files are here, verified; None where something is missing or damaged."""
        manifest = self._or_none(lambda: self._manifest(digest))
        if manifest is None:
            return None
        if not self._or_none(lambda: all(_at_once(self._bring, manifest.artifacts.values()))):
            return None
        write_bytes(self.folder / "manifests" / f"{digest}.json", canonical_json(manifest.as_json()).encode())
        return manifest

    def content(self, sha256: str, kind: str) -> Path | None:
        """A single file of the depot's store by its hash, fetched and verified; None where there is none."""
        artifact = artifact_of(sha256, 0, kind)
        return self.store.path(artifact) if self._or_none(lambda: self._bring(artifact)) else None

    def expect(self, digest: str) -> None:
        """Remember that a manifest is to be sent, before it is there: a process that is killed leaves the word."""
        write_bytes(self._mark(digest), b"")

    def send(self, manifest: Manifest, noted: Note) -> None:
        """Put the manifest's files in the depot, then itself; what cannot be sent now is remembered."""
        mark = self._mark(manifest.key.digest)
        try:
            name = _name(manifest)
            # Whoever makes what the depot tells to be there has found it damaged there, or was told to make it anew.
            over = self.depot.size(name) is not None
            for _ in _at_once(lambda artifact: self._give(artifact, over=over), manifest.artifacts.values()):
                pass
            self.depot.write(name, canonical_json(manifest.as_json()).encode())
        except DepotError as error:
            noted(
                f"What was made is kept here and not yet in {self.depot.url}: {error} It is sent by the next command."
            )
        else:
            mark.unlink(missing_ok=True)

    def send_unsent(self, manifest: Manifest, noted: Note) -> None:
        """Send what could not be sent when it was made."""
        mark = self._mark(manifest.key.digest)
        if not mark.is_file():
            return
        if self.peek(manifest.key.digest) is not None:  # made by another machine, too
            mark.unlink(missing_ok=True)
        else:
            self.send(manifest, noted)

    def unsent(self) -> list[str]:
        """The digests of manifests that are still to be sent."""
        return sorted(path.name for path in (self.folder / UNSENT).glob("*") if not path.name.startswith("."))

    @contextmanager
    def leased(self, digest: str, on_wait: Callable[[], None], noted: Note) -> Iterator[None]:
        """Keep other machines from the same work, as well as the depot can."""
        with contextlib.ExitStack() as held:
            try:
                if not self.depot.conditional and self.depot.url not in _TOLD:
                    _TOLD.add(self.depot.url)
                    noted(
                        f"{self.depot.url} cannot promise that only one of several machines creates a file: two that "
                        "begin at the same moment may make the same thing twice. Nothing is damaged by that, only time "
                        "is lost."
                    )
                mirror = mirror_of(self.folder.parent)
                held.enter_context(leased(self.depot, digest, mirror, timing=self.timing, on_wait=on_wait))
            except AwayError as error:
                if not self.depot.was_reached:
                    raise
                noted(f"{error} The work goes on here, and other machines do not know of it.")
            yield

    def checkpoints(self, digest: str, work: Path, *, force: bool) -> AbstractContextManager[None]:
        """Bring the checkpoint that another machine left, and copy those of the body to the depot now and then."""
        begun.making(self.folder)
        return checkpoints(
            self.depot, digest, work, self.folder / "copies" / f"{digest}.json", self.timing, force=force
        )

    def _manifest(self, digest: str) -> Manifest | None:
        manifest = parsed(self.depot.read(f"{STORE}/manifests/{digest}.json"))
        return manifest if manifest is not None and manifest.key.digest == digest else None

    def _has_all(self, artifacts: Iterable[Artifact]) -> bool:
        return all(_at_once(lambda one: self.depot.size(f"{STORE}/{one.path}") == one.size, artifacts))

    def _bring(self, artifact: Artifact) -> bool:
        begun.note(self.folder, artifact.path)
        target = self.store.path(artifact)
        if self.store.find(artifact.sha256, artifact.kind) is not None:
            return True
        with contextlib.suppress(_DamagedError), replacing(target) as temporary:
            if self.depot.download(f"{STORE}/{artifact.path}", temporary) and sha256_of(temporary) == artifact.sha256:
                return True
            raise _DamagedError
        return False

    def _give(self, artifact: Artifact, *, over: bool) -> None:
        name = f"{STORE}/{artifact.path}"
        if over or self.depot.size(name) != artifact.size:
            self.depot.upload(self.store.path(artifact), name)

    def _mark(self, digest: str) -> Path:
        return self.folder / UNSENT / digest

    def _or_none(self, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except AwayError:
            if not self.depot.was_reached:
                raise
            return None


class _DamagedError(Exception):
    """Leaves no file behind."""


def _name(manifest: Manifest) -> str:
    return f"{STORE}/manifests/{manifest.key.digest}.json"


def _at_once(act: Callable[[Artifact], T], artifacts: Iterable[Artifact]) -> list[T]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(act, artifacts))
