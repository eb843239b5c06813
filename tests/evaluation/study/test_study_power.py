"""How many people are needed: closed forms, and the nominal level."""

import pytest

from evaluation.study.power import people_needed, power
from zoomlib.errors import InvalidInputError


def test_of_six_answers_only_all_alike_are_significant():
    # 2 / 64 is below 5 %, 14 / 64 is not.
    assert power(0.9, 6) == pytest.approx(0.9**6 + 0.1**6, abs=1e-12)


def test_five_answers_find_nothing():
    assert power(1.0, 5) == 0


@pytest.mark.parametrize("answers", [1, 6, 20, 101, 684])
def test_without_a_preference_one_is_found_in_5_per_cent_at_most(answers):
    assert power(0.5, answers) <= 0.05


def test_more_people_are_needed_for_weaker_preferences_and_for_people_who_repeat_themselves():
    weaker = [people_needed(share, 18) for share in (0.9, 0.8, 0.7, 0.6, 0.55)]
    alike = [people_needed(0.6, 18, likeness) for likeness in (0, 0.1, 0.3, 1)]
    assert weaker == sorted(weaker)
    assert alike == sorted(alike)
    assert alike[-1] == people_needed(0.6, 1)  # one who always answers alike tells as much as one answer


def test_so_many_people_reach_80_per_cent_and_one_fewer_does_not_for_good():
    people = people_needed(0.6, 18)
    assert all(power(0.6, 18 * people + more) >= 0.8 for more in range(3))
    assert any(power(0.6, 18 * (people - 1) + more) < 0.8 for more in range(3))


@pytest.mark.parametrize(("share", "answers", "alike"), [(0.5, 18, 0), (1.1, 18, 0), (0.6, 0, 0), (0.6, 18, 2)])
def test_numbers_that_are_none_are_refused(share, answers, alike):
    with pytest.raises(InvalidInputError, match=r"above 0\.5"):
        people_needed(share, answers, alike)
