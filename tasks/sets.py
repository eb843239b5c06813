"""Runs as sets of pictures against the pictures of a folder: FID, KID, IS and ScaleInv FID, written beside the runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from evaluation.cards import Selection
from evaluation.sets import Extractor, Features, Reference, Settings, check_extractor, load_extractor, score_set
from evaluation.sets.intervals import RESAMPLES
from evaluation.sets.resizing import bilinear
from evaluation.sets.scaleinv import renamed
from evaluation.table import Score
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.run import CACHE, FEATURES
from tasks.set_features import FeatureCache, Part, features_of
from tasks.set_folder import SetOutcome, write_set
from tasks.set_plan import PictureSet, ReferenceFolder, plan_reference, plan_sets
from zoomlib.errors import InvalidInputError

REFERENCE, PICTURES, DISTANCES = "reference", "pictures", "distances"


@dataclass(frozen=True)
class SetSpec:
    """What is asked of sets. reference: a folder of pictures, those below it too. extractor: as
    `evaluation.sets.load_extractor` takes it. levels: only these; None for all. training_px: the pictures are 1, 2, 4
    or 8 times this side, and are scored by ScaleInv FID. resamples: draws of stories for the intervals.
    """

    reference: Path
    extractor: str = "bundled"
    levels: tuple[int, ...] | None = None
    training_px: int | None = None
    seed: int = 0
    device: str = "cpu"
    batch: int = 16
    resamples: int = RESAMPLES


def score_sets(
    selection: Selection, spec: SetSpec, root: Path, *, on_event: Listener = ignore
) -> tuple[SetOutcome, ...]:
    """Score the levels of each arm of `selection` as a set; written to `root/_sets/<id>/`, one outcome for each arm.

    The id follows from the pictures, the extractor and the settings: the same work has the same place. Features are
    kept under `root/.cache`. Raises RefusedError, before any work, for pictures, levels or an extractor that cannot be
    used.
    """
    try:
        check_extractor(spec.extractor)
        reference = plan_reference(spec.reference, spec.training_px)
        sets = plan_sets(selection, spec.levels, spec.training_px)
        extractor = load_extractor(spec.extractor, device=spec.device)
        return _score(sets, reference, extractor, spec, root, on_event)
    except InvalidInputError as error:
        raise RefusedError(str(error)) from error


def _score(
    sets: tuple[PictureSet, ...],
    reference: ReferenceFolder,
    extractor: Extractor,
    spec: SetSpec,
    root: Path,
    on_event: Listener,
) -> tuple[SetOutcome, ...]:
    cache = FeatureCache(root / CACHE / FEATURES)
    known = _seen(REFERENCE, [Part(reference.paths, reference.sha256s)], extractor, cache, spec, on_event)
    parts = [part for one in sets for way in ways(one) for part in _parts(one, way, spec)]
    seen = iter(_seen(PICTURES, parts, extractor, cache, spec, on_event))
    against, outcomes = Reference(known[0]), []
    with _stage(DISTANCES, len(sets), "sets", on_event) as moved:
        for one in sets:
            scores: list[Score] = []
            for way in ways(one):
                pictures = Features.cat([next(seen) for _ in one.cards])
                scores += _measured(pictures, against, extractor, one, way, spec)
            outcomes.append(write_set(one, sets, reference, extractor, asdict(_settings(spec)), scores, root))
            moved(len(outcomes))
    return tuple(outcomes)


def ways(one: PictureSet) -> tuple[bool | None, ...]:
    """How the pictures of a set are brought to the training size: not at all, or without and with antialiasing."""
    if one.scale is None:
        return (None,)
    return (False,) if one.scale == 1 else (False, True)


def _parts(one: PictureSet, way: bool | None, spec: SetSpec) -> Iterable[Part]:
    """The pictures of each run of a set, in the order of its members."""
    resize: tuple[str, Callable[[Tensor], Tensor]] | None = None
    if one.scale not in (None, 1) and spec.training_px is not None:
        size = (spec.training_px, spec.training_px)
        resize = (f"bilinear {size[0]} antialias={way}", partial(bilinear, size_px=size, antialias=bool(way)))
    for card in one.cards:
        own = [member for member in one.members if member.card.id == card.id]
        yield Part(tuple(member.path for member in own), tuple(member.sha256 for member in own), resize)


def _seen(
    name: str, parts: list[Part], extractor: Extractor, cache: FeatureCache, spec: SetSpec, on_event: Listener
) -> list[Features]:
    begun, missing = time.monotonic(), 0

    def start(count: int) -> None:
        nonlocal missing
        missing = count
        if count:
            on_event(StageStarted(name, count, "images"))

    found = features_of(
        parts,
        extractor,
        cache,
        batch=spec.batch,
        on_start=start,
        on_image=lambda done: on_event(StageMoved(name, done)),
    )
    on_event(StageDone(name, missing > 0, time.monotonic() - begun))
    return found


@contextmanager
def _stage(name: str, total: int, unit: str, on_event: Listener) -> Iterator[Callable[[int], None]]:
    begun = time.monotonic()
    on_event(StageStarted(name, total, unit))
    yield lambda done: on_event(StageMoved(name, done))
    on_event(StageDone(name, True, time.monotonic() - begun))


def _settings(spec: SetSpec) -> Settings:
    return Settings(resamples=spec.resamples, seed=spec.seed)


def _measured(
    pictures: Features, against: Reference, extractor: Extractor, one: PictureSet, way: bool | None, spec: SetSpec
) -> list[Score]:
    groups = [member.card.story for member in one.members]
    scores = score_set(pictures, against, extractor, groups=groups, settings=_settings(spec))
    return scores if one.scale is None else renamed(scores, one.scale, antialias=bool(way))
