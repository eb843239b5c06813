"""What is found from answers: closed forms, hand-worked examples, and studies whose truth is known."""

import math

import numpy as np
import pandas as pd
import pytest

from evaluation.resampling import expanded_tail
from evaluation.study.agreement import agreement
from evaluation.study.report import report
from evaluation.study.shares import Choices, of_pairs, wilson
from evaluation.study.strengths import fit, redrawn, tally
from tests.evaluation.study.studies import answers_of, study
from zoomlib.errors import InvalidInputError


def of(plan, people, chance, seed=0, **options):
    return report(plan, answers_of(plan, people, chance, seed), **options)


def by_formula(k, n, z=1.959963984540054):
    """Wilson, Journal of the American Statistical Association 22, 1927, written out."""
    middle, half = k + z * z / 2, z * math.sqrt(k * (n - k) / n + z * z / 4)
    return (middle - half) / (n + z * z), (middle + half) / (n + z * z)


@pytest.mark.parametrize(("chosen", "answers"), [(0, 1), (1, 1), (0, 10), (7, 10), (629, 684), (684, 684)])
def test_wilsons_interval_is_that_of_the_formula(chosen, answers):
    assert wilson(chosen, answers) == pytest.approx(by_formula(chosen, answers), abs=1e-12)


def test_the_papers_92_per_cent_of_684_have_the_interval_89_7_to_93_8():
    assert wilson(629, 684) == pytest.approx((0.897, 0.938), abs=5e-4)


@pytest.mark.parametrize(("won", "lost"), [(1, 1), (3, 1), (92, 8), (1, 1000)])
def test_two_arms_differ_by_the_log_odds(won, lost):
    found, helped = fit(np.array([[0.0, won], [lost, 0.0]]))
    assert found[0] - found[1] == pytest.approx(math.log(won / lost), abs=1e-8)
    assert found.sum() == pytest.approx(0, abs=1e-9)
    assert not helped


def test_a_chain_of_arms_adds_up_log_odds():
    wins = np.zeros((3, 3))
    wins[0, 1], wins[1, 0], wins[1, 2], wins[2, 1] = 30, 10, 8, 2
    found, helped = fit(wins)
    assert found - found[2] == pytest.approx([math.log(3) + math.log(4), math.log(4), 0], abs=1e-8)
    assert not helped


def test_fitted_strengths_expect_the_number_of_choices_that_there_were():
    rng = np.random.default_rng(4)
    wins = rng.integers(1, 30, (40, 5, 5)) * (1 - np.eye(5))
    found, helped = fit(wins)
    chance = 1 / (1 + np.exp(found[:, None, :] - found[:, :, None]))
    games = wins + wins.swapaxes(1, 2)
    np.testing.assert_allclose((games * chance * (1 - np.eye(5))).sum(-1), wins.sum(-1), rtol=1e-7)
    assert not helped.any()


def test_an_arm_that_never_lost_gets_half_a_choice_against_it_and_this_is_told():
    wins = np.array([[0.0, 9.0], [0.0, 0.0]])
    found, helped = fit(wins)
    assert helped
    assert found[0] - found[1] == pytest.approx(math.log(9.5 / 0.5), abs=1e-8)


def test_groups_that_were_never_compared_are_each_centred():
    wins = np.zeros((4, 4))
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2] = 3, 1, 1, 2
    found, helped = fit(wins)
    assert found == pytest.approx([math.log(3) / 2, -math.log(3) / 2, -math.log(2) / 2, math.log(2) / 2], abs=1e-8)
    assert not helped


def test_extreme_counts_come_to_an_end_and_to_the_closed_form():
    found, _ = fit(np.array([[0.0, 1e6], [1.0, 0.0]]))
    assert found[0] - found[1] == pytest.approx(math.log(1e6), rel=1e-6)


def test_redrawn_choices_keep_the_mean_and_whole_people_and_stories():
    persons, stories = np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)
    counts = tally(persons, stories, np.zeros(24, int), np.ones(24, int), 2)
    drawn = redrawn(counts, 4000, 1)
    assert counts.sum() == 24
    assert drawn.shape == (4000, 2, 2)
    assert (drawn[:, 0, 1] == 24).all()  # everyone judged everything: any six people and four stories make 24
    lopsided = tally(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]), np.array([1, 0]), 2)
    share = redrawn(lopsided, 4000, 1)[:, 0, 1]
    assert set(share.tolist()) == {0, 1, 2}
    assert share.mean() == pytest.approx(1, abs=0.05)  # 4 standard errors of 0.011


def test_alpha_is_that_of_krippendorffs_own_example():
    # "Computing Krippendorff's Alpha-Reliability", section A: two observers, ten units, alpha 0.095.
    first, second = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    votes = [("g", unit, str(vote)) for values in (first, second) for unit, vote in enumerate(values)]
    found = agreement(votes)
    assert found.alpha == pytest.approx(0.095, abs=5e-4)
    assert found.observed == pytest.approx(0.6)
    assert (found.questions, found.answers) == (10, 20)


def test_alpha_of_several_values_and_missing_answers_is_that_of_krippendorffs_example():
    # Section C of the same: four observers, twelve units, five values, some missing: alpha 0.743.
    observers = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    votes = [("g", unit, vote) for row in observers for unit, vote in enumerate(row) if vote != "."]
    assert agreement(votes).alpha == pytest.approx(0.743, abs=5e-4)


def test_full_agreement_is_one_and_no_shared_question_is_none():
    votes = [("g", unit, "ab"[unit % 2]) for unit in range(6) for _ in range(3)]
    assert agreement(votes).alpha == 1
    alone = agreement([("g", unit, "a") for unit in range(6)])
    assert (alone.alpha, alone.observed, alone.answers) == (None, None, 0)
    alike = agreement([("g", unit, "a") for unit in range(6) for _ in range(2)])
    assert (alike.alpha, alike.observed) == (None, 1)


