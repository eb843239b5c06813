import math
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film.scale import SHARE, UNITS, bar, in_words, share_in_view, width_at

WIDTHS = st.floats(math.log(1e-35), math.log(1e30)).map(math.exp)
LARGE = {"million": 1e6, "billion": 1e9, "trillion": 1e12}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def metres_in(words):
    """An independent reading of what `in_words` and `bar` say."""
    if power := re.fullmatch(r"([\d.]+) × 10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+) m", words):
        return float(power[1]) * 10 ** int(power[2].translate(SUPERSCRIPTS))
    number, large, unit = re.fullmatch(r"([\d.,]+) (?:(million|billion|trillion) )?(.+)", words).groups()
    by_name = {one.name: one.metres for one in UNITS} | {"light year": UNITS[0].metres}
    return float(number.replace(",", "")) * LARGE.get(large, 1) * by_name[unit]


@pytest.mark.parametrize(
    ("metres", "words"),
    [
        (8.8e26, "93 billion light years"),
        (3e22, "3.2 million light years"),
        (9.46e15, "1 light year"),
        (1.496e11, "1 AU"),
        (5.9e12, "39 AU"),
        (1.4e9, "1.4 million km"),
        (3.844e8, "380,000 km"),
        (12_345, "12 km"),
        (999.9, "1 km"),
        (994, "990 m"),
        (1.75, "1.8 m"),
        (0.4, "40 cm"),
        (0.004, "4 mm"),
        (4e-5, "40 µm"),
        (1e-7, "100 nm"),
        (1e-10, "0.1 nm"),
        (5.3e-11, "53 pm"),
        (8.4e-16, "0.84 fm"),
        (1.6e-35, "1.6 × 10⁻³⁵ m"),
    ],
)
def test_lengths_are_said_as_people_say_them(metres, words):
    assert in_words(metres) == words


@settings(deadline=None)
@given(WIDTHS)
def test_words_mean_the_length_within_two_digits(metres):
    """Two significant digits are off by 5 % at most (1.05 as 1.1 or 1.0), whatever unit they are said in."""
    assert metres_in(in_words(metres)) == pytest.approx(metres, rel=0.0501)


@settings(deadline=None)
@given(WIDTHS, st.integers(16, 8192))
def test_a_bar_is_a_round_length_that_fits_and_is_true(width_m, frame_px):
    length, said = bar(width_m, frame_px)
    assert SHARE / 2.5 * (1 - 1e-6) <= length / frame_px <= SHARE * (1 + 1e-6)
    assert metres_in(said) / width_m * frame_px == pytest.approx(length, rel=1e-9)
    assert re.match(r"[\d.,]+", said)[0].replace(",", "").strip("0.") in ("1", "2", "5")


@settings(deadline=None)
@given(WIDTHS, st.lists(st.floats(1.05, 8), max_size=39), st.data())
def test_one_known_width_gives_all(width_m, factors, data):
    known = data.draw(st.integers(0, len(factors)))
    widths = [width_m if i == known else None for i in range(len(factors) + 1)]
    for level in range(len(widths)):
        zoom = math.prod(factors[known:level]) if level > known else 1 / math.prod(factors[level:known])
        assert width_at(level, widths, factors) == pytest.approx(width_m / zoom, rel=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(1.1, 8), min_size=2, max_size=12), st.floats(0, 1), st.data())
def test_between_levels_the_width_is_log_linear_and_known_widths_are_met(factors, t, data):
    steps = data.draw(st.lists(st.floats(1.1, 9), min_size=len(factors), max_size=len(factors)))
    widths = [1e6 / math.prod(steps[:i]) for i in range(len(factors) + 1)]  # that do not quite agree with the factors
    kept = [w if i % 2 == 0 else None for i, w in enumerate(widths)]
    for i in range(0, len(widths), 2):
        assert width_at(i, kept, factors) == pytest.approx(widths[i], rel=1e-9)
    i = data.draw(st.integers(0, len(factors) - 1))
    low, high = (width_at(i + end, kept, factors) for end in (0, 1))
    assert width_at(i + t, kept, factors) == pytest.approx(low ** (1 - t) * high**t, rel=1e-9)


def test_a_loop_goes_on_beyond_its_last_level():
    assert width_at(2.5, [8.0, None, None], [2, 2, 2]) == pytest.approx(8 / 2**2.5)


def test_no_width_no_answer():
    assert width_at(0.5, [None, None], [2]) is None


@pytest.mark.parametrize(
    ("position", "widths", "factors", "said"),
    [
        (0, [], [], "0 widths need"),
        (0, [1.0], [2, 2], "1 widths need 0 factors"),
        (0, [1.0, None], [1.0], "above 1"),
        (0, [1.0, None], [math.nan], "above 1"),
        (0, [math.inf, None], [2], "metres wide"),
        (0, [0.0, None], [2], "metres wide"),
        (1.01, [1.0, None], [2], "outside the levels 0 to 1"),
        (-0.1, [1.0, None], [2], "outside"),
        (math.nan, [1.0, None], [2], "outside"),
    ],
)
def test_what_makes_no_sense_is_refused(position, widths, factors, said):
    with pytest.raises(InvalidInputError, match=said):
        width_at(position, widths, factors)


@pytest.mark.parametrize("width_m", [0, -1, math.nan, math.inf])
def test_a_width_is_a_length(width_m):
    with pytest.raises(InvalidInputError, match="metres wide"):
        in_words(width_m)
    with pytest.raises(InvalidInputError, match="metres wide"):
        bar(width_m, 100)
    with pytest.raises(InvalidInputError, match="pixels"):
        bar(1, width_m)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 5000)] * 4), st.floats(1, 4))
def test_a_frame_of_another_shape_shows_the_largest_part_that_has_it(sides, margin):
    frame, level = sides[:2], sides[2:]
    share = share_in_view(frame, level, margin)
    assume(share > 1e-6)
    width = share * margin * level[0]
    height = width * frame[1] / frame[0]
    assert width <= level[0] * (1 + 1e-9)
    assert height <= level[1] * (1 + 1e-9)
    assert width == pytest.approx(level[0]) or height == pytest.approx(level[1])
