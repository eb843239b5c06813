import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.film import lettering
from zoomlib.film.lettering import balanced, cover, font, missing, rightwards, wrap


@pytest.fixture
def only_pillows_font(monkeypatch):
    original = lettering.ImageFont.truetype

    def truetype(name, size=10, **options):
        if isinstance(name, str):  # Pillow reads its own from memory
            raise OSError("cannot open resource")
        return original(name, size, **options)

    lettering._open.cache_clear()
    lettering._has.cache_clear()
    monkeypatch.setattr(lettering.ImageFont, "truetype", truetype)
    yield
    lettering._open.cache_clear()
    lettering._has.cache_clear()


def read(text, width_px=400, lines=2, **options):
    return [line for line, _ in wrap(text, 15, width_px, lines, **options)]


def test_a_long_text_ends_in_an_ellipsis_within_its_place():
    lines = read("zoom " * 5000, 240, 4)
    assert len(lines) == 4
    assert lines[-1].endswith("…")
    assert not any(line.endswith("…") for line in lines[:-1])
    assert max(font(15, "").getlength(line) for line in lines) <= 240


def test_nothing_is_lost_when_it_fits():
    words = "a spiral galaxy seen from far above its bright centre"
    assert " ".join(read(words, 240, 4)) == words


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_wraps_within_its_width(text):
    for line, drawn in wrap(text, 15, 120, 4):
        assert len(line) <= 2 or drawn.getlength(line) <= 120 + 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcdefg ,中", min_size=1, max_size=9), max_size=25).map(" ".join), st.integers(1, 4))
def test_balanced_lines_say_the_same_in_as_many_lines(text, lines):
    greedy, even = list(wrap(text, 15, 150, lines)), balanced(text, 15, 150, lines)
    assert len(even) == len(greedy)
    assert " ".join(line for line, _ in even).split() == " ".join(line for line, _ in greedy).split()
    assert max((drawn.getlength(line) for line, drawn in even), default=0) <= 150


def test_no_word_is_left_alone_on_the_last_line():
    text = "The Milky Way seen from far above"
    width = font(15, text).getlength("The Milky Way seen from far") + 1
    assert [line for line, _ in wrap(text, 15, width, 3)][-1] == "above"
    first, last = (drawn.getlength(line) for line, drawn in balanced(text, 15, width, 3))
    assert last > 0.7 * first


def test_pictographs_part_words():
    assert read("a🎉b") == ["a b"]


@pytest.mark.parametrize("text", ["café", "20 µm", "Øresund", "на русском"])
def test_a_font_with_all_letters_is_taken_where_there_is_one(text):
    """No letter is drawn as the box that stands for letters which a font does not have."""
    if missing(text):
        pytest.skip("no font installed here has these letters")
    ((line, drawn),) = wrap(text, 24, 900, 1)
    assert line == text
    box = bytes(drawn.getmask("\U0010ffff"))
    assert all(bytes(drawn.getmask(c)) != box for c in text if not c.isspace())


def test_text_that_stands_beside_other_text_looks_like_it():
    ((_, alone),) = wrap("leaf", 15, 400, 1)
    ((_, beside),) = wrap("leaf", 15, 400, 1, "на русском")
    ((_, other),) = wrap("на русском", 15, 400, 1)
    assert beside.getname() == other.getname()
    assert alone.getname() == font(15, "leaf").getname()


def test_with_pillows_font_alone_letters_lose_their_accents_but_are_there(only_pillows_font):
    assert read("café, 20 µm × Äther – Ĳ") == ["cafe, 20 um x Ather - IJ"]
    assert missing("café") == ""
    assert missing("a 题 b 题 🎉") == "题"
    assert read("题") == ["题"]


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_is_missing_is_part_of_the_text(text):
    assert {*missing(text)} <= {*text, *unicodedata.normalize("NFKD", text)}


def test_scripts_from_the_right_begin_there():
    assert rightwards("a مرحبا")
    assert not rightwards("(1) مرحبا a")
    assert not rightwards("\u05e9\u05dc\u05d5\u05dd")
    assert rightwards("123")
    for text, at_right in (("مرحبا", True), ("hello", False)):
        covered = cover(list(wrap(text, 15, 400, 1)), 20, (300, 20))
        assert covered.any()
        assert bool(covered[:, 150:].any()) == at_right
        assert bool(covered[:, :150].any()) != at_right
        assert cover(list(wrap(text, 15, 400, 1)), 20, (300, 20), right=True)[:, 150:].any()


def test_lines_cover_their_own_rows_and_bolder_ones_more():
    lines = list(wrap("one two three four", 15, 60, 3))
    covered = cover(lines, 20, (80, 60))
    assert covered.dtype == np.float32
    assert covered.max() <= 1
    assert all(covered[20 * row : 20 * row + 20].any() for row in range(3))
    assert not covered[:2].any()  # room above the first line
    assert cover(lines, 20, (80, 60), weight_px=0.5).sum() > 1.05 * covered.sum()