def test_values_that_nobody_could_choose_are_not_expected():
    votes = [("ab", unit, "ab"[(unit + rater) % 2]) for unit in range(8) for rater in range(2)]
    other = [("cd", unit + 8, value) for _, unit, vote in votes for value in ("d" if vote == "b" else "c")]
    assert agreement(votes + other).alpha == pytest.approx(agreement(votes).alpha)


def test_strengths_of_a_simulated_study_are_found_within_their_intervals():
    truth = {"a": 1.0, "b": 0.2, "c": -0.4, "d": -0.8}
    plan = study(tuple(truth), stories=10, seeds=2, repeats=2)
    found = of(plan, 60, lambda left, right: 1 / (1 + math.exp(truth[right] - truth[left])))
    assert (found.people, found.finished, found.answers, found.stories) == (60, 60, 60 * 18, 10)
    assert [one.arm for one in found.strengths] == list(truth)
    for one in found.strengths:
        assert one.low < truth[one.arm] < one.high
        assert one.high - one.low < 0.8
    assert found.left[1] < 0.5 < found.left[2]
    assert abs(found.agreement.observed - 0.6) < 0.1
    assert found.overall[0].arm == "a"
    for share in found.pairs:
        chance = 1 / (1 + math.exp(truth[share.against] - truth[share.arm]))
        assert share.redrawn_low < chance < share.redrawn_high


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of 200 studies of 12 people and 8 stories 95 % are 190; with 177 or fewer, four standard deviations are gone."""
    rng, held, plain = np.random.default_rng(7), 0, 0
    persons, stories = np.repeat(np.arange(12), 8), np.tile(np.arange(8), 12)
    for seed in range(200):
        # People and stories have leanings of their own, around 0.7.
        leaning = rng.normal(0, 0.1, 12)[persons] + rng.normal(0, 0.1, 8)[stories]
        won = (rng.random(96) >= 0.7 + leaning).astype(int)
        counts = tally(persons, stories, won, 1 - won, 2)
        share = of_pairs(Choices(counts, redrawn(counts, 300, seed), expanded_tail(8)), ("a", "b"), [("a", "b")])[0]
        held += share.redrawn_low <= 0.7 <= share.redrawn_high
        plain += share.low <= 0.7 <= share.high
    assert held > 177
    assert held > plain


def test_people_who_differ_widen_the_interval_that_draws_them_anew():
    """Half of the people always choose one arm, half the other: answers tell of 20 people, not of 360 answers."""
    plan = study(stories=9, seeds=2)
    half = [
        answers_of(plan, 1, lambda left, _, like=like: left == like, start=n) for n, like in enumerate(plan.arms * 10)
    ]
    share = report(plan, pd.concat(half)).pairs[0]
    assert (share.share, share.people, share.answers) == (0.5, 20, 360)
    assert share.redrawn_high - share.redrawn_low > 3 * (share.high - share.low)


def test_who_always_chooses_left_is_found_and_left_out():
    plan = study(stories=9, seeds=2, repeats=2, catches=2)
    good, lazy = answers_of(plan, 4, lambda left, right: left == "joint"), answers_of(plan, 2, lambda *_: 1, start=4)
    answers = pd.concat([good, lazy])
    every = report(plan, answers)
    assert [one.share for one in every.attention[:4]] == [1, 1, 1, 1]
    assert all(one.again == 0 and one.left == 1 and one.right == 1 for one in every.attention[4:])
    fair = report(plan, answers, min_attention=0.75)
    assert (fair.people, fair.excluded, fair.answers) == (4, 2, 4 * 18)
    assert fair.pairs[0].share == 1
    assert any("2 of 6 participants were left out" in note for note in fair.notes)
    assert report(plan, answers, min_attention=0.25).excluded == 0


def test_an_arm_that_never_lost_is_told():
    plan = study(("a", "b", "c"), stories=6)
    found = of(plan, 8, lambda left, right: left < right)
    assert any("half a choice was added" in note for note in found.notes)
    assert [one.arm for one in found.strengths] == ["a", "b", "c"]
    assert all(math.isfinite(one.low) and math.isfinite(one.high) for one in found.strengths)


def test_groups_that_nobody_compared_are_told():
    plan = study(("a", "b", "c", "d"), compared=[("a", "b"), ("c", "d")])
    assert any("a and b; c and d" in note for note in of(plan, 8, lambda *_: 0.5).notes)


def test_a_study_that_nobody_or_one_person_has_answered_can_be_reported():
    plan = study(stories=1, seeds=1)
    empty = of(plan, 0, None)
    assert (empty.people, empty.pairs, empty.strengths, empty.left) == (0, (), (), None)
    assert "Nobody has answered yet." in empty.notes
    one = of(plan, 1, lambda *_: 1)
    assert (one.people, one.pairs[0].answers) == (1, 1)
    assert one.pairs[0].redrawn_low is None
    assert one.strengths[0].low is None


def test_answers_of_another_study_are_not_counted():
    plan = study()
    frame = answers_of(plan, 3, lambda *_: 0.5)
    frame.loc[:3, "study"] = "another"
    found = report(plan, frame)
    assert found.answers == 3 * plan.design.trials - 4
    assert any("4 answers of another study" in note for note in found.notes)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_an_attention_that_is_no_share_is_refused(share):
    with pytest.raises(InvalidInputError, match="from 0 to 1"):
        of(study(), 0, None, min_attention=share)
