"""Which version stays, from its scores."""

from dataclasses import replace

import pytest

from evaluation.table import Score
from tasks.verdict import GAIN, LESS_AGREEMENT_DB, LOSS, MORE_SEAM, Marks, marks_of, verdict

BEST = Marks(first=(20.0, 30.0, 25.0), own=25.0, agreement=30.0, seam=0.1)
BETTER = (20.0, 34.0, 25.0)


def against(**changes):
    """The verdict on a version that has another prompt for level 1."""
    return verdict(replace(BEST, **changes), BEST, [1])


def test_pictures_that_show_what_was_asked_for_at_first_win():
    said = against(first=BETTER)
    assert said.better
    assert "+4.00" in said.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"own": 40.0}, "first prompts no better"),  # it only describes what went wrong
        ({"first": (20.0, 29.0, 25.0), "own": 40.0}, "first prompts no better"),
        ({"first": (20.0, 30.0 + 0.9 * GAIN, 25.0)}, "first prompts no better"),
        ({"first": (30.0, 30.0, 25.0)}, "first prompts no better"),  # by chance: another level than was rewritten
        ({"first": (17.0, 34.0, 23.0)}, "levels together"),
        ({"first": BETTER, "own": 25.0 - 1.1 * LOSS}, "its own prompts worse"),
        ({"first": BETTER, "agreement": 30.0 - 1.1 * LESS_AGREEMENT_DB}, "agree less"),
        ({"first": BETTER, "seam": 0.1 + 1.1 * MORE_SEAM}, "seams show more"),
    ],
)
def test_what_does_not_win_and_why(changes, words):
    said = against(**changes)
    assert not said.better
    assert words in said.reason


def test_within_the_tolerances_it_wins():
    assert against(first=(19.0, 34.0, 24.0), own=24.1, agreement=29.1, seam=0.19).better


def test_a_story_of_one_level_is_judged_by_its_words():
    one = Marks((20.0,), 20.0)
    assert verdict(Marks((21.0,), 21.0), one, [0]).better
    assert not verdict(one, one, [0]).better


def test_marks_come_from_scores_in_any_order():
    own = [Score("clip_score", 20.0, level=1), Score("clip_score", 10.0, level=0), Score("seam", 0.8, level=0)]
    own += [Score("seam", 1.4, level=1), Score("estimate_psnr", 20.0, "pair", 0), Score("window_psnr", 99.0, "pair", 0)]
    first = [Score("clip_score", 14.0, level=1), Score("clip_score", 12.0, level=0)]
    marks = marks_of(own, first)
    assert marks.first == (12.0, 14.0)
    assert marks.as_json() == {"first": 13.0, "own": 15.0, "agreement": 20.0, "seam": 0.2}
    without = [score for score in own if score.score == "clip_score"]
    assert marks_of(without, first) == Marks((12.0, 14.0), 15.0, None, None)
    pasted = [score for score in own if score.score != "estimate_psnr"]
    assert marks_of(pasted, first).agreement == 99.0
