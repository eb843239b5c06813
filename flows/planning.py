"""What `tenfold plan` does: a wish becomes a story, shown to people and written for other commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import prompts
from flows.opening import root_of
from flows.plan_shown import faults_as_json, few_words, show_estimate, show_faults, show_levels, show_plan
from flows.planned import check_wish, planned
from prompts.library import read_text
from prompts.request import PlanRequest
from prompts.schedule.examine import Examined, examine
from tasks.errors import RefusedError
from tasks.plan_made import Plan
from tasks.plan_rules import limit_of
from tasks.services import Services, using
from tasks.specs import RunConfig, with_settings, with_values
from tasks.store import write_bytes

SOUND, FAULTY = 0, 2
"""Exit codes of a check."""


@dataclass(frozen=True)
class Manner:
    """How the command goes about it. to: a file instead of standard output. edit: a person goes over the story."""

    to: Path | None = None
    edit: bool = False
    as_json: bool = False
    dry_run: bool = False
    force: bool = False
    no_engine: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Request:
    """What the command line asked for. `values`: settings by dotted path from named options; `settings`: from --set."""

    wish: PlanRequest
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)

    @property
    def config(self) -> RunConfig:
        """The configuration that they make."""
        return with_settings(with_values(RunConfig(), self.values), self.settings)


def plan_command(request: Request) -> None:
    """Make a story of a wish and write it, or with a dry run only say what it would take."""
    wish, config, manner = request.wish, request.config, request.manner
    check_wish(wish, config)
    _check_target(manner.to)
    with using(Services(config, root_of(request.out))) as services:
        if manner.dry_run:
            show_estimate(wish, config, services, for_run=False)
            return
        how = {"force": manner.force, "no_engine": manner.no_engine, "quiet": manner.quiet}
        plan = planned(wish, config, services, for_run=False, **how)
        if not manner.quiet:
            show_plan(plan, services, *few_words(wish, config))
    text = prompts.dump_story(plan.story)
    if manner.edit:
        from flows.plan_editing import edited

        text = edited(text, "the plan", Path(), limit_of(wish, config), config.plan.banned)
    _write_out(_as_json(text, plan) if manner.as_json else text, manner.to)


def edit_command(source: str, request: Request) -> None:
    """Open a story's file for a person, and check what was saved; a ready story or standard input goes elsewhere."""
    from flows.plan_editing import edited

    own = None if source == "-" or source in prompts.names() else Path(source)
    text, name, folder = read_text(source)
    to = request.manner.to or own
    _check_target(to)
    config = request.config
    _write_out(edited(text, name, folder, limit_of(request.wish, config), config.plan.banned), to)


def check_command(source: str, request: Request) -> int:
    """Print every fault of a story with its level, as a table or JSON; returns the exit code."""
    config = request.config
    found = examine(source, limit_of(request.wish, config), config.plan.banned)
    if request.manner.as_json:
        print(faults_as_json(found.rows))
    elif found.rows:
        show_faults(found.rows)
        print(_counted(found))
    elif found.story is not None and not request.manner.quiet:
        show_levels(found.story)
        print("Sound: the format and every check of the schedule.")
    return SOUND if found.sound else FAULTY


def _counted(found: Examined) -> str:
    faults = f"{len(found.rows)} fault{'s' * (len(found.rows) != 1)}"
    if found.story is None:
        return f"{faults}; no zoom can be made of it."
    return f"{faults}; a zoom can be made of it, and would suffer. Mend them with --edit, or in the file."


def _check_target(to: Path | None) -> None:
    if to is None or to.is_file() or (to.parent.is_dir() and not to.exists()):
        return
    what = "is a folder" if to.is_dir() else "is no file" if to.exists() else "lies in a folder that does not exist"
    raise RefusedError(f"{to} {what}. Give --to the name of a file in a folder that is there.")


def _as_json(text: str, plan: Plan) -> str:
    story = prompts.parse_story(text).model_dump(mode="json", exclude_defaults=True)
    return json.dumps({"story": story, "plan": plan.facts}, indent=2, ensure_ascii=False) + "\n"


def _write_out(text: str, to: Path | None) -> None:
    """Write a text to a file, whose path is printed, or to standard output."""
    if to is None:
        sys.stdout.write(text)
        return
    write_bytes(to.resolve(), text.encode())  # where a link leads, which stays a link
    print(to)
