"""Who sees what: every pair equally often, sides in balance, repeats swapped and later, all of it reproducible."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.study.design import hands, trials
from evaluation.study.plan import Design, check_question, from_json, to_json
from tests.evaluation.study.studies import study
from zoomlib.errors import InvalidInputError

ARMS = ("a", "b", "c")


@st.composite
def studies(draw):
    stories, seeds = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    arms = ARMS[: draw(st.integers(2, 3))]
    pairs = stories * seeds * len(arms) * (len(arms) - 1) // 2
    each = draw(st.integers(1, pairs))
    return study(
        arms,
        stories,
        seeds,
        catches=draw(st.integers(0, 2)),
        pairs=each,
        repeats=draw(st.integers(0, each)),
        seed=draw(st.integers(0, 2**31)),
    )


@settings(max_examples=100, deadline=None)
@given(plan=studies(), people=st.integers(1, 12))
def test_after_any_number_of_people_every_pair_was_shown_equally_often_and_its_sides_change(plan, people):
    dealt = [trial for hand in islice(hands(plan.pairs, plan.design), people) for trial in hand]
    shown = Counter(trial.pair for trial in dealt)
    counts = [shown[pair.id] for pair in plan.pairs]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == people * plan.design.pairs
    for pair in plan.pairs:
        left = sum(trial.swapped for trial in dealt if trial.pair == pair.id)
        assert abs(2 * left - shown[pair.id]) <= 1


@settings(max_examples=100, deadline=None)
@given(plan=studies(), slot=st.integers(0, 12))
def test_a_participant_gets_each_pair_once_and_its_repeats_later_with_sides_swapped(plan, slot):
    asked, design = trials(plan, slot), plan.design
    assert Counter(trial.kind for trial in asked) == Counter(
        {"pair": design.pairs, "repeat": design.repeats, "catch": len(plan.catches)}
    )
    first = {trial.pair: place for place, trial in enumerate(asked) if trial.kind == "pair"}
    assert len(first) == design.pairs
    again = [(place, trial) for place, trial in enumerate(asked) if trial.kind == "repeat"]
    assert len({trial.pair for _, trial in again}) == design.repeats
    for place, trial in again:
        assert place > first[trial.pair]
        assert trial.swapped != asked[first[trial.pair]].swapped
    assert asked[0].kind != "catch"
    assert trials(plan, slot) == asked


def test_in_every_deck_half_of_the_pairs_of_two_arms_have_either_arm_on_the_left():
    plan = study(ARMS, stories=5, seeds=2, pairs=30)
    for hand in islice(hands(plan.pairs, plan.design), 4):
        for arms in (("a", "b"), ("a", "c"), ("b", "c")):
            assert sum(trial.swapped for trial in hand if plan.pair(trial.pair).arms == arms) == 5


def test_a_participant_sees_every_two_arms_about_equally_often():
    plan = study(ARMS, stories=6, seeds=3, pairs=18)
    for hand in islice(hands(plan.pairs, plan.design), 12):
        counts = Counter(plan.pair(trial.pair).arms for trial in hand)
        assert len(counts) == 3
        assert max(counts.values()) - min(counts.values()) <= 2


def test_as_in_the_paper_38_people_of_18_pairs_give_684_answers_and_repeats_come_four_pairs_later_or_more():
    plan = study(("a", "b"), stories=10, seeds=3, repeats=2)
    asked = [trials(plan, slot) for slot in range(38)]
    assert sum(trial.kind == "pair" for one in asked for trial in one) == 684
    for one in asked:
        first = {trial.pair: place for place, trial in enumerate(one) if trial.kind == "pair"}
        assert all(place - first[trial.pair] >= 4 for place, trial in enumerate(one) if trial.kind == "repeat")


def test_participants_differ_and_so_do_seeds():
    plan, other = (study(stories=10, seeds=3, seed=seed) for seed in (1, 2))
    assert len({trials(plan, slot) for slot in range(20)}) == 20
    assert trials(plan, 0) != trials(other, 0)


def test_left_and_right_are_as_frequent_for_everybody_together():
    plan = study(stories=10, seeds=3, repeats=4)
    asked = [trial for slot in range(40) for trial in trials(plan, slot)]
    for kind in ("pair", "repeat"):
        swapped = [trial.swapped for trial in asked if trial.kind == kind]
        assert abs(sum(swapped) / len(swapped) - 0.5) < 0.1  # 4 standard deviations of 160 coins are 0.16


def test_a_study_is_read_as_it_was_written():
    plan = study(ARMS, catches=2)
    assert from_json(to_json(plan)) == plan


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}', '{"version": 1}', "null"])
def test_what_is_no_study_is_refused(text):
    with pytest.raises(InvalidInputError, match=r"no study\.json"):
        from_json(text)


@pytest.mark.parametrize("numbers", [{"pairs": 0}, {"pairs": 3, "repeats": 4}, {"repeats": -1}, {"catches": -1}])
def test_designs_that_make_no_study_are_refused(numbers):
    with pytest.raises(InvalidInputError, match="at least one pair"):
        Design(**numbers)


@pytest.mark.parametrize("text", ["", "  \n ", "why? " * 100])
def test_a_question_that_nobody_reads_is_refused(text):
    with pytest.raises(InvalidInputError, match="1 to 300"):
        check_question(text)
