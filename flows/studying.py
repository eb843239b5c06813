"""What `tenfold study` does: make a study ready or find it, print its links, and serve it until it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.cards import RunCard
from evaluation.serving import Address, is_loopback, serve
from evaluation.study.desk import Desk
from evaluation.study.people import People
from evaluation.study.plan import QUESTION, Design, Study, load
from evaluation.study.server import application
from flows.opening import root_of
from flows.terminal import plain, progress, table
from tasks.errors import RefusedError
from tasks.selection import select
from tasks.study import Wanted, find_study, folder_of, keep, missing_films, planned

LINKS = "links.txt"


@dataclass(frozen=True)
class Request:
    """What was asked for. wanted, design: fields of `tasks.study.Wanted` and `plan.Design`. participants: how many
    personal links; None for one open link.
    """

    what: tuple[str, ...]
    wanted: Mapping[str, Any]
    design: Mapping[str, Any]
    participants: int | None
    out: Path | None
    host: str
    port: int
    serves: bool
    dry_run: bool
    quiet: bool


def study_command(request: Request) -> None:
    """Make the study ready and serve it."""
    if not request.what:
        raise RefusedError("Name what to compare: runs, a sweep, or a folder of runs; or a study to go on with.")
    root = root_of(request.out)
    found = find_study(request.what[0], root) if len(request.what) == 1 else None
    if found is None:
        study, folder = _made(request, root)
    else:
        study, folder = load(found), found
        _say(request, f"Going on with study {study.name}, as it was made: {folder}")
        if missing := len(missing_films(study, folder)):
            raise RefusedError(f"{missing} films of {folder} are gone. Name the study's runs again, to draw them anew.")
    if request.dry_run:
        return
    _open(request, study, folder)


def _made(request: Request, root: Path) -> tuple[Study, Path]:
    """The study of the runs that were named: as it is planned, and ready unless this is a dry run."""
    selection = select(request.what, root)
    question = request.wanted["question"] or QUESTION
    wanted = Wanted(**{**request.wanted, "question": question, "design": Design(**request.design)})
    study = planned(selection, wanted)
    folder = folder_of(study, root)
    if not request.quiet:
        _show(study, folder)
    if not request.dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        _draw(request, study, folder, {card.id: card for card in selection.cards})
        keep(study, folder)
    return study, folder


def _draw(request: Request, study: Study, folder: Path, cards: Mapping[str, RunCard]) -> None:
    """Draw what is missing of the study's films."""
    if not missing_films(study, folder):
        return
    from tasks.study_films import draw_films  # loads torch, which takes longer than all the rest

    with progress(sys.stderr, quiet=request.quiet) as listener:
        draw_films(study, folder, cards, listener)


def _open(request: Request, study: Study, folder: Path) -> None:
    """Print the links and serve, or print what they will be like."""
    people, count = People(study, folder), request.participants
    invited = [] if count is None else people.invite(count)
    if not request.serves:
        own = Address(request.host, request.port, None if is_loopback(request.host) else _token(people))
        _tell(request, own, invited, folder)
        return
    app = application(Desk(study, folder), admits=count is None)
    serve(
        app,
        host=request.host,
        port=request.port,
        token=_token(people),
        on_ready=lambda address: _ready(request, address, invited, folder),
    )
    _say(request, "Stopped. All answers are kept; the same command goes on.")


def _token(people: People) -> str:
    """What links over the network must carry: the same whenever the study is served, so that links stay good."""
    return people.sign("token")


def _ready(request: Request, address: Address, invited: Sequence[str], folder: Path) -> None:
    if address.moved:
        _say(request, f"Port {request.port} is taken: links have port {address.port} this time. Name one with --port.")
    _tell(request, address, invited, folder)
    _say(request, "Serving until Ctrl-C. What was answered so far: tenfold study --report " + folder.name)
    if address.token is None:
        return
    _say(request, "Anyone with a link takes part. Connections are not encrypted: put a proxy with https before it.")


def _tell(request: Request, address: Address, invited: Sequence[str], folder: Path) -> None:
    """Print the links, and write those of invited participants to a file of their owner's."""
    links = [address.link(f"/p/{person}") for person in invited] or [address.link("/")]
    if invited:
        path = folder / LINKS
        path.touch(mode=0o600)
        path.write_text("\n".join(links) + "\n", encoding="utf-8")
        _say(request, f"{len(links)} personal links, also in {path}:")
    else:
        _say(request, "One link for whoever comes; each browser gets a number of its own:")
    print("\n".join(links), flush=True)


def _show(study: Study, folder: Path) -> None:
    """What will be asked of how many."""
    print(f"Study      {plain(study.name)} ({study.id})\nQuestion   {plain(study.question)}")
    counts = [(*arms, str(sum(pair.arms == arms for pair in study.pairs))) for arms in _compared(study)]
    table(("arm", "against", "pairs"), counts)
    design = study.design
    extra = [f"{design.repeats} of them twice"] * bool(design.repeats)
    extra += [f"{design.catches} catch trials"] * bool(design.catches)
    seconds = sum(map(study.seconds, study.pairs)) / len(study.pairs)
    print(
        f"Each person judges {design.pairs} of {len(study.pairs)} pairs{''.join(f', {part}' for part in extra)}; films "
        f"of {seconds:.1f} s on average, {len(study.stories)} stories."
    )
    for note in study.notes:
        print(f"Note: {plain(note)}")
    print(f"Folder     {folder}", flush=True)


def _compared(study: Study) -> list[tuple[str, str]]:
    return list(dict.fromkeys(pair.arms for pair in study.pairs))


def _say(request: Request, words: str) -> None:
    if not request.quiet:
        print(words, flush=True)
