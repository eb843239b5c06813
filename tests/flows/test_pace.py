"""The time left: a mean of the latest moves, counted down between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.pace import BatchPace, Pace, clock

gaps = st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 5)), min_size=2, max_size=50)


@given(gaps, st.floats(0, 1e6))
def test_the_time_left_is_never_negative_and_falls_while_nothing_moves(moves, later):
    now = done = 0
    pace = Pace(sum(step for _, step in moves))
    for gap, step in moves:
        now, done = now + gap, done + step
        pace.move(done, now)
    at_once, then = pace.left(now), pace.left(now + later)
    assert (at_once is None) == (then is None)
    if at_once is not None:
        assert (at_once, then) == (0.0, 0.0)  # all is made


def test_an_even_pace_is_told_exactly_and_loading_is_none_of_it():
    pace = Pace(10)
    assert pace.left(0.0) is None
    pace.move(1, 300.0)  # a model was loaded
    assert pace.left(301.0) is None
    pace.move(2, 302.0)
    assert pace.left(302.0) == pytest.approx(16.0)
    assert pace.left(303.5) == pytest.approx(14.5)
    assert pace.left(1000.0) == 0.0


def test_a_pace_that_changes_is_followed():
    pace = Pace(1000)
    for step in range(100):
        pace.move(step, step * 1.0)
    for step in range(100, 200):
        pace.move(step, 99.0 + (step - 99) * 10.0)
    assert pace.left(99.0 + 100 * 10.0) == pytest.approx(801 * 10.0)


def test_runs_that_were_there_say_nothing_of_the_pace_of_a_batch():
    pace = BatchPace()
    for ended in range(50):
        pace.begin(0.01 * ended)
        pace.end(0.0, 100 - ended - 1, 0.01 * ended)
    assert pace.left(1.0) is None
    pace.begin(1.0)
    pace.begin(1.0)
    pace.end(9.5, 49, 10.5)
    pace.end(10.0, 48, 11.0)  # two at once: one each five seconds
    assert pace.left(11.0) == pytest.approx(48 * 5, rel=0.2)


@given(st.floats(0, 1e7))
def test_a_clock_tells_whole_seconds(seconds):
    hours, minutes, whole = map(int, clock(seconds).split(":"))
    assert hours * 3600 + minutes * 60 + whole == round(seconds)
    assert max(minutes, whole) < 60
