"""Levels, zoom factor and widths: what is left open is computed, what does not fit is told."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import PlanError, PlanRequest, checks, make_plan
from prompts.offline.lengths import SINGLE, around, fit


def planned(text, **wish):
    return make_plan(PlanRequest(text=text, **wish))


def widths(story):
    return [level.width_m for level in story.levels]


def test_widths_shrink_by_p_from_the_width_asked_for():
    story = planned("from 8 m to 1 cm", p=2).story
    assert widths(story)[0] == 8
    assert widths(story)[-1] == pytest.approx(0.01, rel=0.42)  # the nearest of powers of two is at most sqrt(2) off
    assert all(a / b == pytest.approx(2, rel=0.01) for a, b in zip(widths(story), widths(story)[1:], strict=False))


def test_levels_and_p_that_do_not_fit_make_a_schematic_story_which_says_so():
    made = planned("from a galaxy to a leaf cell", levels=12, p=2)
    assert (made.story.p, len(made.story.levels), set(widths(made.story))) == (2, 12, {None})
    note = next(note for note in made.notes if note.startswith("Schematic"))
    assert "--p 16 --levels 2" in note
    way = note.split("--p ")[1].split()
    true = planned("from a galaxy to a leaf cell", p=int(way[0]), levels=int(way[2].strip(".")))
    assert all(widths(true.story))
    assert not true.notes


def test_levels_alone_choose_a_whole_p_that_fits():
    made = planned("from 10 km to 1 mm", levels=8)
    assert made.story.p == 10
    assert widths(made.story) == pytest.approx([10**k for k in range(4, -4, -1)])
    assert made.notes == ()
    assert planned("from 10 m to 1 m", levels=40).story.levels[0].width_m is None


def test_p_alone_chooses_the_levels_or_tells_which_p_would_do():
    assert len(planned("from 1 km to 1 m", p=10).story.levels) == 4
    with pytest.raises(PlanError, match=r"150 levels at p = 2, and a story has at most 64: ask for p = \d or more"):
        planned("from the observable universe to a quark", p=2)


def test_neither_gives_a_usual_p_and_at_most_sixteen_levels_where_sixteen_reach():
    for text in ("from a tree to a leaf", "from a city to a quark", "from 10 km to 1 mm", "from a planet to a leaf"):
        story = planned(text).story
        assert story.p in (2, 3, 4, 8, 10, 16)
        assert len(story.levels) <= 16 or story.p == 16
    assert planned("from a tree to a leaf").story.p == 2


def test_a_single_thing_is_shown_from_around_it_to_inside():
    found = planned("a leaf").story
    assert (found.p, len(found.levels)) == (2, SINGLE)
    assert widths(found)[0] > 0.4 > 0.05 > widths(found)[-1]
    assert all(widths(planned("the observable universe").story))
    assert all(widths(planned("a quark").story))


def test_the_views_of_ends_stay_near_their_things():
    for levels in range(2, 30):
        story = planned("from a tree to a leaf cell", levels=levels).story
        if story.levels[0].width_m:
            assert story.levels[0].width_m == pytest.approx(20, rel=4)
            assert 1e-5 < story.levels[-1].width_m < 3e-4


def test_one_level_shows_the_widest_view():
    made = planned("from a forest to a leaf", levels=1)
    assert len(made.story.levels) == 1
    assert "forest" in made.story.levels[0].prompt
    assert any("One level" in note for note in made.notes)


ENDS = st.tuples(st.floats(-34, 29.5), st.floats(-34, 29.5)).map(lambda e: (10 ** max(e), 10 ** min(e)))


@given(ENDS, st.none() | st.integers(1, 64), st.none() | st.sampled_from([1.5, 2, 3, 7.3, 16]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_grid_lies_within_what_a_story_may_state(ends, levels, p, exact):
    try:
        found = fit(ends, levels, p, exact=exact)
    except PlanError:
        assert levels is None
        assert math.log(ends[0] / ends[1]) / math.log(p) > 62
        return
    assert levels in (None, found.levels)
    assert p in (None, found.p)
    assert found.schematic or found.step == found.p
    assert all(checks.MIN_WIDTH_M <= w <= checks.MAX_WIDTH_M for w in found.widths())
    if exact and not found.schematic:
        assert found.widths()[0] == pytest.approx(ends[0], rel=0.02)


@given(st.floats(-18, 26), st.integers(1, 64), st.sampled_from([1.5, 2, 4, 16]))
@settings(deadline=None)
def test_a_grid_around_a_thing_stays_within_its_bounds(size, levels, p):
    found = around(10**size, levels, p, (1e-18, 1e27))
    assert len(found.widths()) == levels
    assert found.widths()[0] <= 1e27 * 1.001
    assert found.widths()[-1] >= 1e-18 / p / 1.001  # one step deeper, so that one view is as wide as the thing
    assert found.schematic or min(abs(math.log(w / 10**size)) for w in found.widths()) < 1e-6
