"""Features of pictures, kept on disk by the contents of the pictures and the extractor: the second time is quick."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from evaluation.sets import Extractor, Features, extract
from evaluation.sets.pictures import read
from tasks.stage import canonical_json
from tasks.store import replacing
from zoomlib.errors import InvalidInputError

VERSION = "1"
"""Raise it when the same pictures and extractor give other features: when reading or resizing changes."""
_VALUES, _LOGITS = "values", "logits"


@dataclass(frozen=True)
class Part:
    """Pictures whose features are kept together: a reference, or the levels of one run. way: how they are prepared
    before the extractor's own resizing, with a name for it; None for not at all."""

    paths: tuple[Path, ...]
    sha256s: tuple[str, ...]
    way: tuple[str, Callable[[Tensor], Tensor]] | None = None

    def key(self, extractor: Extractor) -> str:
        """SHA-256 of everything that the features depend on."""
        way = None if self.way is None else self.way[0]
        content = [VERSION, extractor.name, extractor.revision, extractor.is_inception, way, list(self.sha256s)]
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@dataclass(frozen=True)
class FeatureCache:
    """Files of features in one folder, safe for several processes at once."""

    folder: Path

    def find(self, key: str, count: int) -> Features | None:
        """What is kept under `key`; None for nothing, and for a damaged file."""
        path = self._path(key)
        try:
            tensors = load_file(path)
            os.utime(path)  # cleaning removes what nobody has used
        except (OSError, SafetensorError):
            return None
        values = tensors.get(_VALUES)
        return None if values is None or len(values) != count else Features(values, tensors.get(_LOGITS))

    def keep(self, key: str, features: Features) -> None:
        """Store `features` whole or not at all."""
        tensors = {_VALUES: features.values.contiguous()}
        if features.logits is not None:
            tensors[_LOGITS] = features.logits.contiguous()
        with replacing(self._path(key)) as temporary:
            save_file(tensors, temporary)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"


def features_of(
    parts: Sequence[Part],
    extractor: Extractor,
    cache: FeatureCache,
    *,
    batch: int,
    on_start: Callable[[int], None],
    on_image: Callable[[int], None],
) -> list[Features]:
    """The features of each part, in order: found, or extracted in one stream over all that are missing.

    `on_start` is told how many pictures are to be extracted, `on_image` how many are done.
    """
    keys = [part.key(extractor) for part in parts]
    wanted = dict(zip(keys, parts, strict=True))
    found = {key: cache.find(key, len(part.paths)) for key, part in wanted.items()}
    missing = [key for key, features in found.items() if features is None]
    on_start(sum(len(wanted[key].paths) for key in missing))
    if missing:
        sources = [(path, wanted[key].way) for key in missing for path in wanted[key].paths]
        rows = extract(sources, _read, extractor, batch=batch, on_image=on_image)
        for key, features in zip(missing, _split(rows, [len(wanted[key].paths) for key in missing]), strict=True):
            cache.keep(key, features)
            found[key] = features
    return [_there(found[key]) for key in keys]


def _read(source: tuple[Path, tuple[str, Callable[[Tensor], Tensor]] | None]) -> Tensor:
    path, way = source
    return read(path) if way is None else way[1](read(path))


def _split(rows: Features, sizes: Sequence[int]) -> Iterator[Features]:
    start = 0
    for size in sizes:
        yield rows[start : start + size]
        start += size


def _there(features: Features | None) -> Features:
    if features is None:
        raise InvalidInputError("Features were lost while they were made.")
    return features
