"""From a wish to a story: offline at once, or with a service's help as a cached stage with a folder of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import prompts
from prompts.errors import PlanError
from prompts.request import PlanRequest
from tasks.begun import in_progress
from tasks.events import Listener, StageDone, StageMoved, StageStarted, StageWaiting, ignore
from tasks.keys import refuse_key
from tasks.plan_folder import STORY, keep_failure, place_of, publish_plan, questions_of, raw_replies, told_failure
from tasks.plan_made import Plan, PlanFailedError
from tasks.plan_rules import in_numbers, limit_of, notes_on, opening_photo
from tasks.run import GivenFile
from tasks.services import Services, spent_since
from tasks.specs import RunConfig
from tasks.stage import Json, Made, Manifest, StageKey
from tasks.text_limit import is_bundled
from tasks.versions import algorithm, software

if TYPE_CHECKING:
    from prompts.planning import Planned
    from prompts.schedule import TextLimit
    from prompts.seeing.caption import Caption
    from prompts.service.asking import Service
    from prompts.writer import Round

NAME = "plan"


def plan_story(
    request: PlanRequest,
    config: RunConfig,
    services: Services,
    *,
    for_run: bool = True,
    on_event: Listener = ignore,
    force: bool = False,
) -> Plan:
    """Make the story that is wished for, or find it where a service has helped to make it before.

    for_run: where the configuration's image model is the bundled one, prompts keep to its few words. They fit what the
    image model reads that is named, or else CLIP. The configuration's photograph opens the story where a vision model
    can caption it. Raises PlanError for a wish of which nothing can be made, RefusedError for a service that cannot be
    used, ServiceError for one that fails before there is a draft, PlanFailedError where the best draft has faults.
    """
    planning = planning_of(request, config, services, for_run, on_event)
    if plan := planning.alone():
        return plan
    with in_progress(services.workshop.root):
        return planning.make(force)


def find_plan(request: PlanRequest, config: RunConfig, services: Services, *, for_run: bool = True) -> Plan | None:
    """As `plan_story`, where that asks nobody: the plan is made offline, or was made before. Writes nothing."""
    planning = planning_of(request, config, services, for_run)
    return planning.alone() or planning.found()


@dataclass
class Planning:
    """A plan in the making: what is asked of whom. `rounds`: what has been asked so far, also where it fails."""

    request: PlanRequest
    config: RunConfig
    services: Services
    limit: TextLimit
    on_event: Listener = ignore
    rounds: list[Round] = field(default_factory=list)

    @cached_property
    def writer(self) -> Service | None:
        """The language model; None where the plan is made offline."""
        return None if self.request.vocabulary == "bundled" else self.services.writer()

    @cached_property
    def photo(self) -> GivenFile | None:
        """The photograph, where it shows the widest view. Raises InvalidInputError for a file that is no picture."""
        return opening_photo(self.config)

    @cached_property
    def vision(self) -> Service | None:
        """The vision model where there is such a photograph for it."""
        return None if self.photo is None else self.services.vision()

    @property
    def notes(self) -> tuple[str, ...]:
        """What holds whatever comes of it."""
        return notes_on(self.request, self.config, unseen=self.photo is not None and self.vision is None)

    @property
    def key(self) -> StageKey:
        """What the plan depends on."""
        spec, photo = self.config.plan, None if self.vision is None else self.photo
        inputs = {
            "request": self.request.model_dump(mode="json"),
            "writer": _named(self.writer),
            "vision": _named(self.vision),
            "photo": None if photo is None else photo.sha256,
            "rounds": spec.rounds,
            "banned": list(spec.banned),
            "limit": [self.limit.name, self.limit.tokens],
            "software": software(),
        }
        return StageKey(NAME, algorithm(NAME), inputs)

    @property
    def folder(self) -> Path:
        """Where the plan is kept."""
        return place_of(self.services.root, self.request, self.key.digest)

    def alone(self) -> Plan | None:
        """The plan that no service has a part in; None where one has."""
        if self.writer is not None or self.vision is not None:
            return None
        planned = self.plan(None)
        return Plan(planned.story, self.facts(planned))

    def found(self) -> Plan | None:
        """The plan, where it was made before."""
        manifest = self.services.workshop.find(self.key)
        return None if manifest is None else self._known(manifest, False)

    def make(self, force: bool) -> Plan:
        """Find or make the plan, and bring its folder up to date. force: ask anew what was asked for it before."""
        if force:
            self._forget()
        key, workshop, began, before = self.key, self.services.workshop, time.monotonic(), self.services.spent
        try:
            manifest, made = workshop.make(
                key, self._body, force=force, on_wait=lambda: self.on_event(StageWaiting(NAME))
            )
        except PlanError as error:
            raise self._failed(error, spent_since(before, self.services.spent)) from None
        self.on_event(StageDone(NAME, made, time.monotonic() - began))
        publish_plan(self.folder, manifest, workshop)
        return self._known(manifest, made)

    def _forget(self) -> None:
        """Set aside what was replied for this plan, whether it was made then or failed."""
        before = self.found()
        for one in questions_of(self.folder) if before is None else before.facts["rounds"]:
            self.services.replies.forget(one["digest"])

    def plan(self, opening: Caption | None) -> Planned:
        """Ask the planner, of all that the configuration says."""
        from prompts.planning import make_plan

        return make_plan(
            self.request,
            service=self.writer,
            limit=self.limit,
            rounds=self.config.plan.rounds,
            banned=self.config.plan.banned,
            opening=opening,
            on_round=self._heard,
        )

    def facts(self, planned: Planned | None, caption: Caption | None = None) -> dict[str, Json]:
        """How the story came about, as plain values; of a plan that failed, what came about instead."""
        facts = {
            "request": self.request.model_dump(mode="json"),
            "planner": ("offline" if self.writer is None else "model") if planned is None else planned.planner,
            "writer": _named(self.writer),
            "vision": _named(self.vision),
            "caption": None if caption is None else asdict(caption),
            "limit": {"name": self.limit.name, "tokens": self.limit.tokens},
            "notes": [*self.notes, *(() if planned is None else planned.notes)],
            "rounds": [asdict(one) for one in self.rounds],
            "software": software(),
        }
        return json.loads(json.dumps(facts))  # type: ignore[no-any-return]  # tuples as lists, as in a file

    def _known(self, manifest: Manifest, made: bool) -> Plan:
        story = prompts.load_story(self.services.workshop.store.path(manifest.artifacts[STORY]))
        return Plan(story, {**manifest.facts, "digest": manifest.key.digest[:12]}, self.folder, made)

    def _body(self, work: Path) -> Made:
        rounds = self.config.plan.rounds if self.writer is not None else 1
        self.on_event(StageStarted(NAME, rounds, f"round{'s' * (rounds != 1)} at most"))
        before = self.services.spent
        caption = self._caption()
        planned = self.plan(caption)
        story = work / STORY
        story.write_text(prompts.dump_story(planned.story), encoding="utf-8")
        spent = spent_since(before, self.services.spent)
        return Made({STORY: story} | self._replies(), {**self.facts(planned, caption), "spent": spent})

    def _caption(self) -> Caption | None:
        if self.vision is None or self.photo is None:
            return None
        from tasks.captioning import caption_photo

        limit = None if self.request.vocabulary == "bundled" else self.limit  # of its words only the nearest are used
        return caption_photo(self.photo.path, self.vision, limit=limit, banned=self.config.plan.banned)

    def _heard(self, one: Round) -> None:
        self.rounds.append(one)
        self.on_event(StageMoved(NAME, len(self.rounds)))

    def _replies(self) -> dict[str, Path]:
        return raw_replies(self.services.replies, dict.fromkeys(one.digest for one in self.rounds))

    def _failed(self, error: PlanError, spent: Mapping[str, Json]) -> Exception:
        """What is to be raised: the error itself where it lies in the wish, for which nobody was asked."""
        if not self.rounds and error.draft is None:
            return error
        draft = keep_failure(self.folder, {**self.facts(None), "spent": dict(spent)}, error, self._replies())
        anew = "" if spent["requests"] else "\nAll of it had been answered before; --force asks anew."
        return PlanFailedError(told_failure(error, self.folder, draft) + anew, draft)


def planning_of(
    request: PlanRequest, config: RunConfig, services: Services, for_run: bool, on_event: Listener = ignore
) -> Planning:
    """What would be asked of whom, and nothing is yet. Raises RefusedError for a key among the words."""
    refuse_key(request, config)
    if for_run and is_bundled(config):
        request = request.model_copy(update={"vocabulary": "bundled"})
    return Planning(in_numbers(request), config, services, limit_of(request, config), on_event)


def _named(service: Service | None) -> Mapping[str, str] | None:
    return None if service is None else {"model": service.model, "host": service.host}
