"""What `tenfold sweep` does: plan a comparison, make its runs, and say which arm does better."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from evaluation.catalogue import CATALOGUE
from evaluation.ranking_text import HEAD, WAYS, counted, rank_cells, reading
from flows.command import Manner, perform
from flows.failures import FAILED
from flows.opening import root_of
from flows.terminal import plain, progress, table
from tasks.batch.estimate import Estimates, in_all
from tasks.batch.making import IN_FLIGHT
from tasks.services import Services, using
from tasks.specs import read_settings
from tasks.stages import is_made
from tasks.sweep_report import CSV, MARKDOWN, MAX_MB, PAGE, Findings, conclude, findings, publish_to
from tasks.sweep_spec import find_stories, parse_seeds, read_spec
from tasks.sweeps import Sweep, planned, run_sweep

SHOWN = ("rank", "arm", "mean", "difference", "95 % of it", "p, Holm")
FEW_SCORES = 6


@dataclass(frozen=True)
class Request:
    """What the command line asked for. sweep: a preset or a file. stories, seeds: None for those of the sweep."""

    sweep: str
    stories: tuple[str, ...] = ()
    seeds: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    to: Path | None = None
    max_mb: float = MAX_MB
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)
    in_flight: int = IN_FLIGHT

    @property
    def command(self) -> str:
        """The command that makes the same sweep."""
        words = ["tenfold", "sweep", self.sweep, *self.stories]
        words += ["--seeds", self.seeds] if self.seeds else []
        for setting in (*(f"{path}={value}" for path, value in self.values.items()), *self.settings):
            words += ["--set", setting]
        return shlex.join(words)


def sweep_command(request: Request) -> None:
    """Make the runs of a sweep and rank its arms, or with a dry run only say what would be made."""
    root, manner = root_of(request.out), request.manner
    spec, folder = read_spec(request.sweep)
    stories = find_stories(request.stories) if request.stories else find_stories(spec.stories, folder)
    if request.seeds is not None:
        spec = spec.model_copy(update={"seeds": parse_seeds(request.seeds)})
    values = {**request.values, **read_settings(request.settings)}
    plan = planned(spec, stories, root, values=values, tools=manner.tools)
    if not manner.quiet:
        for note in plan.notes:
            print(f"Note: {plain(note)}", file=sys.stderr)
    if manner.dry_run:
        show_plan(plan)
        return
    found: Findings | None = None  # an engine's flow hands back plain facts only
    services = Services(plan.points[0].run.config, root)  # one ceiling of costs for all
    with using(services), progress(sys.stderr, quiet=manner.quiet) as listener:

        def start() -> Any:
            from flows.sweep import sweep

            told = (request.command, request.max_mb, manner.force)
            return sweep(spec, list(stories), str(root), values, *told, in_flight=request.in_flight)

        def plainly() -> dict[str, Any]:
            nonlocal found
            facts = run_sweep(plan, on_event=listener, force=manner.force, in_flight=request.in_flight)
            found = conclude(plan, request.command, max_mb=request.max_mb, on_event=listener)
            return facts

        facts = perform(start, plainly, manner, listener, quick=_is_made(plan) and not manner.force)
    finish(plan, facts, request, found)


def _is_made(plan: Sweep) -> bool:
    return all(one.is_there and is_made(one.run) for one in plan.points)


def show_plan(plan: Sweep) -> None:
    """Print the runs of a sweep, what is there of each, and the estimated cost of the rest."""
    estimates = Estimates()
    ahead = [estimates.of(one.run) for one in plan.points]
    rows = [
        (one.point.arm, one.point.story.title, str(one.point.seed), one.run.id, left.plan)
        for one, left in zip(plan.points, ahead, strict=True)
    ]
    table(("arm", "story", "seed", "run", "plan"), rows)
    there = sum(not left.left for left in ahead)
    print(
        f"{plain(plan.spec.title)}: {len(rows)} runs, {there} of them there as a whole. "
        f"{len(plan.arms)} arms, compared with {plain(plan.baseline)}; results would be in {plan.folder}"
    )
    print(f"Cost of the rest: {in_all(ahead)}. Nothing was written.")


def finish(plan: Sweep, facts: Mapping[str, Any], request: Request, found: Findings | None = None) -> None:
    """Show the ranking and where it is, and exit with 1 where a run has failed. found: read again when None."""
    quiet = request.manner.quiet
    if not quiet and (found := found or findings(plan, request.command)) is not None:
        show_ranking(found)
    for name, error in facts["failed"].items():
        print(f"Failed: {plain(name)}: {plain(error)}.", file=sys.stderr)
    copies = [] if request.to is None else publish_to(plan, request.to)
    if quiet:
        print(plan.folder)
    else:
        for title, name in (("Ranking", MARKDOWN), ("All scores", CSV), ("Comparison", PAGE)):
            if (plan.folder / name).is_file():
                print(f"{title:<14} {plan.folder / name}")
        if copies:
            print(f"{'Copied to':<14} {request.to}")
    if facts["failed"]:
        raise typer.Exit(FAILED)


def show_ranking(found: Findings) -> None:
    """Print the rankings of the first of the scores that decide, as narrow as a terminal is."""
    compared = set(found.rankings["score"][found.rankings["rank"].notna() & (found.rankings["pairs"] > 0)])
    there = [score for score in found.decide if score in compared]
    shown = [HEAD.index(name) for name in SHOWN]
    for score in there[:FEW_SCORES]:
        rows = found.rankings[found.rankings["score"] == score]
        entry = CATALOGUE.get(score)
        for _, part in rows.groupby(["scorer", "scorer_revision"], dropna=False, sort=False):
            print(f"{score}: {entry.title}, {WAYS[entry.better]}" if entry else score)
            cells = rank_cells(part)
            table(tuple(HEAD[at] for at in shown), [tuple(row[at] for at in shown) for row in cells])
            for note in dict.fromkeys(row[HEAD.index("note")] for row in cells if row[HEAD.index("note")]):
                print(f"Note: {plain(note)}.")
    if len(there) > FEW_SCORES:
        print(f"{counted(len(there) - FEW_SCORES, 'more score is', 'more scores are')} in {MARKDOWN}.")
    if there:
        print(reading(plain(found.comparison.baseline), int(found.rankings["stories"].max())))
