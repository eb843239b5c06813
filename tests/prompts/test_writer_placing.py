"""Rows on the grid of widths: snapped, merged, turned, trimmed; and what a wish fixes of the grid."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import checks
from prompts.errors import PlanError, ReplyError
from prompts.request import PlanRequest
from prompts.seeing.caption import Caption
from prompts.writer.draft import Row
from prompts.writer.frame import Frame, framed
from prompts.writer.placing import Placed, place

FRAME = Frame(p=4, step=4, levels=6, widest_m=1024)
FREE = Frame(p=4, step=4)
GRID = [1024.0, 256.0, 64.0, 16.0, 4.0, 1.0]


def rows(*widths: float | None) -> list[Row]:
    """Rows named a, b, c ... of these widths."""
    return [Row(chr(97 + i), width_m=width) for i, width in enumerate(widths)]


def names(placed: Placed) -> str:
    """The rows by level, "." for a level without one."""
    return "".join(placed.rows[i].prompt if i in placed.rows else "." for i in range(max(placed.rows) + 1))


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        (GRID, "abcdef"),
        ([1000, 260, 60, 16, 4, 1.1], "abcdef"),
        (GRID[::-1], "fedcba"),
        ([256, 1, 1024, 16, 4, 64], "cafdeb"),
        ([1024, 256, 16, 4, 1], "ab.cde"),
        ([1024, 256, 250, 64, 16, 4, 1], "abdefg"),
        ([1024, 300, 256, 64, 16, 4, 1], "acdefg"),
        ([4096, *GRID, 0.25], "bcdefg"),
        ([1.024, 0.256, 0.064, 0.016, 0.004, 0.001], "abcdef"),
        ([4, 256, 64, 16, 4, 1], "abcdef"),
        ([1024, 256, 64e5, 16, 4, 1], "abcdef"),
        ([1024, None, 64, None, 4, 1], "abcdef"),
        ([None] * 6, "abcdef"),
        ([1] * 6, "abcdef"),
        ([10.0**-i for i in range(6)], "abcdef"),
        ([1024, 64, 4], "a.b.c"),
        ([None] * 9, "abcdef"),
    ],
    ids=["right", "rounded", "deepest first", "shuffled", "one missing", "a double after", "a nearer double before",
         "too many", "kilometres", "first wrong", "one beyond measure", "some missing", "none told", "all the same",
         "steps of ten", "every second", "too many without widths"],
)  # fmt: skip
def test_rows_go_to_the_level_that_their_width_and_order_say(widths, expected):
    placed = place(rows(*widths), FRAME)
    assert names(placed) == expected
    assert placed.widest_m == 1024


def test_what_is_changed_is_said_and_what_is_right_is_not():
    assert place(rows(*GRID), FRAME).changes == ()
    assert place(rows(1000, 250, 62, 15.6, 3.9, 0.98), FRAME).changes == ()
    (said,) = place(rows(1024, 256, 64, 16, 4, 1.5), FRAME).changes
    assert said == "Level 5 stated 1.5 m and was set to 1 m."
    (said,) = place(rows(*GRID, 0.25), FRAME).changes
    assert said == "'g' (25 cm) is beyond the last level and was left out."
    (said,) = place(rows(*GRID[:2], 250, *GRID[2:]), FRAME).changes
    assert said == "'c' (250 m) shows level 1 once more and was merged with it."


def test_where_the_model_chooses_its_first_width_and_last_level_hold():
    placed = place(rows(900, 225, 56, 14), FREE)
    assert (names(placed), placed.widest_m) == ("abcd", 900)
    placed = place(rows(3, 225, 56, 14), FREE)
    assert (names(placed), placed.widest_m) == ("abcd", 900), "the first contradicts the others"


def test_a_draft_without_any_width_has_no_scale():
    with pytest.raises(ReplyError, match="width_m"):
        place(rows(None, None, None), FREE)


widths = st.none() | st.floats(checks.MIN_WIDTH_M, checks.MAX_WIDTH_M) | st.sampled_from([1.0, 4.0, 16.0, 1e30, 1e-35])
frames = st.builds(
    Frame,
    p=st.sampled_from([1.5, 2.0, 4.0, 16.0]),
    step=st.sampled_from([1.1, 2.0, 4.0, 16.0, 1e5]),
    levels=st.none() | st.integers(1, 64),
    widest_m=st.none() | st.floats(1e-18, 1e27),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(widths, min_size=1, max_size=80), frames)
def test_any_rows_land_on_levels_that_there_are_each_at_most_once(given_widths, frame):
    try:
        placed = place([Row("a", width_m=width) for width in given_widths], frame)
    except ReplyError:
        assert frame.widest_m is None
        assert not any(given_widths)
        return
    assert all(0 <= level < frame.most(placed.widest_m) for level in placed.rows)
    assert len({id(row) for row in placed.rows.values()}) == len(placed.rows) <= len(given_widths)
    assert checks.MIN_WIDTH_M <= placed.widest_m <= checks.MAX_WIDTH_M
    assert all(frame.width_m(level, placed.widest_m) >= 0.99 * checks.MIN_WIDTH_M for level in placed.rows)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 20), st.sampled_from([2.0, 3.0, 10.0]), st.floats(-12, 12), st.randoms(use_true_random=False))
def test_of_a_right_draft_rounded_to_two_digits_every_level_stays_where_it_is(count, p, exponent, chance):
    widest = 10**exponent
    stated = [float(f"{widest / p**i:.1e}") for i in range(count)]
    kept = sorted(chance.sample(range(count), chance.randint(1, count)))
    placed = place([Row(str(i), width_m=stated[i]) for i in kept], Frame(p, p, count, widest))
    assert {level: row.prompt for level, row in placed.rows.items()} == {i: str(i) for i in kept}


def test_a_wish_that_names_both_ends_fixes_the_grid():
    frame, _ = framed(PlanRequest(text="from a galaxy to a leaf", p=10))
    assert frame.p == frame.step == 10
    assert frame.levels is not None
    assert frame.widest_m is not None
    deepest = frame.width_m(frame.levels - 1, frame.widest_m)
    assert 1e19 < frame.widest_m < 1e22
    assert 1e-2 < deepest < 1


def test_lengths_in_the_text_are_the_ends():
    frame, _ = framed(PlanRequest(text="from 4096 m to 4 mm", levels=11, p=4))
    assert (frame.widest_m, frame.levels, frame.step) == (4096, 11, 4)


def test_a_single_thing_lies_within_its_grid():
    frame, _ = framed(PlanRequest(text="a honeybee"))
    assert frame.levels is not None
    assert frame.widest_m is not None
    assert frame.width_m(frame.levels - 1, frame.widest_m) < 0.01 < frame.widest_m


def test_one_known_thing_among_unknown_ones_leaves_the_ends_to_the_model():
    frame, _ = framed(PlanRequest(text="a mountain where basilisks and wyverns sleep"))
    assert frame.widest_m is None


def test_widths_hold_whatever_the_text_names():
    frame, _ = framed(PlanRequest(text="from a basilisk to a leaf", widths_m=(100.0, 1.0), p=10))
    assert (frame.widest_m, frame.levels) == (100.0, 3)


def test_nothing_wished_for_is_refused():
    with pytest.raises(PlanError, match="empty"):
        framed(PlanRequest(text="  "))


def test_levels_that_p_does_not_span_are_schematic_and_said_so():
    frame, notes = framed(PlanRequest(text="from a galaxy to a leaf cell", levels=12, p=2))
    assert (frame.schematic, frame.p, frame.levels) == (True, 2, 12)
    assert math.log10(frame.step) == pytest.approx(26 / 11, abs=0.3)
    assert "Schematic" in notes[0]


def test_ends_that_nobody_here_knows_are_left_to_the_model():
    frame, _ = framed(PlanRequest(text="from a dragon's lair to its smallest scale"))
    assert (frame.p, frame.levels, frame.widest_m) == (4, None, None)


def test_a_photograph_gives_the_first_width():
    photo = Caption("a person in a garden", "an eye", 3.0, "", "")
    frame, _ = framed(PlanRequest(text="into whatever there is", p=2), photo)
    assert (frame.widest_m, frame.levels) == (3.0, None)
    frame, _ = framed(PlanRequest(widths_m=(100.0, 1.0), p=10), photo)
    assert (frame.widest_m, frame.levels) == (100.0, 3), "what is asked for wins"


@pytest.mark.parametrize("widths_m", [(1e30, 1e-35), (1e-20, 1e-35), (3e29, 1e-34)])
def test_the_largest_and_smallest_widths_of_a_story_can_be_its_ends(widths_m):
    frame, _ = framed(PlanRequest(widths_m=widths_m, p=16))
    assert frame.most(widths_m[0]) == frame.levels
    assert frame.width_m(frame.levels - 1, widths_m[0]) >= checks.MIN_WIDTH_M


def test_ends_of_one_width_are_no_zoom():
    with pytest.raises(PlanError, match="no zoom"):
        framed(PlanRequest(widths_m=(2.0, 2.0)))
