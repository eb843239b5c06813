"""Which runs stand beside each other: the same story and seed, and in all else as alike as there is."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.cards import RunCard
from evaluation.study.pairing import compared, matches
from zoomlib.errors import InvalidInputError

ARMS = ("a", "b", "c")


def card(run, story="A forest", seed=0, model="bundled", p=2.0, levels=3):
    prompts = tuple(f"{story} {level}" for level in range(levels))
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return RunCard(run, Path(run), story, prompts, "joint", "joint", seed, model, "rev", "tenfold 0", when, p)


def paired(cards, arms=None):
    """The ids of runs that are paired, and the notes; a run's arm is the first letter of its id."""
    arms = arms or compared(sorted({run.id[0] for run in cards}))
    found, notes = matches(cards, {run.id: run.id[0] for run in cards}, arms)
    return [tuple(run.id for run in match.runs) for match in found], found, notes


def test_every_two_arms_are_paired_on_each_story_and_seed_that_both_have():
    cards = [
        card(f"{arm}{story}{seed}", f"Story {story}", seed) for arm in "abc" for story in (0, 1) for seed in (0, 1)
    ]
    ids, found, notes = paired(cards)
    assert len(ids) == 3 * 4
    assert all(one[1:] == other[1:] for one, other in ids)
    assert notes == ()
    assert {match.unlike for match in found} == {""}


def test_with_a_baseline_each_arm_is_compared_with_it_alone():
    assert compared(ARMS) == (("a", "b"), ("a", "c"), ("b", "c"))
    assert compared(ARMS, baseline="b") == (("a", "b"), ("c", "b"))
    assert compared(ARMS, ["c", "a"]) == (("a", "c"),)
    assert compared(ARMS, ["c"], baseline="b") == (("c", "b"),)


@pytest.mark.parametrize(("chosen", "baseline"), [(["x"], None), ([], "x"), (["a"], None), (["a"], "a")])
def test_arms_that_are_not_there_or_alone_are_refused(chosen, baseline):
    with pytest.raises(InvalidInputError, match=r"no arm 'x'|at least two arms"):
        compared(ARMS, chosen, baseline)


def test_runs_of_one_model_and_factor_are_paired_where_there_are_several():
    cards = [card(f"{arm}-{model}-{p}", model=model, p=p) for arm in "ab" for model in ("m", "n") for p in (2.0, 4.0)]
    ids, _, _ = paired(cards)
    assert len(ids) == 4
    assert all(one[1:] == other[1:] for one, other in ids)


def test_runs_that_differ_otherwise_are_paired_only_where_there_is_nothing_else_and_this_is_told():
    cards = [card("a1"), card("b1", p=4.0, levels=4), card("a2", seed=1), card("b2", seed=1), card("b3", seed=1, p=4.0)]
    ids, found, notes = paired(cards)
    assert ids == [("a1", "b1"), ("a2", "b2")]
    assert found[0].unlike == "p 2 and 4, levels 3 and 4"
    assert "1 of 2 pairs differ in more than their arms" in notes[0]


def test_what_one_arm_lacks_is_counted():
    ids, _, notes = paired([card("a1"), card("b1"), card("a2", seed=1), card("b3", "Another")])
    assert ids == [("a1", "b1")]
    assert notes == ("2 more pairs would be there if both of their arms had been run on the same stories and seeds.",)


def test_runs_that_share_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="No story was run with the same seed"):
        paired([card("a1"), card("b1", seed=1)])


def test_the_order_of_the_runs_does_not_matter():
    cards = [card(f"{arm}{n}", seed=n % 2) for arm in "ab" for n in range(4)]
    assert paired(cards)[0] == paired(cards[::-1])[0]
    assert paired([*cards, replace(cards[0], seed=9)])[0] == paired(cards)[0][0:1] + paired(cards)[0][1:]
