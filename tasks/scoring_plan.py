"""What is to be measured of runs that are there already, and what of it is there too. Nothing is loaded or written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import prompts
from evaluation.table import stamp_of
from tasks.errors import RefusedError
from tasks.measured import TABLES, film_stamp, levels_stamp
from tasks.measures import NO_SCORER, describe_measures
from tasks.run import Tools
from tasks.stage import Json, canonical_json
from tasks.subjects import Subject
from zoomlib.errors import InvalidInputError

LEVELS, FILM = TABLES["scores"], TABLES["motion"]


@dataclass(frozen=True)
class Asked:
    """What is to be measured. scorer: its name, None for each run's own. video: the film too. force: once more."""

    scorer: str | None = None
    measures: tuple[str, ...] = ()
    video: bool = True
    device: str = "cpu"
    force: bool = False


@dataclass(frozen=True)
class Part:
    """A file of a run's scores. stamp: what they are measured by and on.

    scorer: who is loaded for it, None for nobody. words: whether the levels are read against their prompts. measures:
    the names of further ones. there: whether the file is whole and was measured by just that.
    """

    file: str
    stamp: str
    scorer: str | None = None
    words: bool = False
    measures: tuple[str, ...] = ()
    there: bool = False


@dataclass(frozen=True)
class Work:
    """A run and all parts that were asked for, those that are there too. fault: why nothing can be measured of it."""

    subject: Subject
    parts: tuple[Part, ...] = ()
    fault: str | None = None

    @property
    def missing(self) -> tuple[Part, ...]:
        """What is to be measured."""
        return tuple(part for part in self.parts if not part.there)


class Planner:
    """Plans the same question for many runs. Raises RefusedError or InvalidInputError for one that makes no sense."""

    def __init__(self, asked: Asked, tools: Tools | None = None) -> None:
        self.asked = asked
        self.described = lru_cache(maxsize=None)((tools or Tools()).describe_scorer)
        self.measured = lru_cache(maxsize=None)(self._describe_measure)
        if asked.scorer not in (None, NO_SCORER):
            self.described(asked.scorer)
        if asked.scorer is not None:
            describe_measures(asked.measures, self._description(asked.scorer))
        else:
            describe_measures(asked.measures, {"id": "", "revision": ""})

    def work(self, subject: Subject) -> Work:
        """What is to be measured of one run."""
        try:
            found = self._parts(subject)
        except (RefusedError, InvalidInputError) as error:
            return Work(subject, fault=str(error))
        return Work(subject, tuple(replace(part, there=self._is_there(subject, part)) for part in found))

    def _is_there(self, subject: Subject, part: Part) -> bool:
        return not self.asked.force and part.stamp == stamp_of(subject.folder / part.file)

    def _parts(self, subject: Subject) -> tuple[Part, ...]:
        levels = self._levels(subject)
        own = levels.scorer or own_scorer(subject)
        scorer = self.asked.scorer or own
        found = [levels]
        if self.asked.scorer not in (None, NO_SCORER) and subject.prompts is not None:
            found += self._words(subject, levels, str(self.asked.scorer))
        known = {canonical_json(dict(self.measured(name, own))) for name in levels.measures}
        for name in self.asked.measures:
            told = dict(self.measured(name, scorer))
            if canonical_json(told) not in known:
                file = f"scores-{_slug(told['id'], told)}.parquet"
                stamp = _stamp(subject, (), None, [told])
                found.append(Part(file, stamp, scorer if "scorer" in told else None, measures=(name,)))
        if self.asked.video and subject.has_film:
            found.append(Part(FILM, film_stamp(subject.facts["files"], subject.card.config.get("film") or {})))
        return tuple(found)

    def _levels(self, subject: Subject) -> Part:
        """What every run's own stage measures."""
        name = own_scorer(subject)
        words = name != NO_SCORER and subject.prompts is not None
        names = tuple(map(str, settings(subject).get("measures", ())))
        told = [dict(self.measured(measure, name)) for measure in names]
        scorer = name if words or any("scorer" in one for one in told) else None
        judge = self._description(name) if words else None
        return Part(LEVELS, _stamp(subject, subject.card.prompts, judge, told), scorer, words, names)

    def _words(self, subject: Subject, levels: Part, name: str) -> list[Part]:
        told = self._description(name)
        if told is None or (levels.words and told == self._description(levels.scorer)):
            return []
        file = f"scores-text-{_slug(str(told['id']), dict(told))}.parquet"
        return [Part(file, _stamp(subject, subject.card.prompts, told, ()), name, words=True)]

    def _description(self, name: str | None) -> Mapping[str, Any] | None:
        return None if name in (None, NO_SCORER) else self.described(name)

    def _describe_measure(self, name: str, scorer: str) -> Mapping[str, Json]:
        return describe_measures((name,), self._description(scorer))[0]


def settings(subject: Subject) -> Mapping[str, Any]:
    """How the run's own stage scores, by the names of `tasks.specs.ScoreSpec`."""
    found: Mapping[str, Any] = subject.card.config.get("scores") or {}
    return found


def own_scorer(subject: Subject) -> str:
    """The name of the scorer that the run was configured with."""
    return str(settings(subject).get("scorer", "bundled"))


def _stamp(
    subject: Subject, words: Sequence[str], scorer: Mapping[str, Any] | None, measures: Sequence[Mapping[str, Any]]
) -> str:
    return levels_stamp(subject.stack_files, words, scorer, measures)


def _slug(name: str, told: Mapping[str, Json]) -> str:
    """A plain name for a file, another one for everything that is described otherwise."""
    digest = hashlib.sha256(canonical_json(dict(told)).encode()).hexdigest()[:6]
    short = re.sub(r"[^a-z0-9]+", "-", prompts.slug(name))[-40:].strip("-")
    return f"{short}-{digest}" if short else digest
