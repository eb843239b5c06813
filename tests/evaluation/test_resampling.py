"""Intervals and tests over stories: closed forms, exact enumerations, and coverage against a known truth."""

import itertools

import numpy as np
import pytest
from scipy import stats

from evaluation.resampling import (
    bootstrap_means,
    expanded_tail,
    holm,
    intervals,
    quantile,
    sign_flip,
    standardised,
)


def test_two_stories_are_resampled_as_all_four_draws_are():
    means = bootstrap_means(np.array([[1.0, 3.0]]), 40_000, 0)[0]
    shares = [(means == value).mean() for value in (1.0, 2.0, 3.0)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.01)  # four standard errors
    assert means.min() >= 1.0
    assert means.max() <= 3.0


def test_resamples_agree_with_drawing_stories_one_by_one():
    values = np.random.default_rng(1).normal(size=(3, 7))
    means = bootstrap_means(values, 20_000, 5)
    again = np.random.default_rng(2).integers(7, size=(20_000, 7))
    plain = values[:, again].mean(2)
    for share in (0.025, 0.5, 0.975):
        assert quantile(means, share) == pytest.approx(np.quantile(plain, share, axis=1), abs=0.03)


def test_quantiles_are_numpys():
    rows = np.random.default_rng(0).normal(size=(4, 999))
    for share in (0.0, 0.004, 0.5, 0.9771, 1.0):
        assert quantile(rows, share) == pytest.approx(np.quantile(rows, share, axis=1), abs=1e-12)


def test_tails_are_widened_for_few_stories_and_not_for_many():
    assert expanded_tail(6) == pytest.approx(stats.norm.cdf(-np.sqrt(6 / 5) * stats.t.ppf(0.975, 5)), rel=1e-9)
    assert 0.002 < expanded_tail(6) < 0.003
    assert expanded_tail(10_000) == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize("stories", [2, 3, 5])
def test_few_stories_have_students_interval(stories):
    values = np.random.default_rng(stories).normal(size=(1, stories))
    low, high = intervals(values)
    expected = stats.t.interval(0.95, stories - 1, values.mean(), stats.sem(values[0]))
    assert (low[0], high[0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("stories", [2, 6, 40])
def test_a_constant_has_an_interval_of_no_width(stories):
    low, high = intervals(np.full((1, stories), 0.1))
    assert low[0] == high[0] == pytest.approx(0.1, rel=1e-15)


def test_one_story_and_none_have_no_interval_and_empty_places_do_not_count():
    values = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, np.nan], [1.0, 3.0, np.nan], [1.0, 3.0, 5.0]])
    low, high = intervals(values)
    assert np.isnan(low[:2]).all()
    assert np.isnan(high[:2]).all()
    assert (low[2], high[2]) == pytest.approx(stats.t.interval(0.95, 1, 2.0, 1.0))
    assert low[3] < 3 < high[3]


def test_intervals_follow_from_the_seed():
    values = np.random.default_rng(0).normal(size=(2, 9))
    assert np.array_equal(intervals(values, seed=3), intervals(values, seed=3))
    assert not np.array_equal(intervals(values, seed=3), intervals(values, seed=4))


def test_intervals_move_with_shift_and_scale():
    values = np.random.default_rng(0).normal(size=(1, 9))
    low, high = intervals(values)
    scaled = intervals(10 - 2 * values)
    width = float(high[0] - low[0])
    assert scaled[0][0] == pytest.approx(10 - 2 * high[0], abs=0.1 * width)  # the same draws, mirrored
    assert scaled[1][0] == pytest.approx(10 - 2 * low[0], abs=0.1 * width)


def coverage(draw, stories: int, truth: float, repeats: int = 2000) -> float:
    low, high = intervals(draw((repeats, stories)), resamples=2000)
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize(("stories", "share"), [(3, 0.95), (6, 0.934), (10, 0.945), (30, 0.95)])
def test_intervals_hold_the_truth_as_often_as_they_say(stories, share):
    """Of values without skew, within three standard errors; the shares are those of 20,000 repeats."""
    normal = np.random.default_rng(stories).normal
    assert coverage(lambda shape: normal(1.0, 2.0, shape), stories, 1.0) == pytest.approx(share, abs=0.016)


def test_with_skew_they_hold_less_and_more_than_plain_percentiles():
    random = np.random.default_rng(0)
    skewed, truth = lambda shape: random.lognormal(0, 0.6, shape), float(np.exp(0.18))
    means = bootstrap_means(skewed((2000, 6)), 2000, 0)
    plain = ((quantile(means, 0.025) <= truth) & (truth <= quantile(means, 0.975))).mean()
    assert plain < 0.85
    assert 0.86 < coverage(skewed, 6, truth) < 0.93


def test_sign_flips_of_few_stories_are_enumerated():
    values = np.array([[1.0, 2.0, 4.0], [1.0, -2.0, 4.0], [0.0, 0.0, 0.0], [0.1, 0.2, -0.3]])
    for row, p_value in zip(values, sign_flip(values), strict=True):
        flips = [abs(np.dot(row, signs)) for signs in itertools.product((1, -1), repeat=3)]
        assert p_value == np.mean([flip >= abs(row.sum()) - 1e-9 for flip in flips])


def test_the_smallest_p_is_that_of_all_stories_on_one_side():
    assert sign_flip(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]))[0] == 2 / 64
    assert sign_flip(np.array([[1.0]]))[0] == 1
    assert np.isnan(sign_flip(np.array([[np.nan]]))[0])


def test_sampled_flips_agree_with_scipys():
    values = np.random.default_rng(3).normal(0.4, 1, size=20)
    ours = sign_flip(values[None], samples=20_000)[0]
    theirs = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.012)  # three standard errors of both


def test_p_values_of_no_difference_are_even():
    values = np.random.default_rng(0).normal(size=(4000, 8))
    p_values = sign_flip(values)
    for level in (0.05, 0.25, 0.5):
        assert (p_values <= level).mean() == pytest.approx(level, abs=0.025)


def test_holm_is_as_worked_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert np.isnan(holm(np.array([np.nan]))).all()


def test_effects_are_means_over_deviations():
    values = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [5.0, np.nan, np.nan]])
    assert standardised(values) == pytest.approx([2.0, 0.0, np.nan, np.nan], nan_ok=True)
