"""What is scored: the levels and the film of a finished run, or of another tool's work that stands beside runs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from evaluation import table
from evaluation.cards import RunCard
from tasks.cards import read_card
from tasks.errors import UNUSABLE, RefusedError
from tasks.finished import RENDERS, STACK, read_run, unpack_stack
from tasks.hashes import known_sha256
from tasks.records import changes_in
from tasks.run import CACHE, CONFIG, SOURCE
from tasks.sample import RECORDS
from tasks.stage import Workshop
from tasks.versions import software
from zoomlib.stack import ZoomStack

FILMS = ("zoom.", "frames/")
"""What names of files of a run's film begin with."""


@dataclass(frozen=True)
class Subject:
    """A folder with levels and what is known of them. facts: all that its `config.json` tells."""

    card: RunCard
    facts: Mapping[str, Any] = field(repr=False)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.card.folder

    @property
    def is_ours(self) -> bool:
        """Whether Tenfold made its levels."""
        return SOURCE not in self.facts

    @property
    def prompts(self) -> tuple[str, ...] | None:
        """One per level; None where none are known."""
        return self.card.prompts if all(self.card.prompts) else None

    @cached_property
    def stack_files(self) -> dict[str, str]:
        """The files of its stack by name, as SHA-256."""
        files, prefix = self.facts["files"], f"{STACK}/"
        return {name.removeprefix(prefix): str(files[name]) for name in sorted(files) if name.startswith(prefix)}

    @property
    def workshop(self) -> Workshop:
        """The store of all runs beside it; for one that was taken elsewhere, one of its own."""
        shared = self.folder.parent.parent / CACHE
        return Workshop(shared if shared.is_dir() else self.folder / RENDERS / CACHE)

    def origin(self) -> table.Run:
        """What all rows of its scores have in common. software: what measures now."""
        card = self.card
        return table.Run(
            card.id, card.story, card.method, card.variant, card.seed, card.model, card.model_revision, software()
        )

    def stack(self) -> ZoomStack:
        """Its levels as they were made. Raises RefusedError where a file of them is nowhere any more as it was."""
        own = self.folder / STACK
        if all(_is_whole(own / name, sha256) for name, sha256 in self.stack_files.items()):
            return ZoomStack.load(own)
        if not self.is_ours:
            raise RefusedError(f"The pictures in {own} were changed after they were given. Delete {self.folder}.")
        with tempfile.TemporaryDirectory() as work:
            return unpack_stack(read_run(str(self.folder), self.folder.parent.parent), Path(work) / STACK)

    def estimates(self) -> Tensor | None:
        """The model's own last estimates of the levels; None where there were none, or the store has let them go."""
        stages: Mapping[str, Any] = self.facts.get("stages") or {}
        manifest = self.workshop.recall(str(stages["sampling"]["key"])) if "sampling" in stages else None
        if manifest is None:
            return None
        tensors: dict[str, Tensor] = load_file(self.workshop.store.path(manifest.artifacts["sampled"]))
        return tensors["estimate"]

    def kept_changes(self) -> dict[int, float]:
        """By level, the largest change of a pixel that was to be kept, as `tasks.records.kept_changes`."""
        file = self.folder / RECORDS
        return changes_in(json.loads(file.read_text(encoding="utf-8"))) if RECORDS in self.facts["files"] else {}

    @property
    def has_film(self) -> bool:
        """Whether it has one, as a file or in single pictures."""
        return any(name.startswith(FILMS) for name in self.facts["files"])

    def film_files(self) -> dict[str, Path]:
        """The files of its film by name. Raises RefusedError where one is missing or was changed."""
        named = {name: str(sha256) for name, sha256 in self.facts["files"].items() if name.startswith(FILMS)}
        changed = [name for name, sha256 in named.items() if not _is_whole(self.folder / name, sha256)]
        if changed:
            raise RefusedError(f"{self.folder / changed[0]} is missing or was changed after it was made. Put it back.")
        return {name: self.folder / name for name in named}


def read_subject(folder: Path) -> Subject:
    """What lies in `folder`. Raises RefusedError where it holds no finished run."""
    folder = folder.absolute()
    card = read_card(folder)
    try:
        subject = Subject(card, json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        if not subject.stack_files:
            raise KeyError("no levels")
    except UNUSABLE as error:
        raise RefusedError(f"{folder} cannot be used as a finished run: {error!r:.300}. Make it again.") from error
    return subject


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return known_sha256(path) == sha256
    except OSError:
        return False
