"""One cached stage: a key that says what is made, a manifest that says it is made, a lock so that it is made once.

The manifest is written last and is the commit point; it counts only while all its files are there and unchanged.
The lock is the kernel's (`flock`), so that a killed process leaves none behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.store import Artifact, Store, write_bytes

Json = Any
"""Values that JSON can hold: None, bool, int, finite float, str, list, dict with str keys."""

MANIFEST_VERSION = 1


def canonical_json(value: Json) -> str:
    """One text per value: sorted keys, no spaces, no NaN. Raises TypeError for what JSON cannot hold exactly."""
    _refuse_foreign(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_foreign(value: Json) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):  # json would turn 1 and "1" into the same key
                raise TypeError(f"expected text as key of a JSON object, got {name!r}")
            _refuse_foreign(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_foreign(item)
    elif type(value) not in (type(None), bool, int, float, str):  # tuples, tensors, sets: equal values, other texts
        raise TypeError(f"expected plain JSON values, got {type(value).__name__}")


@dataclass(frozen=True)
class StageKey:
    """What a stage makes: its name, the version of its algorithm, and everything that its result depends on."""

    stage: str
    version: str
    inputs: Json

    @property
    def digest(self) -> str:
        """SHA-256 of the three, in hex: the name of the manifest."""
        text = canonical_json({"stage": self.stage, "version": self.version, "inputs": self.inputs})
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """What a stage's body hands back: files by name (in its work folder), and plain facts."""

    files: Mapping[str, Path]
    facts: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The artefacts of a stage by name, its facts, and the seconds that making them took."""

    key: StageKey
    artifacts: dict[str, Artifact]
    facts: dict[str, Json]
    seconds: float

    def as_json(self) -> dict[str, Json]:
        """Plain values; `from_json` is the inverse."""
        return {
            "manifest_version": MANIFEST_VERSION,
            "stage": self.key.stage,
            "version": self.key.version,
            "inputs": self.key.inputs,
            "artifacts": {name: artifact.as_json() for name, artifact in self.artifacts.items()},
            "facts": self.facts,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, value: dict[str, Json]) -> Manifest:
        """The manifest of a file. Raises KeyError, TypeError, AttributeError or ValueError for others."""
        if value["manifest_version"] != MANIFEST_VERSION:
            raise ValueError(f"expected manifest version {MANIFEST_VERSION}, got {value['manifest_version']!r}")
        artifacts = {name: Artifact.from_json(artifact) for name, artifact in value["artifacts"].items()}
        key = StageKey(value["stage"], value["version"], value["inputs"])
        return cls(key, artifacts, value["facts"], float(value["seconds"]))


class Workshop:
    """Makes stages in a store's folder: contents in `cas/`, the rest in `manifests/`, `locks/` and `work/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root)

    def find(self, key: StageKey) -> Manifest | None:
        """The stage's manifest if it has been made and every file of it is unchanged. Writes nothing."""
        manifest = _read(self._manifest_path(key))
        if manifest is None or manifest.key != key or not all(map(self.store.is_intact, manifest.artifacts.values())):
            return None
        return manifest

    def peek(self, key: StageKey) -> Manifest | None:
        """As `find`, by the sizes of the files only: for plans, where nothing is to be fetched or hashed."""
        manifest = _read(self._manifest_path(key))
        if manifest is None or manifest.key != key or not all(map(self._has, manifest.artifacts.values())):
            return None
        return manifest

    def _has(self, artifact: Artifact) -> bool:
        try:
            return self.store.path(artifact).stat().st_size == artifact.size
        except OSError:
            return False

    def recall(self, digest: str) -> Manifest | None:
        """As `find`, for a stage of which only the key's digest is known."""
        manifest = _read(self.root / "manifests" / f"{digest}.json")
        return None if manifest is None or manifest.key.digest != digest else self.find(manifest.key)

    def manifests(self, stage: str) -> list[Manifest]:
        """The readable manifests of a stage, oldest first; their files may be gone. Writes nothing."""
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
    ) -> tuple[Manifest, bool]:
        """Find or make a stage; the flag says whether this call made it.

        body: gets the stage's work folder, which keeps what an interrupted call left there (a checkpoint) and
            is removed after success. With `force` it is empty and nothing found is used.
        on_wait: called when another process holds the stage, before waiting for it.
        """
        if not force and (manifest := self.find(key)):
            return manifest, False
        with locked(self.root / "locks" / f"{key.digest}.lock", on_wait):
            if not force and (manifest := self.find(key)):  # made by another process while we waited
                return manifest, False
            work = self.root / "work" / key.digest
            if force:
                shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            made = body(work)
            artifacts = {name: self.store.put(file) for name, file in made.files.items()}
            manifest = Manifest(key, artifacts, made.facts, round(time.perf_counter() - started, 3))
            text = canonical_json(manifest.as_json())
            write_bytes(self._manifest_path(key), text.encode())
            shutil.rmtree(work, ignore_errors=True)
            return Manifest.from_json(json.loads(text)), True  # as `find` returns it, in the order of its file

    def _manifest_path(self, key: StageKey) -> Path:
        return self.root / "manifests" / f"{key.digest}.json"


def _read(path: Path) -> Manifest | None:
    try:
        return Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # never made, or damaged: to be made
        return None


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, alone or with others who share it; `on_wait` is called before waiting, and may raise.

    The kernel frees the lock when the process ends, however it ends. The file stays.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, kind)
        yield  # closing the file frees the lock
