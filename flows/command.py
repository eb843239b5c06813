"""What `tenfold zoom` does: compose the configuration, show the plan or run it, and say what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.opening import root_of
from flows.terminal import plain, progress, table
from prompts import Story, load_story
from prompts.request import PlanRequest
from tasks.cost import cost
from tasks.depot.roots import depot_of
from tasks.events import Listener
from tasks.film import film_of
from tasks.given import given_levels
from tasks.models import describe_here
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.planes import draws_plane
from tasks.records import kept_change
from tasks.run import Run, Tools
from tasks.running import how_it_runs
from tasks.score import score_table
from tasks.services import Services, using
from tasks.specs import RunConfig, with_settings, with_values
from tasks.stages import is_made, look_ahead, stages_of


@dataclass(frozen=True)
class Manner:
    """How a command goes about its run, whatever that is."""

    dry_run: bool = False
    force: bool = False
    no_engine: bool = False
    quiet: bool = False

    @property
    def tools(self) -> Tools:
        """How models are found: a dry run gets none from a network."""
        return Tools(describe=describe_here) if self.dry_run else Tools()


@dataclass(frozen=True)
class Request:
    """What the command line asked for. `values`: settings by dotted path from named options; `settings`: from --set."""

    story: Story | PlanRequest
    values: Mapping[str, Any]
    settings: tuple[str, ...] = ()
    out: Path | None = None
    manner: Manner = Manner()


def zoom_command(request: Request) -> None:
    """Make a zoom video, or with a dry run only say how it would be made."""
    root, manner = root_of(request.out), request.manner
    if isinstance(request.story, Story):
        carry_out(request.story, configured(request.values, request.settings), root, manner)
        return
    wish, values = request.story, {name: value for name, value in request.values.items() if name != "p"}
    config = configured(values, request.settings)  # p is the story's, and with it the widths
    from flows.planned import foretold

    with using(Services(config, root)) as services:
        plan = foretold(wish, config, services, manner)
        if plan is not None:
            carry_out(plan.story, config, root, manner, wish=wish)


def configured(values: Mapping[str, Any], settings: Sequence[str]) -> RunConfig:
    """The configuration that named options and --set make."""
    return with_settings(with_values(RunConfig(), values), settings)


def carry_out(
    story: Story,
    config: RunConfig,
    root: Path,
    manner: Manner,
    notes: Sequence[str] = (),
    *,
    wish: PlanRequest | None = None,
) -> None:
    """Make a run and show what came of it, or with a dry run its plan.

    notes: what was chosen for the user. wish: that the story was planned of, which the run tells.
    """
    run = prepare(config, story, root, manner.tools)
    if not manner.quiet:
        for note in (*notes, *run.notes):
            print(f"Note: {plain(note)}", file=sys.stderr)
    if manner.dry_run:
        show_plan(run)
        return
    with progress(sys.stderr, quiet=manner.quiet) as listener:
        facts = make(run, wish or story, config, manner, listener)
    if "refinement" in facts:  # another story than the one that was given
        if not manner.quiet:
            from flows.refining import show_refinement

            show_refinement(facts["refinement"], root)
        run = prepare(config, load_story(Path(facts["folder"]) / "story.yaml"), root)
    show_result(run, facts, quiet=manner.quiet)


def make(run: Run, story: Story | PlanRequest, config: RunConfig, manner: Manner, listener: Listener) -> dict[str, Any]:
    """Make the run with or without Prefect; returns the facts of its report."""

    def start() -> Any:
        from flows.zoom import zoom

        return zoom(story, config, str(run.root), manner.force)

    def plainly() -> dict[str, Any]:
        return run_zoom(config, story, run.root, on_event=listener, force=manner.force).as_json()

    quick = is_made(run) and not manner.force and not config.plan.refine
    return perform(start, plainly, manner, listener, quick=quick)


def perform(
    start: Callable[[], Any], plainly: Callable[[], dict[str, Any]], manner: Manner, listener: Listener, *, quick: bool
) -> dict[str, Any]:
    """Do something by its flow (`start` calls it), or `plainly` without an engine; returns the facts of its report.

    quick: it takes no longer than a server takes to start, which is then not started for it.
    """
    from flows import engine
    from flows.server import ServerError

    if not manner.no_engine and (not quick or engine.has_server()):  # a server that is there keeps the history
        try:
            return dict(engine.run_flow(start, listener))
        except ServerError as error:
            print(f"{error} The run goes on without it.", file=sys.stderr)
    return plainly()


def show_plan(run: Run) -> None:
    """Print the resolved configuration, the stages that are there already, and the estimated cost."""
    unread = {"guidance"} if draws_plane(run.method) else set()
    print(json.dumps(run.config.model_dump(mode="json", exclude=unread), indent=2, ensure_ascii=False))
    found = look_ahead(run)
    base = run.config.base
    print("" if base is None else f"\nGoes on from run {base.run}, of which {len(given_levels(run))} levels are kept.")
    print(f"{plain(run.story.title)}: {len(run.story.levels)} levels, p = {run.p:g}, run {run.id} in {run.folder}")
    table(("stage", "plan"), [(stage.name, "reuse" if stage.name in found else "make") for stage in stages_of(run)])
    if run.config.plan.refine:
        print(
            f"Before it is drawn the story is refined: a vision model looks {times(run.config.plan.refine)} at most at "
            f"a draft of its {len(run.story.levels)} levels. With other prompts it will be another run."
        )
    if run.cascade:
        height, width = run.size_px
        steps = [
            ("sampled", f"{width}x{height}"),
            *((f"stage {n}", stage.told()) for n, stage in enumerate(run.cascade, 1)),
        ]
        table(("levels", "pixels"), steps)
    if not run.config.compose:
        print(how_it_runs(run))
    estimate = cost(run)
    more = f" and {estimate.enlarging:,} of those that enlarge" if estimate.enlarging else ""
    pace = "" if estimate.sampling_s is None else f" (about {estimate.sampling_s:,.0f} s at the latest run's pace)"
    if estimate.sampling_s is None and estimate.guess_s is not None:
        pace = f" (roughly {estimate.guess_s:,.0f} s here; a first run will tell)"
    print(
        f"Cost of making all: {estimate.evaluations:,} {estimate.unit}{pace}{more}, "
        f"{estimate.frames:,} frames, at most about {estimate.disk_bytes / 2**20:,.0f} MB on disk. Nothing was written."
    )


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count} times"


def show_result(run: Run, facts: Mapping[str, Any], *, quiet: bool = False) -> None:
    """Print what was made and reused, how long it took, where it is, and the scores."""
    film = run.folder / film_of(run).name
    if quiet:
        print(film)
        return
    stages = facts["stages"].items()
    rows = [(name, "made" if s["made"] else "reused", f"{s['seconds']:.1f} s") for name, s in stages]
    table(("stage", "", "time"), rows)
    results = look_ahead(run)
    if "scores" in results:
        table(*score_table(run, results))
    change = kept_change(run, results)
    if change is not None:
        print(f"Pixels that were to be kept have changed by {change * 127.5:.3g} of 255 at most.")
    if facts["restored"] and not any(s["made"] for _, s in stages):
        print(f"Put back into the run's folder: {', '.join(facts['restored'])}")
    print(f"{'Video':<14} {film}")
    for title, name in (("Poster", "poster.png"), ("Contact sheet", "contact_sheet.png"), ("To explore", "view.html")):
        print(f"{title:<14} {run.folder / name}")
    print(f"{'All files':<14} {run.folder}")
    if (depot := depot_of(run.root)) is not None:
        print(f"{'In the store':<14} {depot.url}/{run.folder.parent.name}/{run.folder.name}")
