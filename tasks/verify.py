"""Looking through a store and its run folders for damage: what is missing, changed or unreadable, and whose it is."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tasks.cleaning import content_of
from tasks.depot.synced import is_plain
from tasks.finished import RENDERS
from tasks.manifest import parsed
from tasks.measured import TABLES
from tasks.naming import DamagedError, is_naming, keys_in
from tasks.places import Place, each
from tasks.run import CACHE, CONFIG

MANIFESTS, CONTENTS = f"{CACHE}/manifests", f"{CACHE}/cas"
What = Literal["missing", "changed", "unreadable"]


@dataclass
class Damage:
    """A file that is not as it was made. name: relative to the folder of all runs. stages: whose result it is part of.

    sha256: what its content should hash to, where that is known. keys: of those stages. runs: the folders that show
    them. mended: what was done about it.
    """

    name: str
    what: What
    sha256: str | None = None
    stages: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    mended: str | None = None

    def __str__(self) -> str:
        whose = [f"stage {' and '.join(sorted(self.stages))}"] if self.stages else []
        shown = sorted(self.runs)
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        whose += [f"run{'s' * (len(shown) > 1)} {', '.join(shown[:3])}{more}"] if shown else []
        owners = f" ({'; '.join(whose)})" if whose else ""
        return f"{self.name}: {self.what}{owners}"


@dataclass
class Verified:
    """What was looked at. quick: by sizes alone."""

    place: str
    quick: bool
    manifests: int = 0
    files: int = 0
    bytes: int = 0
    folders: int = 0
    damages: list[Damage] = field(default_factory=list)


def verify(
    place: Place, names: Collection[str] = (), *, quick: bool = False, on_file: Callable[[int], None] = lambda _: None
) -> Verified:
    """Look at everything in a place, or at the run folders of those names, and at what they name.

    quick: only whether the files are there in the right sizes. on_file: told how many files have been looked at.
    Reads only.
    """
    looking = _Looking(place, Verified(place.shown, quick), on_file)
    chosen = None if not names else {key for name in names for key in looking.keys_of(f"{name}/{CONFIG}")}
    looking.at_manifests(chosen)
    looking.at_contents(whole=chosen is None)
    looking.find_owners(chosen)
    looking.at_folders(names or _folders(place))
    looking.found.damages.sort(key=lambda damage: damage.name)
    return looking.found


def _folders(place: Place) -> Iterator[str]:
    for top in place.folders():
        if not top.startswith("."):
            yield from place.folders(top)


class _Looking:
    def __init__(self, place: Place, found: Verified, on_file: Callable[[int], None]) -> None:
        self.place, self.found, self.on_file = place, found, on_file
        self.sizes: dict[bytes, int] = {}  # by `_key`, what manifests say; 100,000 of them take some 15 MB
        self.broken: dict[bytes, Damage] = {}

    def keys_of(self, name: str) -> list[str]:
        try:
            return keys_in(self.place.read(name) or b"{}")
        except DamagedError:
            return []

    def at_manifests(self, chosen: set[str] | None) -> None:
        """Read what is to be there."""
        for name, content in each(self.place, self.place.read, self._manifests(chosen)):
            if content is None:  # removed meanwhile
                continue
            manifest = parsed(content)
            self.found.manifests += 1
            if manifest is None or manifest.key.digest != _stem(name):
                damage = Damage(name, "unreadable", keys={_stem(name)})
                self.found.damages.append(damage)
                self.broken[name.encode()] = damage
                continue
            for artifact in manifest.artifacts.values():
                self.sizes[_key(artifact.path)] = artifact.size

    def _manifests(self, chosen: set[str] | None) -> Iterator[str]:
        if chosen is not None:
            yield from (f"{MANIFESTS}/{key}.json" for key in sorted(chosen))
            return
        for entry in self.place.entries(MANIFESTS):
            if entry.name.endswith(".json") and not _last(entry.name).startswith("."):
                yield entry.name

    def at_contents(self, *, whole: bool) -> None:
        """Look at the files of the store: all of them, or those that the chosen manifests name."""
        missing = set(self.sizes)
        for (name, size), sha256 in self._hashed(self._contents(whole)):
            content, key = content_of(_last(name)), _key(name)
            if content is None:  # being written, or nothing of ours
                continue
            missing.discard(key)
            self._count(size)
            if size != self.sizes.get(key, size) or (sha256 is not None and sha256 != content.hex()):
                self._break(key, Damage(name, "changed", content.hex()))
        for key in missing:
            self._break(key, Damage(_name(key), "missing", key[:32].hex()))

    def _contents(self, whole: bool) -> Iterator[tuple[str, int]]:
        if whole:
            for entry in self.place.entries(CONTENTS):
                yield entry.name, entry.size
            return
        for name, size in each(self.place, self.place.size, map(_name, self.sizes)):
            if size is not None:
                yield name, size

    def _hashed(self, files: Iterable[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], str | None]]:
        if self.found.quick:
            yield from ((file, None) for file in files)
            return
        sizes: dict[str, int] = {}

        def named() -> Iterator[str]:
            for name, size in files:
                sizes[name] = size
                yield name

        for name, sha256 in each(self.place, self.place.sha256, named()):
            size = sizes.pop(name)
            if sha256 is not None:  # else removed meanwhile
                yield (name, size), sha256

    def _break(self, key: bytes, damage: Damage) -> None:
        self.broken[key] = damage
        self.found.damages.append(damage)

    def find_owners(self, chosen: set[str] | None) -> None:
        """Whose the damaged files are: the manifests are read again, which is rarely needed."""
        if not self.broken:
            return
        for name, content in each(self.place, self.place.read, self._manifests(chosen)):
            manifest = parsed(content or b"")
            for artifact in () if manifest is None else manifest.artifacts.values():
                damage = self.broken.get(_key(artifact.path))
                if damage is not None and manifest is not None:
                    damage.stages.add(manifest.key.stage)
                    damage.keys.add(_stem(name))

    def at_folders(self, names: Iterable[str]) -> None:
        """Look at run folders and the like, and find out which of them show what is damaged in the store."""
        by_key: dict[str, list[Damage]] = {}
        for damage in self.broken.values():
            for key in damage.keys:
                by_key.setdefault(key, []).append(damage)
        for name in names:
            self.found.folders += 1
            files = {entry.name: entry.size for entry in self.place.entries(name)}
            for file in sorted(filter(is_naming, files)):
                self._at_naming(name, file, files, by_key)

    def _at_naming(self, folder: str, file: str, files: dict[str, int], by_key: dict[str, list[Damage]]) -> None:
        content = self.place.read(file)
        if content is None:
            return
        self._count(len(content))
        try:
            keys, facts = keys_in(content), json.loads(content)
        except DamagedError:
            self.found.damages.append(Damage(file, "unreadable", runs={folder}))
            return
        for key in keys:
            for damage in by_key.get(key, ()):
                damage.runs.add(folder)
        told = facts.get("files") if isinstance(facts, dict) and keys_or_source(facts) else None
        for part, sha256 in told.items() if isinstance(told, dict) else ():
            if is_plain(part):
                self._at_file(folder, _beside(file, part, files), str(sha256), files)
            else:  # nothing of ours leads out of its folder, and nothing must be put there
                self.found.damages.append(Damage(file, "unreadable", runs={folder}))

    def _at_file(self, folder: str, name: str, sha256: str, files: dict[str, int]) -> None:
        size, table = files.get(name), _last(name) in TABLES.values()
        what: What | None = None
        content = content_of(sha256)
        if content is None:  # a digest that is none: written by something else
            return
        if size is None:
            what = "missing"
        elif table:  # rows are added and taken away by other commands
            self._count(size)
            what = None if _is_table(self.place, name, quick=self.found.quick) else "unreadable"
        else:
            self._count(size)
            expected = self.sizes.get(_key(f"{sha256}.{_last(name).rpartition('.')[2]}"), size)
            if size != expected or not (self.found.quick or self.place.sha256(name) in (sha256, None)):
                what = "changed"
        if what is not None:
            self.found.damages.append(Damage(name, what, None if table else sha256, runs={folder}))

    def _count(self, size: int) -> None:
        self.found.files += 1
        self.found.bytes += size
        self.on_file(self.found.files)


def _key(name: str) -> bytes:
    """A file of the store by what names it: its SHA-256, and its kind. `_name` is the inverse."""
    digest, _, kind = _last(name).partition(".")
    return (content_of(digest) or b"") + kind.lower().encode()


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return _last(name).partition(".")[0]


def _name(key: bytes) -> str:
    digest = key[:32].hex()
    return f"{CONTENTS}/{digest[:2]}/{digest}.{key[32:].decode()}"


def keys_or_source(facts: dict[str, Any]) -> bool:
    """Whether facts are those of a folder of ours, and not another program's."""
    return isinstance(facts.get("stages"), dict) and isinstance(facts.get("files"), dict)


def _beside(naming: str, part: str, files: Collection[str]) -> str:
    """The name of a file that `naming` tells of: beside it, or, of a film that is a sequence, in the film's folder."""
    beside = f"{naming.rpartition('/')[0]}/{part}"
    if beside in files or f"/{RENDERS}/" not in naming:
        return beside
    inside = f"{naming.removesuffix('.json')}/{part}"
    return inside if inside in files else beside


def _is_table(place: Place, name: str, *, quick: bool) -> bool:
    """Whether a file of scores can be read: begun and ended as one where that must be quick, else all of it."""
    content = place.read(name) or b""
    if quick:
        return content[:4] == b"PAR1" == content[-4:]
    from pyarrow import ArrowException, parquet

    try:
        parquet.read_table(io.BytesIO(content))
    except (ArrowException, OSError, ValueError):
        return False
    return True
