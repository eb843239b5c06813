"""Rankings: cases worked by hand, what missing runs do, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.statistics import COLUMNS, arm_names, in_order, ranking, rankings
from zoomlib.errors import InvalidInputError

STORIES = ["a", "b"]


def frame(values: dict, score: str = "clip_score", **columns) -> pd.DataFrame:
    """Rows of one score from {(arm, story, seed): value or values by level}."""
    rows = []
    for (arm, story, seed), value in values.items():
        levels = value if isinstance(value, list) else [value]
        common = {"arm": arm, "story": story, "seed": seed, "run_id": f"{arm}-{story}-{seed}", "score": score}
        common |= {"scorer": None, "scorer_revision": None, "model": "m"} | columns
        rows += [{**common, "level": level, "value": float(one)} for level, one in enumerate(levels)]
    return pd.DataFrame(rows)


def random_frame(arms=3, stories=9, seeds=2, levels=4, scores=("clip_score",), seed=0) -> pd.DataFrame:
    places = {"arm": range(arms), "story": range(stories), "seed": range(seeds), "level": range(levels)}
    index = pd.MultiIndex.from_product([*places.values(), scores], names=[*places, "score"])
    rows = index.to_frame(index=False)
    rows["arm"], rows["story"] = rows["arm"].map("arm {}".format), rows["story"].map("story {}".format)
    value = np.random.default_rng(seed).lognormal(size=len(rows))
    return rows.assign(value=value, scorer=None, scorer_revision=None, model="m")


def row(table: pd.DataFrame, arm: str) -> pd.Series:
    (found,) = [one for _, one in table.iterrows() if one["arm"] == arm]
    return found


def test_a_case_worked_by_hand():
    """Story differences 2 and 4: mean 3, deviation sqrt 2; t of one degree of freedom; two of four flips reach 3."""
    values = {("base", "a", 0): [9, 11], ("base", "a", 1): 10, ("base", "b", 0): 20, ("base", "b", 1): 20}
    values |= {("new", "a", 0): 12, ("new", "a", 1): [11, 13], ("new", "b", 0): 25, ("new", "b", 1): 23}
    table = ranking(frame(values), "clip_score")
    assert tuple(table.columns) == COLUMNS
    new, base = row(table, "new"), row(table, "base")
    assert (new["rank"], base["rank"]) == (1, 2)
    assert (new["mean"], base["mean"]) == (18, 15)
    half = stats.t.ppf(0.975, 1) * np.sqrt(2) / np.sqrt(2)
    assert (new["difference"], new["difference_low"], new["difference_high"]) == pytest.approx((3, 3 - half, 3 + half))
    assert new["effect"] == pytest.approx(3 / np.sqrt(2))
    assert (new["wins"], new["pairs"], new["runs"], new["stories"]) == (1.0, 4, 4, 2)
    assert (new["p_value"], new["p_adjusted"]) == (0.5, 0.5)
    assert new["note"] == "only 2 stories"
    assert (base["difference"], base["effect"]) == (0, 0)
    assert np.isnan(base[["wins", "p_value", "p_adjusted"]].astype(float)).all()


def test_levels_of_a_run_are_averaged_before_runs_and_seeds_before_stories():
    values = {("x", "a", 0): [0, 0, 0, 8], ("x", "a", 1): 4, ("x", "b", 0): 9}
    assert ranking(frame(values), "clip_score")["mean"][0] == ((2 + 4) / 2 + 9) / 2


def test_identical_arms_do_not_differ():
    rows = random_frame(arms=1)
    both = pd.concat([rows, rows.assign(arm="twin")])
    twin = row(ranking(both, "clip_score"), "twin")
    assert (twin["difference"], twin["difference_low"], twin["difference_high"]) == (0, 0, 0)
    assert (twin["effect"], twin["wins"], twin["p_value"], twin["rank"]) == (0, 0.5, 1, 1)


def test_a_constant_shift_has_an_interval_of_no_width():
    rows = random_frame(arms=1)
    both = pd.concat([rows, rows.assign(arm="higher", value=rows["value"] + 0.1)])
    found = row(ranking(both, "clip_score"), "higher")
    assert found["difference"] == pytest.approx(0.1)
    assert found["difference_high"] - found["difference_low"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(found["effect"])  # no spread to hold it against
    assert (found["wins"], found["p_value"]) == (1, pytest.approx(2**-8))


@pytest.mark.parametrize(("score", "best"), [("clip_score", 3.0), ("delta_e", 0.2), ("seam", 1.1)])
def test_better_is_as_the_catalogue_says(score, best):
    values = {(f"x{value}", story, 0): value for value in (0.2, 1.1, 3.0) for story in STORIES}
    table = ranking(frame(values, score), score, baseline="x0.2")
    assert table["arm"][0] == f"x{best}"
    assert list(table["rank"]) == [1, 2, 3]


def test_scores_that_are_best_at_one_are_compared_by_their_distance_and_shown_raw():
    """0.5 and 2 are equally far from 1; their mean, 1.25, is no merit."""
    values = {("even", "a", 0): [0.5, 2.0], ("even", "b", 0): 2.0, ("near", "a", 0): 1.5, ("near", "b", 0): 1.5}
    table = ranking(frame(values, "seam"), "seam")
    near, even = row(table, "near"), row(table, "even")
    assert list(table["arm"]) == ["near", "even"]
    assert even["mean"] == pytest.approx((1.25 + 2) / 2)
    assert even["distance"] == pytest.approx(np.log(2))
    assert near["difference"] == pytest.approx(np.log(1.5) - np.log(2))
    assert near["wins"] == 1
    assert ranking(frame({("x", "a", 0): 0.0}, "seam"), "seam")["distance"][0] == pytest.approx(-np.log(1e-6))


def test_a_score_that_judges_nothing_has_no_ranks():
    values = {(arm, story, 0): value for arm, value in (("x", 1), ("y", 2)) for story in STORIES}
    table = ranking(frame(values, "prompt_tokens"), "prompt_tokens")
    assert table["rank"].isna().all()
    assert row(table, "y")["difference"] == 1
    unknown = frame(values, "somebodys_score")
    assert ranking(unknown, "somebodys_score")["rank"].isna().all()
    assert list(ranking(unknown, "somebodys_score", better="lower")["arm"]) == ["x", "y"]


def test_a_failed_run_drops_its_pair_and_is_told():
    """Story b is easy: an arm that failed in story a has the best mean and does not win by that."""
    values = {("base", "a", 0): 10, ("base", "b", 0): 30, ("good", "a", 0): 12, ("good", "b", 0): 32}
    values |= {("lucky", "b", 0): 31}
    table = ranking(frame(values), "clip_score")
    lucky = row(table, "lucky")
    assert list(table["arm"]) == ["good", "lucky", "base"]
    assert (lucky["mean"], lucky["difference"], lucky["pairs"], lucky["runs"]) == (31, 1, 1, 1)
    assert np.isnan(lucky["difference_low"])
    assert lucky["note"] == "1 of 2 runs missing; one story: no interval"


def test_an_arm_without_a_pair_has_no_rank():
    values = {("base", "a", 0): 10, ("base", "b", 0): 30, ("other", "c", 0): 50}
    other = row(ranking(frame(values), "clip_score"), "other")
    assert other["rank"] is pd.NA
    assert np.isnan(other[["difference", "effect", "wins", "p_value"]].astype(float)).all()
    assert "no runs in common with base" in other["note"]
    with_empty = frame(values).assign(arm=lambda f: pd.Categorical(f["arm"], ["base", "other", "failed"]))
    failed = row(ranking(with_empty, "clip_score"), "failed")
    assert (failed["runs"], failed["note"]) == (0, "no run has this score")


def test_one_story_has_no_interval():
    values = {(arm, "a", seed): value + seed for arm, value in (("x", 1), ("y", 2)) for seed in range(5)}
    found = row(ranking(frame(values), "clip_score"), "y")
    assert np.isnan(found[["low", "high", "difference_low", "difference_high", "effect"]].astype(float)).all()
    assert (found["p_value"], found["note"]) == (1, "one story: no interval")


def test_seeds_of_a_story_are_one_unit():
    """A hundred seeds of three stories are worth three stories."""
    shifts = {"a": 0.0, "b": 3.0, "c": -1.0}
    values = {("x", story, seed): 0.0 for story in shifts for seed in range(100)}
    values |= {("y", story, seed): shifts[story] for story in shifts for seed in range(100)}
    found = row(ranking(frame(values), "clip_score"), "y")
    assert found["difference_low"] < 0 < found["difference_high"]
    assert found["p_value"] == 1.0  # 3 - 1 is the least that signs can make of 0, 3 and 1


def test_the_baseline_is_the_first_arm_or_the_named_one():
    rows = random_frame()
    assert row(ranking(rows, "clip_score"), "arm 0")["difference"] == 0
    named = ranking(rows, "clip_score", baseline="arm 2")
    forward, backward = row(named, "arm 0"), row(ranking(rows, "clip_score"), "arm 2")
    assert forward["difference"] == pytest.approx(-backward["difference"])
    assert forward["effect"] == pytest.approx(-backward["effect"])
    assert forward["p_value"] == pytest.approx(backward["p_value"])
    ordered = rows.assign(arm=pd.Categorical(rows["arm"], ["arm 1", "arm 0", "arm 2"]))
    assert arm_names(ordered)[0] == "arm 1"
    assert row(ranking(ordered, "clip_score"), "arm 1")["difference"] == 0
    with pytest.raises(InvalidInputError, match=r"no arm 'x'.*arm 0, arm 1"):
        ranking(rows, "clip_score", baseline="x")


def test_the_order_of_rows_does_not_matter():
    rows = random_frame()
    shuffled = rows.sample(frac=1, random_state=1)
    first = ranking(rows, "clip_score", baseline="arm 1")
    pd.testing.assert_frame_equal(first, ranking(shuffled, "clip_score", baseline="arm 1"), rtol=1e-9)


def test_scorers_are_not_mixed():
    values = {(arm, story, 0): 1.0 for arm in ("x", "y") for story in STORIES}
    both = pd.concat(
        [frame(values, scorer="one", scorer_revision="r"), frame(values, scorer="two", scorer_revision="r")]
    )
    with pytest.raises(InvalidInputError, match=r"several scorers.*one \(r\); two \(r\)"):
        ranking(both, "clip_score")
    table = rankings(both)
    assert list(table["scorer"]) == ["one", "one", "two", "two"]
    assert (table["runs"] == 2).all()


def test_models_that_differ_within_an_arm_are_told():
    values = {(arm, story, 0): 1.0 for arm in ("x", "y") for story in STORIES}
    rows = frame(values)
    rows.loc[(rows["arm"] == "y") & (rows["story"] == "b"), "model"] = "other"
    assert "drawn by several models" in row(ranking(rows, "clip_score"), "y")["note"]
    assert "models" not in row(ranking(rows, "clip_score"), "x")["note"]


def test_a_score_that_nobody_has_is_refused():
    with pytest.raises(InvalidInputError, match="no score 'aesthetic'"):
        ranking(random_frame(), "aesthetic")


def test_many_scores_at_once_are_each_as_alone():
    rows = random_frame(scores=("seam", "clip_score", "unheard_of"))
    table = rankings(rows, baseline="arm 1")
    assert list(table["score"].unique()) == ["clip_score", "seam", "unheard_of"] == in_order(rows["score"].unique())
    for score in ("clip_score", "seam"):
        part = table[table["score"] == score].drop(columns=["score", "scorer", "scorer_revision"])
        pd.testing.assert_frame_equal(part.reset_index(drop=True), ranking(rows, score, baseline="arm 1"))
    assert list(rankings(rows, ["seam", "fid"])["score"].unique()) == ["seam"]
    assert rankings(rows, ["fid"]).empty


def test_bootstrap_intervals_of_many_stories_are_those_of_drawing_stories():
    """Independent: whole stories of the frame drawn with replacement, means of plain group means."""
    rows = random_frame(arms=1, stories=40, levels=1)
    means = rows.groupby("story")["value"].mean().to_numpy()
    drawn = np.random.default_rng(9).integers(40, size=(20_000, 40))
    tail = stats.norm.cdf(-np.sqrt(40 / 39) * stats.t.ppf(0.975, 39))
    low, high = np.quantile(means[drawn].mean(1), [tail, 1 - tail])
    found = ranking(rows, "clip_score").iloc[0]
    width = high - low
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.05 * width)
