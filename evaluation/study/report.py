"""What a study has found so far, as plain values: shares, strengths, agreement, attention, and who was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.presets import PRESETS
from evaluation.resampling import expanded_tail
from evaluation.study.agreement import Agreement, agreement
from evaluation.study.attention import Attention, attention
from evaluation.study.plan import SPOILED, Study
from evaluation.study.ranks import Strength, ranks
from evaluation.study.shares import Choices, Share, of_pairs, overall, wilson
from evaluation.study.strengths import redrawn, tally
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2000
FEW = 6
"""People or stories below which no resampling tells much of others."""
ANCHOR = next(anchor for anchor in PRESETS["table1"].anchors if anchor.score == "preference")


@dataclass(frozen=True)
class Report:
    """people, answers, stories: those that count, without repeats and catch trials. finished: participants who have
    answered all. excluded: those left out for their attention. left: share of answers for the left side and its Wilson
    interval. response_s: 5th, 50th and 95th percentile of the time from seeing a pair to choosing. damaged: files that
    cannot be read. notes: what must be known to read the rest.
    """

    study: str
    name: str
    question: str
    people: int
    finished: int
    answers: int
    stories: int
    pairs: tuple[Share, ...]
    overall: tuple[Share, ...]
    strengths: tuple[Strength, ...]
    agreement: Agreement
    attention: tuple[Attention, ...]
    excluded: int
    left: tuple[float, float, float] | None
    response_s: tuple[float, float, float] | None
    damaged: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def report(
    study: Study,
    answers: pd.DataFrame,
    *,
    damaged: Sequence[str] = (),
    min_attention: float | None = None,
    resamples: int = RESAMPLES,
) -> Report:
    """The report of `answers` (of `answers.read_answers`), at any time of the study.

    min_attention: leaves out participants who answered less than this share of their repeats and catch trials as they
    should; those who have seen none yet are kept. Randomness: resamples follow from the study's seed.
    Raises InvalidInputError for a share that is none.
    """
    if min_attention is not None and not 0 <= min_attention <= 1:
        raise InvalidInputError(f"Attention is a share from 0 to 1, as 0.5; got {min_attention}.")
    own = answers[(answers["study"] == study.id) & _known(study, answers)]
    people = attention(own, min_attention)
    kept = own[~own["participant"].isin([one.participant for one in people if one.excluded])]
    judged = kept[kept["kind"] == "pair"]
    choices = _choices(study, judged, resamples)
    strengths, notes = ranks(choices, study.arms)
    compared = list(dict.fromkeys(pair.arms for pair in study.pairs))
    return Report(
        study=study.id,
        name=study.name,
        question=study.question,
        people=judged["participant"].nunique(),
        finished=int((kept.groupby("participant").size() >= study.design.trials).sum()),
        answers=len(judged),
        stories=judged["story"].nunique(),
        pairs=of_pairs(choices, study.arms, compared),
        overall=overall(choices, study.arms),
        strengths=strengths,
        agreement=agreement(_votes(judged)),
        attention=people,
        excluded=sum(one.excluded for one in people),
        left=_left(judged),
        response_s=_percentiles(judged),
        damaged=tuple(damaged),
        notes=(*notes, *_notes(judged, people), *_others(len(answers) - len(own)), *study.notes),
    )


def _known(study: Study, answers: pd.DataFrame) -> pd.Series[bool]:
    """Which answers are about films of this study."""
    arms = [*study.arms, SPOILED]
    return answers["arm_left"].isin(arms) & answers["arm_right"].isin(arms)


def _choices(study: Study, judged: pd.DataFrame, resamples: int) -> Choices:
    place = {arm: number for number, arm in enumerate(study.arms)}
    lost = judged["arm_right"].where(judged["chosen_side"] == "left", judged["arm_left"])
    persons, stories = (
        judged[name].astype("category").cat.codes.to_numpy(np.intp) for name in ("participant", "story")
    )
    chosen, other = (column.map(place).to_numpy(np.intp) for column in (judged["chosen_arm"], lost))
    counts = tally(persons, stories, chosen, other, len(study.arms))
    fewest = min((number for number in counts.shape[:2] if number > 1), default=2)
    return Choices(counts, redrawn(counts, resamples, study.design.seed), expanded_tail(fewest))


def _votes(judged: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], str, str]]:
    columns = zip(judged["arm_left"], judged["arm_right"], judged["pair"], judged["chosen_arm"], strict=True)
    yield from ((tuple(sorted((left, right))), pair, chosen) for left, right, pair, chosen in columns)


def _left(judged: pd.DataFrame) -> tuple[float, float, float] | None:
    if judged.empty:
        return None
    left = int((judged["chosen_side"] == "left").sum())
    return left / len(judged), *wilson(left, len(judged))


def _percentiles(judged: pd.DataFrame) -> tuple[float, float, float] | None:
    if judged.empty:
        return None
    fast, usual, slow = np.percentile(judged["response_s"], (5, 50, 95)).tolist()
    return fast, usual, slow


def _notes(judged: pd.DataFrame, people: Sequence[Attention]) -> Iterator[str]:
    persons, stories = judged["participant"].nunique(), judged["story"].nunique()
    if not len(judged):
        yield "Nobody has answered yet." if not people else "No answers are left."
    elif min(persons, stories) < FEW:
        yield (
            f"With {persons} {'person' if persons == 1 else 'people'} and {stories} "
            f"{'story' if stories == 1 else 'stories'}, intervals that draw them anew lean on few: below {FEW} of "
            "either, read them as a hint."
        )
    if excluded := sum(one.excluded for one in people):
        yield f"{excluded} of {len(people)} participants were left out for their attention."


def _others(rows: int) -> Iterator[str]:
    if rows:
        yield f"{rows} answers of another study lie among these and were left out."
