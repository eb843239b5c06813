"""Things named in a text: every name in every form, the user's own words, and whatever text comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.scales import ladder
from prompts.scales.naming import find, nearest
from prompts.scales.plurals import plurals

NAMES = [(name, t.id) for t in ladder.things() for name in t.names]


def named(text: str) -> list[tuple[str, str]]:
    return [(f.thing.id, f.words) for f in find(text)]


@pytest.mark.parametrize("form", [str, str.upper, str.title, lambda n: n.replace(" ", "-"), lambda n: f"the {n}."])
def test_every_name_of_the_ladder_is_found_in_every_form(form):
    wrong = {name: named(form(name)) for name, id in NAMES if [found[0] for found in named(form(name))] != [id]}
    assert not wrong


def test_every_name_is_found_in_the_plural():
    names = {name for name, _ in NAMES}
    for name, id in NAMES:
        *before, head = name.split(" ")
        for many in (" ".join((*before, plural)) for plural in plurals(head.lower()) if " of " not in name):
            if many not in names:  # "mountains" names a range
                assert [f.thing.id for f in find(many)] == [id], many


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from a galaxy to a leaf cell", [("spiral-galaxy", "a galaxy"), ("leaf-cell", "a leaf cell")]),
        ("Zoom into a frosty maple leaf", [("leaf", "a frosty maple leaf")]),
        ("three GALAXY clusters, leaves", [("galaxy-cluster", "three GALAXY clusters"), ("leaf", "leaves")]),
        ("from oak-leaves into dna", [("leaf", "oak-leaves"), ("dna", "dna")]),
        ("pillars of dust in the Milky Way", [("dust-pillar", "pillars of dust"), ("spiral-galaxy", "the Milky Way")]),
        ("a protoplanetary disk", [("protoplanetary-disc", "a protoplanetary disk")]),
        ("Between my old harbor and a snow-field", [("harbour", "my old harbor"), ("snowfield", "a snow-field")]),
        ("a galaxy -> a planet", [("spiral-galaxy", "a galaxy"), ("earth", "a planet")]),
        ("zoom in on 2 forests", [("forest", "forests")]),
        ("a stone house", [("house", "a stone house")]),
        ("the wing of a butterfly", [("butterfly-wing", "the wing of a butterfly")]),
        ("a bee's eye", [("bee-eye", "a bee's eye")]),
        ("the faceted eyes of a fly", [("fly-eye", "the faceted eyes of a fly")]),
        ("a unicorn (2 m)", []),
        ("ein Blatt", []),
        ("citylike leafless", []),
        ("", []),
    ],
)  # fmt: skip
def test_things_are_found_with_the_words_that_were_said(text, found):
    assert named(text) == found


@pytest.mark.parametrize(
    ("text", "thing", "whole"),
    [
        ("the leaf of an old oak tree", "leaf", "tree"),
        ("an old tree's leaf", "leaf", "tree"),
        ("the trees’ leaves", "leaf", "tree"),
        ("tree leaf", "leaf", "tree"),
        ("the roofs of a city", "roof", "city"),
        ("leaf cell nucleus", "cell-nucleus", "leaf"),
    ],
)
def test_a_part_said_with_its_whole_is_one_thing(text, thing, whole):
    (found,) = find(text)
    assert (found.thing.id, found.of and found.of.id, found.words) == (thing, whole, text)


def test_a_whole_of_something_smaller_is_two_things():
    assert [f.thing.id for f in find("a forest of leaves")] == ["forest", "leaf"]


@given(
    st.text() | st.lists(st.sampled_from([n for n, _ in NAMES] + ["of", "'s", "a", "to", "-", ",", "\n"])).map(" ".join)
)
def test_whatever_text_comes_its_finds_lie_in_order_and_apart(text):
    end = 0
    for found in find(text):
        assert end <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == found.words
        assert found.of is None or found.of.size_m > found.thing.size_m
        end = found.end


@pytest.mark.parametrize(
    ("word", "name"), [("galxy", "galaxy"), ("a big galxy clustr", "galaxy cluster"), ("Forrest", "forest")]
)
def test_the_nearest_names_of_a_misspelt_word(word, name):
    assert nearest(word)[0] == name
    assert len(nearest(word, 2)) <= 2


@given(st.text(max_size=40))
def test_nearest_names_are_names_of_the_ladder(word):
    assert set(nearest(word)) <= {name for name, _ in NAMES}


@pytest.mark.parametrize(
    ("word", "many"),
    [("leaf", "leaves"), ("galaxy", "galaxies"), ("nebula", "nebulae"), ("roof", "roofs"), ("nucleus", "nuclei"),
     ("person", "people"), ("valley", "valleys"), ("virus", "viruses"), ("snowflake", "snowflakes")],
)  # fmt: skip
def test_plurals_in_use(word, many):
    assert many in plurals(word)
