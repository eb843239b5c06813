"""Putting right what `tasks.verify` has found: from another copy where there is one, else it is taken away.

What was taken away is made again by the next run that needs it. Every file is written whole or not at all, so that
mending may be stopped at any moment and begun anew.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks import begun
from tasks.depot.failures import DepotError
from tasks.depot.marker import depot_of
from tasks.errors import RunError
from tasks.locks import locked
from tasks.manifest import parsed
from tasks.naming import DamagedError, is_naming, keys_in
from tasks.places import Here, Place, There
from tasks.run import CACHE
from tasks.store import artifact_of, copied, sha256_of
from tasks.verify import MANIFESTS, Damage

TAKEN = "taken away: the next run makes it again"
LEFT = "left: nothing here has it as it was; the run's own command makes it again"


def mend(root: Path, place: Place, damages: Iterable[Damage]) -> None:
    """Put right what was found in `place`, the folder `root` itself or the depot that it is the mirror of.

    Every damage is told what was done. Files of the store come before those of run folders, which are put right from
    it.
    """
    work = _Mending(root, place)
    waiting = sorted(damages, key=lambda damage: not _in_store(damage))
    with begun.sweeping(root / CACHE) if place.is_here else contextlib.nullcontext():
        for damage in waiting:
            if _in_store(damage):
                damage.mended = work.stored(damage)
    for damage in waiting:
        if not _in_store(damage):
            damage.mended = work.shown(damage)


def _in_store(damage: Damage) -> bool:
    return damage.name.startswith(f"{CACHE}/")


class _Mending:
    def __init__(self, root: Path, place: Place) -> None:
        self.root, self.place = root, place

    def stored(self, damage: Damage) -> str:
        """Put a file of the store right."""
        if damage.sha256 is None and self._manifest(damage.name):
            return f"put back from {damage.name} on the other side"
        if damage.sha256 is not None:
            for source in self._copies(damage):
                if self._put(source, damage.name, damage.sha256):
                    return f"put back from {source}"
        if damage.what != "missing":
            self.place.delete([damage.name])
        self.place.delete(f"{MANIFESTS}/{key}.json" for key in damage.keys)  # they promise what is not there
        return TAKEN

    def _manifest(self, name: str) -> bool:
        """Put back a manifest that the other side has, with the files that it promises."""
        other = self._other()
        manifest = None if other is None else parsed(other.read(name))
        if other is None or manifest is None or f"{MANIFESTS}/{manifest.key.digest}.json" != name:
            return False
        for artifact in manifest.artifacts.values():
            stored = f"{CACHE}/{artifact.path}"
            if self.place.size(stored) != artifact.size and not self._put(stored, stored, artifact.sha256):
                return False
        return self._put_from(other, name, name)

    def shown(self, damage: Damage) -> str:
        """Put a file of a run folder right."""
        name = damage.name
        with locked(self.root / CACHE / "locks" / f"run-{Path(name).parts[1]}.lock"):  # of whoever writes there
            if damage.sha256 is None:
                return self._unnamed(damage)
            stored = f"{CACHE}/{artifact_of(damage.sha256, 0, _kind(name)).path}" if _kind(name) else ""
            for source in (stored, *self._copies(damage)):
                if source and self._put(source, name, damage.sha256):
                    return f"put back from {source}"
            return LEFT

    def _unnamed(self, damage: Damage) -> str:
        """A file of which no hash is known: the one that names the others, or a table of scores."""
        other = self._other()
        content = None if other is None else other.read(damage.name)
        is_sound = content is not None and _is_sound(damage.name, content)
        if is_sound and other is not None and self._put_from(other, damage.name, damage.name):
            return f"put back from {other.shown}"
        if damage.what == "missing":
            return LEFT
        self.place.delete([damage.name])
        if is_naming(damage.name):
            return "taken away: make the run again before the next tenfold gc, which would forget its stages"
        return TAKEN

    def _copies(self, damage: Damage) -> Iterator[str]:
        """Where else the content may be: in folders that show it, as they tell; the same name on the other side."""
        for folder in sorted(damage.runs):
            names = [entry.name for entry in self.place.entries(folder)]
            for naming in filter(is_naming, names):
                for part, sha256 in _files(self.place.read(naming)).items():
                    name = f"{naming.rpartition('/')[0]}/{part}"
                    if sha256 == damage.sha256 and name != damage.name:
                        yield name
        if self._other() is not None:
            yield damage.name

    def _other(self) -> Place | None:
        """The depot, seen from its mirror; the mirror, seen from the depot."""
        if not self.place.is_here:
            return Here(self.root)
        depot = depot_of(self.root)
        return None if depot is None else There(depot)

    def _put(self, source: str, name: str, sha256: str) -> bool:
        """Put the content of `source`, on this side or the other, in the place of `name`, if it hashes to that."""
        sides = [side for side in (self.place, self._other()) if side is not None]
        return any(
            side.sha256(source) == sha256 and self._put_from(side, source, name)
            for side in sides
            if (side, source) != (self.place, name)
        )

    def _put_from(self, side: Place, source: str, name: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            file = self.root / source
            if isinstance(side, There):
                file = Path(folder) / "content"
                if not side.depot.download(source, file):
                    return False
            try:
                if isinstance(self.place, There):
                    self.place.depot.upload(file, name)
                else:
                    artifact = artifact_of(sha256_of(file), file.stat().st_size, _kind(name))
                    copied(file, self.root / name, artifact)
            except (RunError, OSError) as error:
                if isinstance(error, DepotError) or not isinstance(error, RunError):
                    raise
                return False  # it changed while it was copied
        return True


def _kind(name: str) -> str:
    return Path(name).suffix.lstrip(".").lower()


def _is_sound(name: str, content: bytes) -> bool:
    try:
        return not is_naming(name) or bool(keys_in(content) or content)
    except DamagedError:
        return False


def _files(content: bytes | None) -> dict[str, str]:
    try:
        files = json.loads(content or b"{}").get("files", {})
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (ValueError, AttributeError):
        return {}
