"""What `tenfold batch` does: plan many videos, make them, and say what came of each."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import typer

from flows.command import Manner, perform
from flows.opening import root_of
from flows.options import Place
from flows.plan_shown import first_round
from flows.terminal import plain, progress, table
from tasks.batch.estimate import Ahead, Estimates, in_all
from tasks.batch.making import run_batch
from tasks.batch.plan import Batch, Job, plan_batch
from tasks.batch.record import FILE, SUMMARY, find_batch, plan_again, summary_of
from tasks.batch.spec import BatchSpec, is_batch_file, read_batch
from tasks.batch.summary import COLUMNS, Summary
from tasks.depot.roots import pull, pull_run, shown
from tasks.errors import RefusedError
from tasks.services import Services, using
from tasks.specs import read_settings
from tasks.stages import is_made
from tasks.sweep_spec import parse_seeds

LONG = 60
"""Rows that a table is shown with; of more jobs only those that are missing are told."""
HERE: Literal["here"] = "here"


@dataclass(frozen=True)
class Request:
    """What the command line asked for. methods, seeds, title: None for those of the batch's file, or the usual ones.

    failed: the earlier batch of which only what is missing is to be made.
    """

    stories: tuple[str, ...] = ()
    methods: tuple[str, ...] | None = None
    seeds: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    title: str | None = None
    failed: str | None = None
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)


def batch_command(request: Request, *, in_flight: int, engine: Place = HERE, deployment: str = "zoom/zoom") -> None:
    """Make the videos of a batch and exit as its summary says, or with a dry run only say what would be made."""
    root, manner = root_of(request.out), request.manner
    batch = planned(request, root)
    if not manner.quiet:
        for note in batch.notes:
            print(f"Note: {plain(note)}", file=sys.stderr)
    if manner.dry_run:
        show_plan(batch)
        return
    only_failed, found = request.failed is not None, list[Summary]()
    with using(Services(batch.config, root)), progress(sys.stderr, quiet=manner.quiet) as listener, leaving(engine):

        def plainly() -> dict[str, Any]:
            found.append(
                run_batch(batch, on_event=listener, force=manner.force, in_flight=in_flight, only_failed=only_failed)
            )
            return found[0].facts()

        quick = engine == HERE and not manner.force and all(map(_is_there, batch.accepted))
        start = partial(_flow_of, batch, request, engine, deployment, in_flight)
        facts = perform(start, plainly, manner, listener, quick=quick)
    try:
        show(found[0] if found else _told(batch, facts), quiet=manner.quiet)
    except RefusedError:  # a full disk has kept no record: what the flow has returned is all there is
        _show_reasons([("Missing", name, error or "") for name, error in facts["missing"].items()])
    if facts["exit_code"]:
        raise typer.Exit(facts["exit_code"])


def _flow_of(batch: Batch, request: Request, engine: Place, deployment: str, in_flight: int) -> Any:
    """The flow that makes the batch; it plans it again where it runs."""
    from flows.nightly import nightly

    spec, root = batch.spec, batch.root
    if spec is None:
        raise ValueError(f"{batch.title} was not planned from stories")
    return nightly(
        list(spec.stories),
        spec.title,
        list(spec.methods),
        list(spec.seeds),
        spec.config,
        spec.settings,
        str(root.absolute()) if shown(root) == str(root) else shown(root),
        engine,
        deployment,
        in_flight=in_flight,
        force=request.manner.force,
        only_failed=request.failed is not None,
        folder=str(batch.looked_up),
    )


@contextmanager
def leaving(engine: Place) -> Iterator[None]:
    """Tell who stops the command in the body what it does not stop."""
    try:
        yield
    except KeyboardInterrupt:
        if engine == "deployment":
            print(
                "Videos that were submitted go on at their workers, and the same command finds them again; "
                "Prefect's page cancels them.",
                file=sys.stderr,
            )
        raise


def planned(request: Request, root: Path) -> Batch:
    """The batch that was asked for, accepted. Raises RefusedError where nothing of it can be made."""
    if request.failed is not None:
        _refuse_more(request)
        pull_run(root, request.failed)
        return plan_again(find_batch(request.failed, root), root, tools=request.manner.tools)
    spec, folder = _spec(request)
    return plan_batch(spec, root, folder=folder, tools=request.manner.tools)


def _refuse_more(request: Request) -> None:
    asked = request.methods, request.seeds, request.title, request.values, request.settings
    if request.stories or any(asked):
        raise RefusedError(
            "--failed makes what is missing of an earlier batch as it was asked for then. Leave out stories and "
            "settings, or run a batch with them."
        )


def _spec(request: Request) -> tuple[BatchSpec, Path]:
    """What the stories or the batch's file ask for, with the other options on top; and where paths are looked up."""
    if not request.stories:
        raise RefusedError("A batch needs stories: names, files, folders or words; or a file that says what it is.")
    file = request.stories[0] if len(request.stories) == 1 and is_batch_file(request.stories[0]) else None
    spec, folder = (BatchSpec(stories=request.stories), Path()) if file is None else read_batch(file)
    update: dict[str, Any] = {"settings": {**spec.settings, **request.values, **read_settings(request.settings)}}
    update |= {"methods": request.methods} if request.methods is not None else {}
    update |= {"seeds": parse_seeds(request.seeds)} if request.seeds is not None else {}
    update |= {"title": request.title} if request.title is not None else {}
    return spec.model_copy(update=update), folder


