"""Folder names: safe for any title on any system, and apart where letters were lost."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts import slug

RESERVED = {"con", "prn", "aux", "nul"} | {f"{p}{i}" for p in ("com", "lpt") for i in range(1, 10)}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Cosmic leaf", "cosmic-leaf"),
        ("  Galaxy,  to leaf! ", "galaxy-to-leaf"),
        ("The watchmaker's gear", "the-watchmakers-gear"),
        ("24 hours", "24-hours"),
    ],
)
def test_plain_titles_read_as_written(title, name):
    assert slug(title) == name


@pytest.mark.parametrize(
    "title", ["../../etc/x", "..", ".", "", "/", "🌌", "con", "NUL", "com1", "lpt¹", "日本", "a\0b", "\ud800"]
)
def test_dangerous_titles_become_harmless(title):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(title))
    assert slug(title) not in RESERVED


def test_lost_letters_keep_titles_apart():
    titles = ["é", "e", "è", "🌌", "🌍", "日", "本", "a" * 60, "a" * 61, "C++", "C", "con", "Straße", "Strase"]
    assert len({slug(t) for t in titles}) == len(titles)


def test_unicode_normalisation_does_not_matter():
    assert slug(unicodedata.normalize("NFC", "Wüste")) == slug(unicodedata.normalize("NFD", "Wüste"))


@given(st.text())
def test_any_title_gives_a_safe_name(title):
    name = slug(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= 57
    assert name not in RESERVED
    assert slug(unicodedata.normalize("NFD", title)) == slug(unicodedata.normalize("NFC", title))


@given(st.text(alphabet="aé日🌌 -", max_size=6), st.text(alphabet="aé日🌌 -", max_size=6))
def test_titles_that_differ_in_letters_have_different_names(one, other):
    def letters(text):
        return "".join(c for c in text if c not in " -")

    if letters(one) != letters(other):
        assert slug(one) != slug(other) or set(letters(one) + letters(other)) == {"a"}
