"""Scores of what is there already: many runs in one stream, each model loaded once, one failing run in nobody's way."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.dataset import read_scores
from evaluation.measures import Measure, load_measure
from evaluation.networks.text_image import TextImage
from evaluation.stream import Job, score_stacks
from evaluation.table import Score
from tasks import begun, foreign
from tasks.errors import UNUSABLE, RunError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.finished import read_run
from tasks.folder import writing
from tasks.measured import write_rows
from tasks.motion_scores import film_scores
from tasks.rerender import film_of_finished
from tasks.run import CACHE, Tools
from tasks.scoring_plan import FILM, LEVELS, Asked, Part, Planner, Work
from tasks.stage import Json
from tasks.subjects import Subject
from zoomlib.errors import InvalidInputError, ZoomlibError

if TYPE_CHECKING:
    from evaluation.networks.text_image import Scorer

NAME = "scores"
TEXT = frozenset(one.name for one in fields(TextImage))
"""Scores of levels against their prompts."""
KEPT = "estimate_psnr"
"""What cannot be measured again when the store has let the model's estimates go."""


Result = tuple[Work, list[str] | str]
"""A run with the files that were written, or why none were."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run. made: files that were measured now; kept: those that were there. error: why some are not
    there."""

    subject: Subject
    made: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    error: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Plain facts."""
        card = self.subject.card
        return {
            "run_id": card.id,
            "folder": str(card.folder),
            "made": list(self.made),
            "kept": list(self.kept),
            "error": self.error,
        }


def plan(subjects: Sequence[Subject], asked: Asked, tools: Tools | None = None) -> tuple[Work, ...]:
    """What is to be measured of each. Raises RefusedError or InvalidInputError for what can be measured of none."""
    planner = Planner(asked, tools)
    return tuple(planner.work(subject) for subject in subjects)


def in_progress(root: Path) -> AbstractContextManager[None]:
    """Keeps the store of all runs from being cleaned."""
    return begun.in_progress(root / CACHE)


def measure(
    works: Sequence[Work], asked: Asked, *, tools: Tools | None = None, on_event: Listener = ignore
) -> tuple[Outcome, ...]:
    """Measure what is missing and write it, each file whole as soon as it is there; one outcome per run, in order."""
    made: dict[int, list[str]] = defaultdict(list)
    errors = {id(work): work.fault for work in works if work.fault is not None}
    passes, films = _level_passes(works), [work for work in works if FILM in (part.file for part in work.missing)]
    stream = _Stream(asked.device, tools or Tools())
    levels = chain.from_iterable(map(stream.run, passes))
    results = (
        *_told(NAME, sum(len(one.works) for one in passes), "runs", levels, on_event),
        *_told("film scores", len(films), "films", map(_film_measured, films), on_event),
    )
    for work, result in results:
        if isinstance(result, str):
            errors.setdefault(id(work), result)
        else:
            made[id(work)] += result
    return tuple(
        Outcome(
            work.subject,
            tuple(made[id(work)]),
            tuple(part.file for part in work.parts if part.there),
            errors.get(id(work)),
        )
        for work in works
    )


def _told(name: str, total: int, unit: str, results: Iterable[Result], on_event: Listener) -> list[Result]:
    """The results, with news of each as it comes."""
    if not total:
        return []
    began, found = time.perf_counter(), []
    on_event(StageStarted(name, total, unit))
    for result in results:
        found.append(result)
        on_event(StageMoved(name, len(found)))
    on_event(StageDone(name, True, time.perf_counter() - began))
    return found


def _film_measured(work: Work) -> Result:
    """Measure a run's film and write its file."""
    subject = work.subject
    part = next(part for part in work.missing if part.file == FILM)
    try:
        scores = _of_our_film(subject) if subject.is_ours else foreign.film_scores(subject)
        defined = [score for score in scores if math.isfinite(score.value)]
        with writing(subject.workshop, subject.card.id):
            write_rows(subject.folder, FILM, defined, subject.origin(), part.stamp)
    except (RunError, ZoomlibError, *UNUSABLE) as error:
        return work, f"Its film: {error}"
    return work, [FILM]


def _of_our_film(subject: Subject) -> list[Score]:
    run = read_run(str(subject.folder), subject.folder.parent.parent)
    film = film_of_finished(run, run.config.film.model_copy(update={"audio": None}))  # the sound need not be there
    return film_scores(film, subject.stack(), subject.film_files())


@dataclass(frozen=True)
class Pass:
    """Runs of which the same models measure the same. plain: the scores that need no model, too."""

    scorer: str | None
    measures: tuple[str, ...]
    plain: bool
    works: tuple[tuple[Work, tuple[Part, ...]], ...]


