"""Lengths in words: read as people write them, said so that they are read again."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.scales.units import Length, lengths, read_length, say_length

LIGHT_YEAR_M = 9.4607304725808e15


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("10 km", 1e4), ("10km", 1e4), ("1e-6 m", 1e-6), ("1E3 m", 1e3), ("2 µm", 2e-6), ("2 μm", 2e-6), ("2 um", 2e-6),
        ("1,500 km", 1.5e6), ("1 500 km", 1.5e6), ("1,5 km", 1500), ("1.5 km", 1500), (".5 m", 0.5), ("10 KM", 1e4),
        ("10 Mm", 1e7), ("10 mm", 1e-2), ("10 MM", 1e-2), ("10^-6 m", 1e-6), ("1.5 x 10^3 m", 1.5e3), ("10⁻⁹ m", 1e-9),
        ("1.5×10⁻³ m", 1.5e-3), ("3 light years", 3 * LIGHT_YEAR_M), ("3 light-years", 3 * LIGHT_YEAR_M),
        ("93 billion ly", 93e9 * LIGHT_YEAR_M), ("a million light years", 1e6 * LIGHT_YEAR_M),
        ("million light years", 1e6 * LIGHT_YEAR_M), ("one hundred thousand light years", 1e5 * LIGHT_YEAR_M),
        ("500 pc", 500 * 3.0856775814913673e16), ("2 kiloparsecs", 2e3 * 3.0856775814913673e16),
        ("1 AU", 1.495978707e11), (" 5 m. ", 5),
        ("5 miles", 8046.72), ("2 feet", 0.6096), ("6 inches", 0.1524), ("half a mile", 804.672), ("a kilometre", 1e3),
        ("ten metres", 10), ("12-metre", 12), ("3 ångström", 3e-10), ("3 microns", 3e-6), ("1 fm", 1e-15),
    ],
)  # fmt: skip
def test_lengths_as_people_write_them(text, metres):
    assert read_length(text) == pytest.approx(metres, rel=1e-9)


@pytest.mark.parametrize(
    "text", ["", "m", "10", "km", "0 m", "-5 km", "5 kg", "5 metropolis", "1 a.m.", "10 km to 1 m", "1e999 m", "5 mmm"]
)
def test_what_is_no_length(text):
    assert read_length(text) is None


def test_lengths_anywhere_in_a_text():
    text = "from 10 km to a unicorn (2 m), then 1e-3 m"
    assert [(text[x.start : x.end], x.metres) for x in lengths(text)] == [
        ("10 km", 1e4),
        ("2 m", 2.0),
        ("1e-3 m", 1e-3),
    ]
    assert lengths("10 km")[0] == Length(0, 5, 1e4)


@pytest.mark.parametrize(
    ("metres", "said"),
    [
        (8.8e26, "93 billion ly"), (9.46e20, "100,000 ly"), (9e12, "60.2 AU"), (1.27e7, "12,700 km"), (12e3, "12 km"),
        (999.6, "1 km"), (1, "1 m"), (0.015625, "1.56 cm"), (1e-3, "1 mm"), (9.996e-4, "1 mm"), (2e-6, "2 µm"),
        (2e-9, "2 nm"), (1.5e-10, "150 pm"), (5e-15, "5 fm"), (4e-19, "0.4 am"), (1.6e-35, "1.6e-35 m"),
    ],
)  # fmt: skip
def test_lengths_for_people(metres, said):
    assert say_length(metres) == said


@given(st.floats(-35, 30))
def test_what_is_said_is_read_again_to_three_digits(exponent):
    metres = 10.0**exponent
    assert read_length(say_length(metres)) == pytest.approx(metres, rel=6e-3)  # rounded twice, to three digits each


@given(st.text() | st.text("0123456789 ,.^e-+x10km²⁻ly", max_size=80))
def test_whatever_text_comes_lengths_are_positive_and_finite(text):
    assert all(0 < x.metres < math.inf for x in lengths(text))


@pytest.mark.parametrize("part", ["1 000 ", "10^", "1,000,", "million ", "light ", "half a ", "1.5 x 10"])
def test_long_texts_are_read_in_time(part):
    began = time.perf_counter()
    lengths(part * (1000 // len(part)))
    assert time.perf_counter() - began < 1  # a thousand characters are the longest wish; 10 ms are usual
