"""Which models are here, and what identifies a model and a scorer, read without loading their weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tasks import environment
from tasks.errors import RefusedError, RunError
from tasks.events import DOWNLOAD, READING, StageMoved, StageStarted, listener
from tasks.machine import resolve_device
from zoomlib import bundled, models
from zoomlib.errors import InvalidInputError
from zoomlib.infinity import planes, shipped
from zoomlib.models.files import hub
from zoomlib.models.files.digests import telling
from zoomlib.models.files.folder import INDEX
from zoomlib.models.files.hub import NotThereError
from zoomlib.models.files.places import fetched
from zoomlib.models.load import revision
from zoomlib.models.placement import usual_dtype

SCORER_CONFIG = "open_clip_config.json"  # named here again: where open_clip is met, importing takes seconds
MB = 2**20
READ_LEAST = 1024 * MB
"""Bytes that take seconds to hash."""


def sources() -> models.Sources:
    """Where this user's models are, and who is told of downloads: the listener of the run in progress."""
    found = environment.read()
    return models.Sources(found.models, found.cache / "digests.json", _Told(DOWNLOAD, MB))


class _Told:
    """Tells bytes as events of a stage; less than `least` is not worth a word."""

    def __init__(self, stage: str, least: int) -> None:
        self.stage, self.least = stage, least
        self.listener = listener()  # now: other threads, which read, have none
        self.shown: tuple[str, int] | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """A model has `done` of `total` bytes."""
        if total < self.least:
            return
        if self.shown != (name, total):
            self.shown = (name, total)
            self.listener(StageStarted(self.stage, total // MB, f"MB of {name}", done=done // MB))
        self.listener(StageMoved(self.stage, done // MB))


def available(folder: Path) -> Iterator[dict[str, Any]]:
    """The bundled model, every model in the folder of models, and those in the hub's cache: name, family, revision,
    bytes, note, place ("shipped", "folder" or "cache"); a family where it can be used. Generators of planes come after
    them, with `method`, which alone draws from them."""
    yield _row("bundled", "shipped")
    for index in sorted({*folder.glob(f"*/{INDEX}"), *folder.glob(f"*/*/{INDEX}")}):
        yield _row(index.parent.relative_to(folder).as_posix(), "folder")
    for name in hub.cached_names():
        wanted = hub.hub_id(name)
        if wanted is not None and hub.cached(wanted, INDEX) is not None:
            yield _row(name, "cache")
    yield from _generators(folder)


def _generators(folder: Path) -> Iterator[dict[str, Any]]:
    """Generators of planes: those that ship, and those in the folder of models."""
    inner = sorted(path.parent for path in folder.glob("*/config.json") if planes.is_generator(path.parent))
    places = [(name, "shipped") for name in shipped()] + [(path.name, "folder") for path in inner]
    for name, place in places:
        row = {"name": name, "place": place, "method": "infinity"}
        try:
            found = planes.describe_planes(name, models=folder)
        except (InvalidInputError, OSError) as error:
            yield {**row, "family": "", "revision": "", "bytes": None, "note": f"cannot be used: {error}"}
            continue
        kept = {key: found[key] for key in ("family", "revision", "bytes")}
        about = "a horizon" if found["axes"] == "horizon" else "no horizon"
        yield {**row, **kept, "note": f"planes with {about}, of any size: --method infinity"}


def describe_model(name: str, **options: Any) -> dict[str, Any]:
    """As `zoomlib.models.describe`, with this user's places. Raises InvalidInputError also for a configuration that no
    adapter can make sense of."""
    try:
        with telling(_Told(READING, READ_LEAST)):
            return models.describe(name, **{"sources": sources(), **options})
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise InvalidInputError(
            f"The configuration of the model {name!r} cannot be used: {type(error).__name__}: {error}. "
            "Fetch the model again."
        ) from error


def get(name: str, dtype: str = "auto") -> dict[str, Any]:
    """Get a model's newest version, or what of it is missing here, from the hub, and describe it.

    dtype: which variant of the weights, "auto" as suits this machine. Raises RefusedError for what is no name of a
    hub's model, RunError where it cannot be had.
    """
    wanted = hub.hub_id(name)
    if wanted is None:
        raise RefusedError(f"Expected ORG/NAME or ORG/NAME@REVISION, as hubs name models, got {name!r:.80}.")
    kind = usual_dtype(resolve_device("auto")) if dtype == "auto" else getattr(torch, dtype)
    try:
        place = fetched(name, wanted, sources(), kind)
    except NotThereError as reason:
        raise RunError(f"The model {name!r} {reason}.") from reason
    return describe_model(name if wanted.revision else f"{name}@{place.commit}", dtype=kind)


def is_here(name: str) -> bool:
    """Whether a model can be used without getting anything."""
    try:
        models.find(name, sources=sources())
    except InvalidInputError:
        return False
    return True


def describe_here(name: str, **options: Any) -> dict[str, Any]:
    """As `describe_model`, and whatever is asked for, nothing is got from a network."""
    return describe_model(name, **{**options, "download": False})


def describe_scorer(name: str) -> dict[str, Any]:
    """`id` and `revision` of a scorer without loading it. Raises InvalidInputError where there is none of that name."""
    folder = bundled.folder() / "scorer" if name == "bundled" else Path(name)
    if (folder / SCORER_CONFIG).is_file():
        return {"id": name, "revision": revision(folder)}
    if ":" in name:
        from evaluation.networks.clip import describe_named  # slow to import, so only for these

        return describe_named(name)
    raise InvalidInputError(
        f"There is no scorer {name!r}. Use bundled, none, a folder with an {SCORER_CONFIG}, or open_clip's NAME:TAG or "
        "NAME:FILE."
    )


def _row(name: str, place: str) -> dict[str, Any]:
    row = {"name": name, "place": place}
    try:
        described = describe_model(name)
    except (InvalidInputError, OSError) as error:
        return {**row, "family": "", "revision": "", "bytes": None, "note": f"cannot be used: {error}"}
    height, width = described["size_px"]
    net = described.get("upscaler")
    larger = f", {net['factor']} times larger by super-resolution" if net else ""
    only = f"enlarges {described['factor']} times, to " if described["kind"] == "upscaler" else ""
    facts = {"family": described["family"], "revision": described["revision"], "bytes": described["bytes"]}
    return {**row, **facts, "note": f"{only}{width} x {height} px{larger}"}
