"""Where a participant is asked and answers are taken: what the server does, without the server.

What goes out names no arm, no run and no story: films have names that only the study's secret makes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluation.study.answers import SIDES, Answers, ConflictError
from evaluation.study.design import Trial
from evaluation.study.people import People, label
from evaluation.study.plan import FPS, Study

MEDIA = "media"
SLACK_S = 0.3
"""How much earlier than its length a film may be said to have ended: a few frames, and rounding."""
THINKING_S = 4.0
"""About how long people take to choose once they have seen both films."""


class Given(BaseModel):
    """An answer as the page sends it. place: of the question, from 0. response_ms: since the films first moved.

    watched_ms: how long they did. plays: how often they were seen to the end. client: how wide the window is and what
    is pointed with; nothing finer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: int = Field(ge=0, le=10_000)
    side: Literal["left", "right"]
    response_ms: float = Field(ge=0, le=7 * 86_400_000)
    watched_ms: float = Field(ge=0, le=7 * 86_400_000)
    plays: int = Field(ge=0, le=10_000)
    client: Literal["narrow touch", "narrow mouse", "wide touch", "wide mouse"]


class UnseenError(ConflictError):
    """An answer about films that were not seen to their end."""


class Desk:
    """The study in `folder`, whose films are made."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study, self.folder = study, folder
        self.people, self.answers = People(study, folder), Answers(folder)
        self.films = {
            film_name(self.people, clip): folder / MEDIA / film_name(self.people, clip) for clip in study.clips
        }

    def outline(self) -> dict[str, Any]:
        """What is asked, and how long it takes; the same for everybody."""
        pairs = (*self.study.pairs, *self.study.catches)
        mean_s = sum(map(self.study.seconds, pairs)) / len(pairs)
        minutes = self.study.design.trials * (mean_s + THINKING_S) / 60
        return {
            "study": self.study.id,
            "question": self.study.question,
            "total": self.study.design.trials,
            "minutes": max(1, round(minutes)),
            "fps": self.study.film.get("fps", FPS),
        }

    def state(self, slot: int) -> dict[str, Any]:
        """Where a participant is: the open question, None after the last; and the films of the one after it."""
        trials, done = self.people.trials(slot), len(self.answers.of(slot))
        shown = [self._shown(place, trial) for place, trial in enumerate(trials[done : done + 2], start=done)]
        following = [shown[1][side] for side in SIDES] if len(shown) > 1 else []
        return {"total": len(trials), "done": done, "trial": shown[0] if shown else None, "next": following}

    def take(self, slot: int, given: Given) -> dict[str, Any]:
        """File an answer and return the new state. Raises ConflictError for one that is not to the open question, and
        UnseenError for one that came too early.
        """
        trials = self.people.trials(slot)
        if given.place >= len(trials):
            raise ConflictError(f"Answer {given.place + 1} came, but there are {len(trials)} questions.")
        trial = trials[given.place]
        needed_s = self.study.seconds(self.study.pair(trial.pair)) - SLACK_S
        if given.plays < 1 or given.watched_ms < 1000 * needed_s or given.response_ms < 1000 * needed_s:
            raise UnseenError("Both films must have been seen to their end once before a choice counts.")
        self.answers.record(slot, self._row(slot, trial, given))
        return self.state(slot)

    def _shown(self, place: int, trial: Trial) -> dict[str, Any]:
        pair = self.study.pair(trial.pair)
        films = (f"/media/{film_name(self.people, clip)}" for clip in _sided(pair.clips, trial))
        return {"place": place, "seconds": self.study.seconds(pair), **dict(zip(SIDES, films, strict=True))}

    def _row(self, slot: int, trial: Trial, given: Given) -> dict[str, Any]:
        pair, now = self.study.pair(trial.pair), datetime.now(UTC)
        arms, clips = _sided(pair.arms, trial), _sided(pair.clips, trial)
        return {
            "study": self.study.id,
            "participant": label(slot),
            "place": given.place,
            "kind": trial.kind,
            "pair": pair.id,
            "story": pair.story,
            "seed": pair.seed,
            "arm_left": arms[0],
            "arm_right": arms[1],
            "run_left": self.study.clips[clips[0]].run,
            "run_right": self.study.clips[clips[1]].run,
            "chosen_side": given.side,
            "chosen_arm": arms[SIDES.index(given.side)],
            # The participant's clock measures how long it took; when it was, the server's tells.
            "shown_at": now - timedelta(milliseconds=given.response_ms),
            "answered_at": now,
            "response_s": given.response_ms / 1000,
            "plays": given.plays,
            "client": given.client,
        }


def film_name(people: People, clip: str) -> str:
    """The name of a clip's file: it tells nothing of the clip, and cannot be guessed."""
    return f"{people.sign(f'film {clip}')}.mp4"


def _sided(values: tuple[str, str], trial: Trial) -> tuple[str, str]:
    """The two of a pair as they stand: left, right."""
    return (values[1], values[0]) if trial.swapped else values