def _is_there(job: Job) -> bool:
    return job.run is not None and is_made(job.run)


def _told(batch: Batch, facts: Mapping[str, Any]) -> Summary:
    """The summary that an engine's flow has left in the batch's folder, which may be another machine's."""
    folder = batch.root / batch.folder.parent.name / Path(facts["folder"]).name
    pull(batch.root, f"{folder.parent.name}/{folder.name}")
    return summary_of(replace(batch, id=facts["batch"], folder=folder))


def show_plan(batch: Batch) -> None:
    """Print the jobs of a batch, what is there of each or why it is refused, and the estimated cost of the rest."""
    estimates = Estimates()
    ahead = [None if job.run is None else estimates.of(job.run) for job in batch.jobs]
    rows = [
        (plain(job.name), "" if job.run is None else job.run.id, _plan(job, left))
        for job, left in zip(batch.jobs, ahead, strict=True)
    ]
    table(("video", "run", "plan"), rows, folding=("video", "plan"))
    _show_reasons([("Refused", job.name, job.refusal) for job in batch.jobs if job.refusal is not None])
    there = sum(left is not None and not left.left for left in ahead)
    refused = len(batch.jobs) - len(batch.accepted)
    print(
        f"{plain(batch.title)}: {len(batch.jobs)} videos, {there} of them there as a whole, {refused} refused. "
        f"The summary would be {batch.folder / SUMMARY}"
    )
    print(f"Cost of the rest: {in_all([left for left in ahead if left is not None])}{_asked(batch)}.")
    print("Nothing was written.")


def _plan(job: Job, ahead: Ahead | None) -> str:
    if job.refusal is not None:
        return "refused"
    return ahead.plan if ahead is not None else "plan, then make" if job.wish is not None else "refine, then make"


def _asked(batch: Batch) -> str:
    """What language models take at most for the first rounds of plans that are still to be made."""
    wishes = [job for job in batch.accepted if job.run is None and job.wish is not None]
    services = Services(batch.config, batch.root)
    if not wishes or not services.has_writer:
        return ""
    model = str(services.plan.model)
    bounds = [first_round(job.wish, job.config, services, model) for job in wishes if job.wish is not None]
    costs = [cost for _, cost in bounds if cost is not None]
    money = f"{sum(costs):.4f} {services.budget.prices.currency}" if len(costs) == len(bounds) else "price unknown"
    tokens = sum(tokens for tokens, _ in bounds)
    return f"; first rounds of {len(wishes)} plans at most {tokens:,} tokens ({money}), and their videos"


def show(summary: Summary, *, quiet: bool = False) -> None:
    """Print what became of every job, or where there are many only of those that are missing; and where it is told."""
    folder = summary.batch.folder
    if quiet:
        print(folder / SUMMARY)
        return
    rows = summary.rows()
    if len(rows) <= LONG:
        names = [name for name in COLUMNS[:-1] if name == "job" or any(row[name] for row in rows)]
        table(tuple(names), [tuple(plain(row[name]) for name in names) for row in rows], folding="job")
    _show_reasons([(outcome.state.capitalize(), job.name, outcome.error or "") for job, outcome in summary.missing])
    print(f"{plain(summary.batch.title)}: {summary.headline()}")
    for note in summary.notes[len(summary.batch.notes) :]:
        print(f"Note: {plain(note)}", file=sys.stderr)
    print(f"{'Summary':<14} {folder / SUMMARY}")
    print(f"{'For programs':<14} {folder / FILE}")
    if summary.exit_code:
        print(f"{'Again':<14} tenfold batch --failed {summary.batch.id}")


def _show_reasons(reasons: Iterable[tuple[str, str, str]]) -> None:
    for what, name, reason in reasons:
        print(f"{what}: {plain(name)}: {plain(reason)}.", file=sys.stderr)
