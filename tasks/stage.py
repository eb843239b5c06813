"""One cached stage: a key that says what is made, a manifest that says it is made, a lock so that it is made once.

The manifest is written last and is the commit point; it counts only while all its files are there and unchanged.
The lock is the kernel's (`flock`), so that a killed process leaves none behind. Where the folder of all runs is the
mirror of a depot, a lease there keeps other machines from the same work, and what is made is sent there.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tasks import begun, events
from tasks.depot.exchange import Exchange, exchange_of
from tasks.depot.leases import TIMING, Timing
from tasks.locks import locked
from tasks.manifest import Json, Made, Manifest, StageKey, canonical_json, parsed
from tasks.store import Store, write_bytes

__all__ = ["Json", "Made", "Manifest", "StageKey", "Workshop", "canonical_json", "locked"]


class Workshop:
    """Makes stages in a store's folder: contents in `cas/`, the rest in `manifests/`, `locks/` and `work/`.

    timing: of the leases and copies of checkpoints in a depot.
    """

    def __init__(self, root: Path, timing: Timing = TIMING) -> None:
        self.root = root
        self.store = Store(root)
        self.timing = timing

    @cached_property
    def exchange(self) -> Exchange | None:
        """With the depot whose mirror this store is in; None for one that is all there is."""
        return exchange_of(self.root, self.timing)

    def find(self, key: StageKey) -> Manifest | None:
        """The stage's manifest if it has been made, here or in the depot, and every file of it is unchanged.

        What only the depot has is fetched.
        """
        manifest = self._kept(key.digest)
        if manifest is None and self.exchange is not None:
            manifest = self.exchange.fetch(key.digest)
        return manifest if manifest is not None and manifest.key == key else None

    def peek(self, key: StageKey) -> Manifest | None:
        """As `find`, and writes nothing: of what only the depot has, the sizes are looked at and nothing is fetched."""
        manifest = self._kept(key.digest)
        if manifest is None and self.exchange is not None:
            manifest = self.exchange.peek(key.digest)
        return manifest if manifest is not None and manifest.key == key else None

    def recall(self, digest: str) -> Manifest | None:
        """As `find`, for a stage of which only the key's digest is known."""
        manifest = self._kept(digest)
        return self.exchange.fetch(digest) if manifest is None and self.exchange is not None else manifest

    def content(self, sha256: str, kind: str) -> Path | None:
        """The intact file with that content, fetched where only the depot has it; None where there is none."""
        path = self.store.find(sha256, kind)
        return self.exchange.content(sha256, kind) if path is None and self.exchange is not None else path

    def manifests(self, stage: str) -> list[Manifest]:
        """The readable manifests of a stage that are here, oldest first; their files may be gone. Writes nothing."""
        paths = sorted((self.root / "manifests").glob("*.json"), key=lambda path: path.stat().st_mtime)
        found = (_read(path) for path in paths)
        return [manifest for manifest in found if manifest is not None and manifest.key.stage == stage]

    def make(
        self,
        key: StageKey,
        body: Callable[[Path], Made],
        *,
        force: bool = False,
        on_wait: Callable[[], None] = lambda: None,
        on_note: Callable[[str], None] | None = None,
    ) -> tuple[Manifest, bool]:
        """Find or make a stage; the flag says whether this call made it.

        body: gets the stage's work folder, which keeps what an interrupted call left there (a checkpoint), here or on
            another machine, and is removed after success. With `force` it is empty and nothing found is used.
        on_wait: called when another process or machine holds the stage, before waiting for it.
        on_note: called with a sentence on what a depot cannot do; without it, whoever listens to the run is told.

        Raises DepotError where the depot cannot be used; one that only goes away in the middle is done without.
        """
        begun.note(self.root, key.digest)  # before the look: what is found must not be swept away after it
        noted = on_note or (lambda text: events.listener()(events.StageNoted(key.stage, text)))
        if not force and (manifest := self._found(key, noted)):
            return manifest, False
        with locked(self.root / "locks" / f"{key.digest}.lock", on_wait), self._leased(key, on_wait, noted):
            if not force and (manifest := self._found(key, noted)):  # made by another one while we waited
                return manifest, False
            work = self.root / "work" / key.digest
            if force:
                shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            made = self._copied(key, work, body, force=force)
            artifacts = {name: self.store.put(file) for name, file in made.files.items()}
            manifest = Manifest(key, artifacts, made.facts, round(time.perf_counter() - started - made.waited_s, 3))
            text = canonical_json(manifest.as_json())
            if self.exchange is not None:
                self.exchange.expect(key.digest)
            write_bytes(self._manifest_path(key.digest), text.encode())
            if self.exchange is not None:
                self.exchange.send(manifest, noted)
            shutil.rmtree(work, ignore_errors=True)
            return Manifest.from_json(json.loads(text)), True  # as `find` returns it, in the order of its file

    def _found(self, key: StageKey, noted: Callable[[str], None]) -> Manifest | None:
        manifest = self.find(key)
        if manifest is not None and self.exchange is not None:
            self.exchange.send_unsent(manifest, noted)
        return manifest

    @contextmanager
    def _leased(self, key: StageKey, on_wait: Callable[[], None], noted: Callable[[str], None]) -> Iterator[None]:
        if self.exchange is None:
            yield
        else:
            with self.exchange.leased(key.digest, on_wait, noted):
                yield

    def _copied(self, key: StageKey, work: Path, body: Callable[[Path], Made], *, force: bool) -> Made:
        if self.exchange is None:
            return body(work)
        with self.exchange.checkpoints(key.digest, work, force=force):
            return body(work)

    def _kept(self, digest: str) -> Manifest | None:
        manifest = _read(self._manifest_path(digest))
        if manifest is None or manifest.key.digest != digest:
            return None
        return manifest if all(map(self.store.is_intact, manifest.artifacts.values())) else None

    def _manifest_path(self, digest: str) -> Path:
        return self.root / "manifests" / f"{digest}.json"


def _read(path: Path) -> Manifest | None:
    try:
        return parsed(path.read_bytes())
    except OSError:  # never made: to be made
        return None
