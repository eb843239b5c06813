"""What a refinement is: versions of a story, what was seen in their drafts, and which one stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prompts import Story
from tasks.drafts import Draft
from tasks.judging import read_judgements
from tasks.services import spent_in_all
from tasks.stage import Json, Manifest
from tasks.verdict import Verdict


@dataclass(frozen=True)
class Version:
    """A version of the story with its draft. parent: the version it was rewritten from; None for the author's own.

    rewritten: levels whose prompt is another than the parent's. verdict: how its scores compare with the best until
    then; None for the author's own.
    """

    number: int
    draft: Draft
    parent: int | None = None
    rewritten: tuple[int, ...] = ()
    verdict: Verdict | None = None

    @property
    def story(self) -> Story:
        """The version itself."""
        return self.draft.run.story

    def as_json(self) -> dict[str, Json]:
        """Plain facts."""
        return {
            "number": self.number,
            "parent": self.parent,
            "rewritten": list(self.rewritten),
            "scores": self.draft.marks.as_json(),
            "better": None if self.verdict is None else self.verdict.better,
            "reason": "the author's own" if self.verdict is None else self.verdict.reason,
        }


@dataclass(frozen=True)
class Look:
    """A look at a version's draft. of: that version. refused: by level, why a new prompt was not taken. made: the
    versions that came of it."""

    number: int
    of: int
    judgements: Manifest
    refused: Mapping[int, str]
    made: tuple[int, ...]

    def as_json(self) -> dict[str, Json]:
        """Plain facts."""
        refused = {str(level): reason for level, reason in sorted(self.refused.items())}
        return {"number": self.number, "of": self.of, "refused": refused, "made": list(self.made)}


@dataclass(frozen=True)
class Refinement:
    """What came of a refinement. folder: where every version is kept. stopped: why it ended before its last round, or
    an empty text. model, host: of the vision model."""

    id: str
    folder: Path
    rounds: int
    model: str
    host: str
    versions: tuple[Version, ...]
    looks: tuple[Look, ...]
    winner: int
    stopped: str = ""

    @property
    def story(self) -> Story:
        """The version that stays."""
        return self.versions[self.winner].story

    def judgements(self, look: Look) -> list[dict[str, Json]]:
        """What the vision model said, level by level."""
        return read_judgements(self.versions[0].draft.run.workshop, look.judgements)

    def as_json(self) -> dict[str, Json]:
        """Plain facts, which are the same when it is done again and everything is found."""
        return {
            "id": self.id,
            "folder": f"{self.folder.parent.name}/{self.folder.name}",
            "model": self.model,
            "host": self.host,
            "rounds": self.rounds,
            "versions": [version.as_json() for version in self.versions],
            "looks": [look.as_json() for look in self.looks],
            "winner": self.winner,
            "stopped": self.stopped,
            "spent": spent_in_all([look.judgements.facts["spent"] for look in self.looks]),
        }

    def stages(self) -> dict[str, Json]:
        """The keys of all that was made for it, by which cleaning spares it."""
        made = {f"version {v.number} {name}": m for v in self.versions for name, m in v.draft.stages().items()}
        made |= {f"look {look.number}": look.judgements for look in self.looks}
        return {name: {"key": manifest.key.digest, "seconds": manifest.seconds} for name, manifest in made.items()}
