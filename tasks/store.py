"""Content-addressed files: a file is named by the SHA-256 of its bytes, so that its name proves its content."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tasks import begun
from tasks.errors import RunError
from tasks.hashes import known_sha256, memo, stamped
from tasks.hashes import sha256_of as sha256_of

_PART = 1 << 20


@dataclass(frozen=True)
class Artifact:
    """A reference to a stored file: path relative to the store, SHA-256 of the content, size, and kind (suffix)."""

    path: str
    sha256: str
    size: int
    kind: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for a manifest; `from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Artifact:
        """The artefact of a manifest. Raises TypeError or ValueError when the value is not one."""
        artifact = cls(**value)
        if artifact != artifact_of(artifact.sha256, artifact.size, artifact.kind):
            raise ValueError(f"not a reference into a store: {value!r}")
        return artifact


def artifact_of(sha256: str, size: int, kind: str) -> Artifact:
    """The reference to content with this hash. Raises ValueError for what cannot be one."""
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef") or not kind.isalnum() or not isinstance(size, int):
        raise ValueError(f"expected a SHA-256 in hex, a size and a plain suffix, got {sha256!r}, {size!r}, {kind!r}")
    return Artifact(f"cas/{sha256[:2]}/{sha256}.{kind}", sha256, size, kind)


def left_beside(target: Path) -> list[Path]:
    """What `replacing`, or a folder in the making, has left beside `target`, or is just writing there."""
    return [*target.parent.glob(f".{glob.escape(target.name[:40])}.*.part")]


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders; those that are not there are no fault."""
    for path in [*paths]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a temporary path beside `target`; when the body succeeds, its content is on disk under that name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would hide a shared run folder from its readers
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write a whole file or none of it."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


class Store:
    """The artefacts under one folder; safe for several processes at once. Creating the object writes nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, file: Path) -> Artifact:
        """Keep a copy of `file`. A damaged file of the same name is replaced."""
        artifact = artifact_of(sha256_of(file), file.stat().st_size, file.suffix.lstrip(".").lower())
        begun.note(self.root, artifact.path)  # before the look: what is found there must not be swept away after it
        if not self.is_intact(artifact):
            copied(file, self.path(artifact), artifact)
        return artifact

    def path(self, artifact: Artifact) -> Path:
        """Where the artefact's content lies, if it does."""
        return self.root / artifact.path

    def find(self, sha256: str, kind: str) -> Path | None:
        """The intact file with that content, whatever its size; None where there is none."""
        path = self.path(artifact_of(sha256, 0, kind))
        return path if path.is_file() and known_sha256(path) == sha256 else None

    def is_intact(self, artifact: Artifact) -> bool:
        """Whether the content is there, has the right size and hashes to its name."""
        return is_copy(self.path(artifact), artifact)

    def copy_out(self, artifact: Artifact, target: Path) -> bool:
        """Make `target` a copy of the artefact; False if it already was one.

        A copy and not a hard link: who edits a picture of a run in place must not damage what other runs share.
        """
        if is_copy(target, artifact):
            return False
        copied(self.path(artifact), target, artifact)
        return True


def is_copy(path: Path, artifact: Artifact) -> bool:
    """Whether `path` is a file with exactly the artefact's content."""
    try:
        return path.stat().st_size == artifact.size and known_sha256(path) == artifact.sha256
    except OSError:
        return False


def copied(source: Path, target: Path, artifact: Artifact) -> None:
    """Make `target` a copy of `source`, whole or not at all. Raises RunError where that is not the artefact."""
    with source.open("rb") as file:
        written(file, target, artifact)


def written(file: BinaryIO, target: Path, artifact: Artifact) -> None:
    """Write what an open file holds to `target`, whole or not at all.

    Raises RunError where that is not the artefact, as of a file that changes meanwhile: nothing is written then.
    """
    with replacing(target) as temporary:
        sha256, size = hashlib.sha256(), 0
        with temporary.open("wb") as copy:
            while size <= artifact.size and (part := file.read(_PART)):
                sha256.update(part)
                size += copy.write(part)
        if (sha256.hexdigest(), size) != (artifact.sha256, artifact.size):
            raise RunError(
                f"What was to become {target} is not what it was a moment ago: expected {artifact.size} bytes that "
                f"hash to {artifact.sha256[:12]}. Is something else writing there? Run the same command again."
            )
        stamp = stamped(temporary)
    memo().written(target, artifact.sha256, stamp)
