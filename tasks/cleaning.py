"""Freeing the disk: what no run folder shows any more leaves the store."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import RefusedError
from tasks.finished import RENDERS
from tasks.plan_folder import PLAN, PLANS
from tasks.refinement_folder import FACTS, REFINEMENTS
from tasks.run import CACHE, CONFIG, FEATURES, in_use
from tasks.stage import Manifest, locked

_NAMING = (f"*/*/{CONFIG}", f"*/*/{RENDERS}/*.json", f"{PLANS}/*/{PLAN}", f"{REFINEMENTS}/*/{FACTS}")
"""Files under the folder of all runs that name stages by their keys."""
SPARED_S = 3600.0
"""What is younger may be the checkpoint of a run that was stopped and shall go on."""


@dataclass(frozen=True)
class Cleaned:
    """what cleaning has removed."""

    files: int
    bytes: int


def clean(root: Path, spared_s: float = SPARED_S) -> Cleaned:
    """Remove from the store of `root` what no folder names and nobody has touched for `spared_s`; replies stay.

    Run folders stay as they are, and whatever was removed is made again when a run asks for it. Raises RefusedError
    while runs are in progress: they name what they use only at their end.
    """
    if not (root / CACHE).is_dir():
        return Cleaned(0, 0)
    with locked(in_use(root), on_wait=_refuse):
        return _clean(root, spared_s)


def _refuse() -> None:
    raise RefusedError("Runs are in progress, and the store is cleaned only between runs. Wait until they have ended.")


def _clean(root: Path, spared_s: float) -> Cleaned:
    store, deadline = root / CACHE, time.time() - spared_s
    shown = set(shown_keys(root))
    manifests = [path for path in (store / "manifests").glob("*.json") if path.stem in shown or _young(path, deadline)]
    kept = {*manifests, *(store / path for path in _named_by(manifests))}
    features = store.glob(f"{FEATURES}/*")  # of sets of pictures: seen again when they are asked for
    old = [path for path in (*store.glob("manifests/*"), *store.glob("cas/*/*"), *features) if path not in kept]
    dead = [path for path in old if not _young(path, deadline)]
    freed = sum(path.stat().st_size for path in dead)
    for path in dead:
        path.unlink()
    for work in store.glob("work/*"):  # checkpoints of runs that nobody went on with
        if not any(_young(path, deadline) for path in (work, *work.rglob("*"))):
            shutil.rmtree(work)
    return Cleaned(len(dead), freed)


def shown_keys(root: Path) -> Iterator[str]:
    """The keys of all stages whose results stand in a run folder, films rendered again and plans among them."""
    for config in (file for pattern in _NAMING for file in root.glob(pattern)):
        try:
            yield from (stage["key"] for stage in json.loads(config.read_text(encoding="utf-8"))["stages"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not a file of ours
            continue


def _named_by(manifests: list[Path]) -> Iterator[str]:
    for path in manifests:
        try:
            found = Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # damaged: its stage is made again anyway
            continue
        yield from (artifact.path for artifact in found.artifacts.values())


def _young(path: Path, deadline: float) -> bool:
    return path.stat().st_mtime >= deadline
