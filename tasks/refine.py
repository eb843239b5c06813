"""In-the-loop refinement: a draft is looked at, prompts are rewritten, and scores decide which version stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import prompts
from prompts import Story
from prompts.errors import BudgetError, ServiceError
from tasks.begun import in_progress
from tasks.drafts import Draft, drafted, make_draft
from tasks.events import Event, Listener, StageEvent, ignore
from tasks.judging import judged, read_judgements
from tasks.refined import Look, Refinement, Version
from tasks.refinement_folder import REFINEMENTS, publish
from tasks.run import CACHE, Run, Tools
from tasks.services import Services
from tasks.specs import RunConfig
from tasks.stage import Json, Manifest, StageKey
from tasks.told import Perform, plainly
from tasks.verdict import gained, verdict

if TYPE_CHECKING:
    from prompts.schedule import TextLimit
    from prompts.seeing.rewriting import Rewriting
    from prompts.service.asking import Service

VERSION = "1"
"""Raise it when the same answers lead to other versions."""


def refine(
    story: Story,
    config: RunConfig,
    root: Path,
    services: Services,
    *,
    limit: TextLimit | None = None,
    tools: Tools | None = None,
    on_event: Listener = ignore,
    force: bool = False,
    perform: Perform = plainly,
) -> Refinement:
    """Refine a story in up to `config.plan.refine` rounds, and keep every version under `root`.

    A round looks at the best draft so far, drafts the story with what the vision model rewrites (as far as it passes
    our checks, with `limit` the run's text encoder), and lets the scores decide; of prompts that lose together those
    whose levels gained are drafted once more without the others. It ends early when nothing is to be rewritten, and
    before a ceiling of costs is exceeded. All its steps are cached: done again it asks nothing. Raises RefusedError,
    StoryError or InvalidInputError before any work for what cannot be made, ServiceError where the vision model cannot
    be used; what is done until then is kept.
    """
    service = services.seeing()
    run = drafted(config, story, root, tools)
    with in_progress(root / CACHE):
        refining = _Refining(run, config, service, services, limit, tools, on_event, force, perform)
        try:
            refining.go()
        except ServiceError as error:
            refining.stopped = str(error)
            if refining.versions:
                publish(refining.result())
            raise
        found = refining.result()
        publish(found)
        return found


@dataclass
class _Refining:
    """A refinement in progress. run: of the first draft."""

    run: Run
    config: RunConfig
    service: Service
    services: Services
    limit: TextLimit | None
    tools: Tools | None
    on_event: Listener
    force: bool
    perform: Perform
    versions: list[Version] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    tried: dict[int, list[str]] = field(default_factory=dict)
    winner: int = 0
    stopped: str = ""

    @property
    def best(self) -> Version:
        """The version that stays, so far."""
        return self.versions[self.winner]

    def go(self) -> None:
        """Draft the story, then look and rewrite, round by round."""
        self.versions.append(Version(0, self._draft(self.run)))
        for number in range(1, self.config.plan.refine + 1):
            try:
                seen: Manifest = self.perform(f"look {number}", lambda n=number: self._look(n))  # type: ignore[misc]
            except BudgetError as error:
                self.stopped = str(error)
                return
            if not self._round(number, seen):
                return

    def _round(self, number: int, seen: Manifest) -> bool:
        """Take what was proposed, draft it and let the scores decide. False ends the refinement."""
        judgements = read_judgements(self.run.workshop, seen)
        wanted = {level: one["prompt"] for level, one in enumerate(judgements) if one["prompt"] is not None}
        of, before = self.winner, len(self.versions)
        rewriting = self._rewritten(wanted)
        for level, reason in rewriting.refused.items():
            self._turn_down(level, wanted[level], reason)
        helped = self._compare(rewriting) if self._is_new(rewriting) else ()
        if helped:  # together they lost, and these levels gained: without the others they may win
            some = self._rewritten({level: wanted[level] for level in helped})
            if self._is_new(some):
                self._compare(some)
        made = tuple(range(before, len(self.versions)))
        self.looks.append(Look(number, of, seen, rewriting.refused, made))
        self.stopped = _why_ended(judgements, rewriting.taken, made)
        return not self.stopped

    def _rewritten(self, wanted: Mapping[int, str]) -> Rewriting:
        from prompts.seeing.rewriting import rewritten

        return rewritten(self.best.story, wanted, self.limit, self.config.plan.banned)

    def _is_new(self, rewriting: Rewriting) -> bool:
        return bool(rewriting.taken) and all(version.story != rewriting.story for version in self.versions)

    def _compare(self, rewriting: Rewriting) -> tuple[int, ...]:
        """Draft a new version, and keep the better one in mind.

        Returns those levels of one that lost that gained by themselves; none where all did.
        """
        story, taken = rewriting.story, rewriting.taken
        draft = self._draft(drafted(self.config, story, self.run.root, self.tools))
        marks, best = draft.marks, self.best.draft.marks
        said = verdict(marks, best, taken)
        self.versions.append(Version(len(self.versions), draft, self.winner, taken, said))
        if said.better:
            self.winner = self.versions[-1].number
            self._take_up(story, taken)
            return ()
        for level in taken:
            self._turn_down(level, story.levels[level].prompt, said.reason)
        helped = tuple(level for level in taken if gained(marks, best, level))
        return () if helped == taken else helped

    def _take_up(self, story: Story, taken: tuple[int, ...]) -> None:
        """Forget that these prompts were turned down together with others."""
        for level in taken:
            prompt = story.levels[level].prompt
            self.tried[level] = [said for said in self.tried.get(level, ()) if not said.startswith(f"{prompt} (")]

    def _turn_down(self, level: int, prompt: str, reason: str) -> None:
        self.tried.setdefault(level, []).append(f"{prompt} (not taken: {reason})")

    def _draft(self, run: Run) -> Draft:
        number, first = len(self.versions), self.run.story
        listener = _named(self.on_event, f"draft {number}")
        found: Draft = self.perform(f"draft {number}", lambda: make_draft(run, first, listener, force=self.force))
        return found

    def _look(self, number: int) -> Manifest:
        listener = _named(self.on_event, f"look {number}")
        return judged(self.best.draft, self.service, self.services, self.tried, listener, force=self.force)

    def result(self) -> Refinement:
        """What came of it."""
        identity = self._identity()
        return Refinement(
            id=identity,
            folder=self.run.root / REFINEMENTS / f"{prompts.slug(self.run.story.title)}-{identity}",
            rounds=self.config.plan.refine,
            model=self.service.model,
            host=self.service.host,
            versions=tuple(self.versions),
            looks=tuple(self.looks),
            winner=self.winner,
            stopped=self.stopped,
        )

    def _identity(self) -> str:
        """Twelve hex digits from what was asked for: the same refinement has the same place."""
        inputs: Json = {
            "draft": self.run.id,
            "model": self.service.model,
            "host": self.service.host,
            "rounds": self.config.plan.refine,
            "limit": None if self.limit is None else self.limit.name,
            "banned": list(self.config.plan.banned),
        }
        return StageKey("refinement", VERSION, inputs).digest[:12]


def _why_ended(judgements: list[dict[str, Json]], taken: tuple[int, ...], made: tuple[int, ...]) -> str:
    """Why there is no further round, or an empty text."""
    if taken:
        return "" if made else "the vision model proposes what was drafted already"
    if any(one["prompt"] is not None for one in judgements):
        return ""  # proposed and not taken: the next round asks with the reasons
    mute = sum(one["matches"] is None for one in judgements)
    return "no level is to be rewritten" + (f" ({mute} without a usable answer)" if mute else "")


def _named(on_event: Listener, prefix: str) -> Listener:
    """A listener to the stages of one version among several."""

    def tell(event: Event) -> None:
        on_event(replace(event, stage=f"{prefix} {event.stage}") if isinstance(event, StageEvent) else event)

    return tell
