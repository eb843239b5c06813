"""What `tenfold score` does: measure runs, or another tool's work, and show what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from evaluation.cards import Selection
from evaluation.dataset import read_scores, score_files
from flows.command import Manner, perform
from flows.failures import FAILED
from flows.opening import root_of
from flows.scores_shown import as_json, show, show_plan, show_taken
from flows.terminal import plain, progress
from prompts import load_story
from tasks import foreign, foreign_folder
from tasks.arms import arms_of
from tasks.errors import RefusedError
from tasks.events import Listener, StageMoved, StageStarted
from tasks.machine import resolve_device
from tasks.measured import TABLES
from tasks.run import CONFIG
from tasks.scoring import in_progress, measure, plan
from tasks.scoring_plan import Asked, Planner, Work
from tasks.selection import select
from tasks.subjects import Subject, read_subject
from tasks.sweep_file import SWEEP
from zoomlib.film.video import probe

QUICK = 24
"""Files of scores that take no longer than a server takes to start."""


@dataclass(frozen=True)
class Elsewhere:
    """What is known of another tool's work."""

    p: str | None = None
    name: str | None = None
    story: str | None = None
    film: Path | None = None
    title: str | None = None
    seed: int = 0
    model: str | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were given."""
        named = {name: getattr(self, name) for name in ("p", "name", "story", "film", "title", "model")}
        return tuple(f"--{name}" for name, value in {**named, "seed": self.seed or None}.items() if value is not None)


@dataclass(frozen=True)
class Sets:
    """How pictures are compared with others as sets."""

    reference: Path
    extractor: str = "bundled"
    levels: str | None = None
    training_px: int | None = None


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    what: tuple[str, ...]
    scorer: str | None = None
    measures: tuple[str, ...] = ()
    video: bool = True
    sets: Sets | None = None
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    device: str = "auto"
    out: Path | None = None
    as_json: bool = False
    manner: Manner = field(default_factory=Manner)

    @property
    def root(self) -> Path:
        """The folder of all runs."""
        return root_of(self.out)

    @property
    def asked(self) -> Asked:
        """What is to be measured. Raises RefusedError for a device that is not here."""
        return Asked(self.scorer, self.measures, self.video, resolve_device(self.device), self.manner.force)


def score_command(request: Request) -> None:
    """Measure what was named, or with a dry run only say what would be measured."""
    asked, manner = request.asked, request.manner
    given = _elsewhere(request)
    if given is None:
        selection = select(request.what, request.root, fewest=1)
        subjects = [read_subject(card.folder) for card in selection.cards]
    else:
        Planner(asked)  # refuses an unknown scorer or measure before a film is read
        with progress(sys.stderr, quiet=manner.quiet) as listener:
            taken = foreign.take(given, _counted(listener, given))
        _say(taken.notes, manner)
        if manner.dry_run:
            show_taken(taken, request.root)
            return
        subjects = [foreign_folder.publish(taken, request.root)]
        cards = (subjects[0].card,)
        arms = arms_of(cards, {})
        selection = Selection(cards[0].story, cards, arms, tuple(arms.values()))
    _say((_mended(path, why) for path, why in _damaged(subjects).items()), manner)
    works = plan(subjects, asked)
    _say(selection.missing, manner)
    if manner.dry_run:
        show_plan(works)
        return
    facts = _measured(works, asked, request)
    finish(request, selection, facts)


def _measured(works: Sequence[Work], asked: Asked, request: Request) -> list[dict[str, Any]]:
    """Measure, with or without Prefect; plain facts of each run."""
    manner, root = request.manner, request.root

    def start() -> Any:
        from flows.score import score

        folders = [work.subject.folder for work in works]
        return score(folders, root, asked.scorer, asked.measures, asked.video, asked.device, asked.force)

    with progress(sys.stderr, quiet=manner.quiet) as listener:

        def plainly() -> dict[str, Any]:
            with in_progress(root):
                return {"runs": [one.as_json() for one in measure(works, asked, on_event=listener)]}

        quick = sum(len(work.missing) for work in works) <= QUICK
        found: list[dict[str, Any]] = perform(start, plainly, manner, listener, quick=quick)["runs"]
        return found


def finish(request: Request, selection: Selection, facts: Sequence[Mapping[str, Any]]) -> None:
    """Show what came of it; raises the exit code of failure where a run could not be measured."""
    manner = request.manner
    damaged: dict[Path, str] = {}
    folders = [card.folder for card in selection.cards]
    frame = read_scores(folders, on_damaged=damaged.__setitem__)
    sets = [] if request.sets is None else _score_sets(request, selection)
    if request.as_json:
        print(json.dumps(as_json(frame, facts, selection, damaged, sets), indent=2, ensure_ascii=False))
    elif manner.quiet:
        for folder in folders:
            print("\n".join(map(str, score_files(folder))))
        for one in sets:
            print(one.table)
    else:
        show(frame, selection, facts, sets)
    errors = [f"{one['folder']}: {one['error']}" for one in facts if one["error"] is not None]
    unread = [] if any((Path(name) / SWEEP).is_file() for name in request.what) else list(selection.missing)
    for line in (*errors, *(f"{path} is damaged and was left out: {why}" for path, why in damaged.items())):
        print(f"Failed: {plain(line)}", file=sys.stderr)
    if errors or unread or damaged:
        raise typer.Exit(FAILED)


def _elsewhere(request: Request) -> foreign.Given | None:
    """What another tool has made, where that was named. Raises RefusedError for what does not go together."""
    path = Path(request.what[0])
    theirs = path.is_file() or (path.is_dir() and _holds_pictures_only(path))
    known = request.elsewhere
    if not theirs:
        if known.given:
            raise RefusedError(
                f"{known.given[0]} tells of another tool's work, and {request.what[0]} is none: give a folder of "
                "pictures or a film. Of runs all that is known."
            )
        return None
    if len(request.what) > 1:
        raise RefusedError(f"{path} is another tool's work, which is scored alone. Give each a command of its own.")
    p = foreign.read_p(known.p) if known.p is not None else foreign.told_p(path)
    if p is None:
        raise RefusedError(
            f"How far does {path} zoom from level to level? Add --p 2, say, where each level shows the middle half of "
            "the one before, or --p 2,2,4 with one number for each step."
        )
    return foreign.Given(
        path=path,
        p=p,
        name=known.name or foreign.OTHER,
        title=known.title,
        story=None if known.story is None else load_story(known.story),
        seed=known.seed,
        model=known.model,
        film=known.film,
        scorer=request.scorer or "bundled",
    )


def _holds_pictures_only(folder: Path) -> bool:
    """Whether pictures lie in it, and it is neither a run, nor a sweep, nor a folder of runs."""
    ours = (folder / CONFIG).exists() or (folder / SWEEP).exists()
    return not ours and not any(folder.glob(f"*/{CONFIG}")) and bool(foreign.pictures_in(folder))


def _damaged(subjects: Sequence[Subject]) -> dict[Path, str]:
    found: dict[Path, str] = {}
    read_scores([subject.folder for subject in subjects], columns=["run_id"], on_damaged=found.__setitem__)
    return found


def _mended(path: Path, why: str) -> str:
    again = "It is measured again." if path.name in TABLES.values() else "Delete it, or measure the same again."
    return f"{path} is damaged ({why}). {again}"


def _say(notes: Any, manner: Manner) -> None:
    for note in () if manner.quiet else notes:
        print(f"Note: {plain(note)}", file=sys.stderr)


def _counted(listener: Listener, given: foreign.Given) -> Callable[[int], None]:
    """A listener to the frames of its film, which is read twice, that tells of them as of a stage."""
    started = False

    def tell(done: int) -> None:
        nonlocal started
        if not started:
            film = given.film or given.path
            listener(StageStarted("film", 2 * probe(film).frames, "frames"))
            started = True
        listener(StageMoved("film", done))

    return tell


def _score_sets(request: Request, selection: Selection) -> list[Any]:
    from tasks.sets import SetSpec, score_sets

    if request.sets is None:
        return []
    asked = request.sets
    spec = SetSpec(
        reference=asked.reference,
        extractor=asked.extractor,
        levels=None if asked.levels is None else _read_levels(asked.levels),
        training_px=asked.training_px,
        device=resolve_device(request.device),
    )
    with progress(sys.stderr, quiet=request.manner.quiet) as listener:
        return list(score_sets(selection, spec, request.root, on_event=listener))


def _read_levels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(level) for level in text.split(","))
    except ValueError as error:
        raise RefusedError(f"Expected --levels as 0,1 (0 is the widest); got {text!r}.") from error