def _level_passes(works: Sequence[Work]) -> list[Pass]:
    groups: dict[tuple[str | None, tuple[str, ...], bool], list[tuple[Work, tuple[Part, ...]]]] = defaultdict(list)
    for work in works:
        for scorer, parts in _by_scorer(work.missing):
            measures = tuple(dict.fromkeys(name for part in parts for name in part.measures))
            groups[scorer, measures, any(part.file == LEVELS for part in parts)].append((work, parts))
    return [Pass(*key, works=tuple(members)) for key, members in groups.items()]


def _by_scorer(parts: Sequence[Part]) -> Iterator[tuple[str | None, tuple[Part, ...]]]:
    """The parts by the scorer that they need; those that need none go with the first of the others."""
    parts = [part for part in parts if part.file != FILM]
    named = dict.fromkeys(part.scorer for part in parts if part.scorer is not None)
    free = [part for part in parts if part.scorer is None]
    for scorer in named:
        yield scorer, (*(part for part in parts if part.scorer == scorer), *free)
        free = []
    if free:
        yield None, tuple(free)


class _Stream:
    """Loads each scorer and measure once, and measures passes with them."""

    def __init__(self, device: str, tools: Tools) -> None:
        self.device, self.tools = device, tools
        self.scorers: dict[str, Scorer] = {}
        self.measures: dict[tuple[str, str | None], Measure] = {}

    def run(self, one: Pass) -> Iterator[Result]:
        """Each run of a pass, with the files that were written of it or why there are none."""
        try:
            scorer = self._scorer(one.scorer)
            measures = {name: self._measure(name, one.scorer, scorer) for name in one.measures}
        except (InvalidInputError, RunError, ZoomlibError, OSError) as error:
            yield from ((work, str(error)) for work, _ in one.works)
            return
        jobs = [partial(_job, work.subject, one.plain) for work, _ in one.works]
        stream = score_stacks(jobs, scorer, list(measures.values()), plain=one.plain)
        for (work, parts), result in zip(one.works, stream, strict=True):
            if isinstance(result, InvalidInputError):
                yield work, str(result)
            else:
                yield work, _written(work.subject, parts, result, measures)

    def _scorer(self, name: str | None) -> Scorer | None:
        if name is None:
            return None
        if name not in self.scorers:
            self.scorers[name] = self.tools.load_scorer(name, device=self.device)
        return self.scorers[name]

    def _measure(self, name: str, scorer_name: str | None, scorer: Scorer | None) -> Measure:
        key = name, scorer_name
        if key not in self.measures:
            self.measures[key] = load_measure(name, device=self.device, scorer=scorer)
        return self.measures[key]


def _job(subject: Subject, plain: bool) -> Job:
    """One run's levels, read by the stream's threads. Raises InvalidInputError for whatever is wrong with them."""
    try:
        stack = subject.stack()
        more = {"estimates": subject.estimates(), "kept": subject.kept_changes()} if plain else {}
        return Job(stack, subject.prompts or [""] * len(stack), more)
    except InvalidInputError:
        raise
    except (RunError, ZoomlibError, *UNUSABLE) as error:
        raise InvalidInputError(str(error)) from error


def _written(
    subject: Subject, parts: Sequence[Part], scores: Sequence[Score], measures: Mapping[str, Measure]
) -> list[str] | str:
    """Write each part's rows to its file; returns the files' names, or why they cannot be written."""
    own: dict[tuple[str | None, str | None], str] = {(one.scorer, one.revision): name for name, one in measures.items()}
    defined = [score for score in scores if math.isfinite(score.value)]
    try:
        with writing(subject.workshop, subject.card.id):
            for part in parts:
                rows = [score for score in defined if _belongs(score, part, own)]
                if part.file == LEVELS and not any(score.score == KEPT for score in rows):
                    rows += _kept(subject)
                write_rows(subject.folder, part.file, rows, subject.origin(), part.stamp)
    except OSError as error:
        return f"{subject.folder} cannot be written to: {error}."
    return [part.file for part in parts]


def _belongs(score: Score, part: Part, measures: Mapping[tuple[str | None, str | None], str]) -> bool:
    if score.score in TEXT:
        return part.words
    name = measures.get((score.scorer, score.scorer_revision))
    return part.file == LEVELS if name is None else name in part.measures


def _kept(subject: Subject) -> list[Score]:
    """Scores of the model's own estimates, from when they were there."""
    file = subject.folder / LEVELS
    if not file.is_file():
        return []
    frame = read_scores(file, on_damaged=lambda _path, _why: None)
    found = frame[(frame["score"] == KEPT) & (frame["run_id"] == subject.card.id)]
    pairs = zip(found["level"].tolist(), found["value"].tolist(), strict=True)
    return [Score(KEPT, value, "pair", level) for level, value in pairs]
