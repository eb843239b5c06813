"""The folder of a set that was scored: its rows of scores, and what they were measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation import table
from evaluation.cards import RunCard
from evaluation.sets import Extractor
from evaluation.table import Score
from tasks.set_notes import notes_of
from tasks.set_plan import PictureSet, ReferenceFolder
from tasks.stage import Json, canonical_json
from tasks.store import write_bytes
from tasks.versions import software

SETS, SET, TABLE = "_sets", "set.json", "scores.parquet"
VERSION = 1
SEVERAL = "several"
"""Stands in a column in which the runs of a set differ."""


@dataclass(frozen=True)
class SetOutcome:
    """One set that was scored. scores: in the order in which they are to be shown. notes: what limits them, a sentence
    each."""

    id: str
    arm: str
    folder: Path
    scores: tuple[Score, ...]
    notes: tuple[str, ...]

    @property
    def table(self) -> Path:
        """The rows of its scores."""
        return self.folder / TABLE


def write_set(
    one: PictureSet,
    others: Sequence[PictureSet],
    reference: ReferenceFolder,
    extractor: Extractor,
    settings: Mapping[str, Json],
    scores: Sequence[Score],
    root: Path,
) -> SetOutcome:
    """Write rows and `set.json` to `root/_sets/<id>/`. The id follows from the contents of the pictures, the extractor
    and the settings, not from where things lie: the same work replaces itself. `others` are scored with it."""
    content = {
        "version": VERSION,
        "arm": one.arm,
        "scale": one.scale,
        "members": [[member.card.id, member.level, member.sha256] for member in one.members],
        "reference": hashlib.sha256("\n".join(reference.sha256s).encode()).hexdigest(),
        "extractor": [extractor.name, extractor.revision, extractor.is_inception],
        "settings": dict(settings),
    }
    identity = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]
    notes = notes_of(one, others, reference, extractor, scores)
    outcome = SetOutcome(identity, one.arm, root / SETS / identity, tuple(scores), notes)
    table.write_scores(table.rows(scores, _origin(identity, one)), outcome.table)
    told = _told(content, outcome, one, reference)
    write_bytes(outcome.folder / SET, (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())
    return outcome


def _told(content: dict[str, Json], outcome: SetOutcome, one: PictureSet, reference: ReferenceFolder) -> Json:
    """What stands in `set.json`: what the id follows from, with names for people."""
    return {
        **content,
        "id": outcome.id,
        "stories": list(one.stories),
        "members": [
            {"run_id": member.card.id, "story": member.card.story, "level": member.level, "sha256": member.sha256}
            for member in one.members
        ],
        "reference": {
            "folder": str(reference.folder),
            "pictures": len(reference.paths),
            "sha256": content["reference"],
        },
        "extractor": dict(zip(("name", "revision", "inception"), content["extractor"], strict=True)),
        "notes": list(outcome.notes),
        "software": software(),
    }


def _origin(identity: str, one: PictureSet) -> table.Run:
    """What the rows of a set have in common."""

    def common(of: Callable[[RunCard], str]) -> str:
        values = {of(card) for card in one.cards}
        return values.pop() if len(values) == 1 else SEVERAL

    return table.Run(
        run_id=identity,
        story=one.stories[0] if len(one.stories) == 1 else f"{len(one.stories)} stories",
        method=common(lambda card: card.method),
        variant=one.arm,
        seed=0,
        model=common(lambda card: card.model),
        model_revision=common(lambda card: card.model_revision),
        software=software(),
    )
