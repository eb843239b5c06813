"""What the offline planner understands of a wish: things, lengths, own sizes, orders, words that it does not know."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import PlanError, PlanRequest, make_plan
from prompts.offline.stops import stops
from prompts.offline.understanding import ends_m, understand
from prompts.scales.ladder import thing, things


def named(text, **wish):
    return [stop.thing.id if stop.thing else stop.width_m for stop in understand(PlanRequest(text=text, **wish)).stops]


def refusal(text, **wish):
    with pytest.raises(PlanError) as caught:
        understand(PlanRequest(text=text, **wish))
    assert caught.value.draft is None
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "from a forest to a leaf", "From a FOREST to a leaf.", "a forest to a leaf", "forest -> leaf", "forest → leaf",
        "between a leaf and a forest", "from a forest into a leaf", "a forest and a leaf", "forests, leaves",
        "I want to zoom from the forest all the way down to a single leaf, please!",
    ],
)  # fmt: skip
def test_two_things_are_found_in_any_form(text):
    assert named(text) == ["forest", "leaf"]


def test_ways_keep_what_lies_between_and_a_free_sentence_its_things():
    assert named("from a city via a forest to a quark") == ["city", "forest", "quark"]
    assert named("start above a continent, fall into a forest and end at a proton") == ["continent", "forest", "proton"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10 km to 1 mm", [1e4, 1e-3]),
        ("from 10 km to a leaf", [1e4, "leaf"]),
        ("from a forest to 2 µm", ["forest", 2e-6]),
        ("from 3 light years to half a metre", [3 * 9.4607304725808e15, 0.5]),
    ],
)
def test_lengths_are_ends(text, expected):
    found = named(text)
    assert [type(stop) for stop in found] == [type(stop) for stop in expected]
    assert all(
        a == b if isinstance(b, str) else a == pytest.approx(b, rel=1e-9) for a, b in zip(found, expected, strict=True)
    )


def test_widths_asked_for_apart_are_the_ends_and_things_lie_between():
    assert named("", widths_m=(10, 0.001)) == [10, 0.001]
    assert named("a leaf", widths_m=(10, 0.001)) == [10, "leaf", 0.001]
    wish = understand(PlanRequest(text="a galaxy", widths_m=(0.001, 10)))
    assert [stop.size_m for stop in wish.stops] == [10, 0.001]
    assert any("left out" in note for note in wish.notes)
    assert any("--direction out" in note for note in wish.notes)


def test_a_way_outwards_is_turned_with_a_note():
    wish = understand(PlanRequest(text="from a leaf to a forest"))
    assert [stop.thing.id for stop in wish.stops] == ["forest", "leaf"]
    assert any("--direction out" in note for note in wish.notes)
    assert understand(PlanRequest(text="between a leaf and a forest")).notes == ()


def test_own_things_have_the_size_that_was_said():
    unicorn = stops("from a forest to a white unicorn (2 m)")[-1].thing
    assert (unicorn.size_m, unicorn.centre, unicorn.names) == (2.0, "a white unicorn", ("white unicorn",))
    assert [(s.thing.id, s.thing.size_m) for s in stops("a leaf (20 cm wide)")] == [("leaf", 0.2)]
    assert [(s.thing.id, s.thing.size_m) for s in stops("from a forest to a 3 cm leaf")][-1] == ("leaf", 0.03)


def test_the_users_words_are_kept():
    frosty = stops("from a forest to a frosty oak leaf")[-1].thing
    assert frosty.centre == "a frosty oak leaf"
    assert frosty.looks.startswith("a frosty oak leaf ")
    assert stops("the leaf")[0].thing == stops("leaves")[0].thing == thing("leaf")


def test_other_names_of_a_thing_are_kept_and_names_of_its_own_stand_before_what_it_is():
    assert stops("a bee")[0].thing.looks.startswith("a bee with clear wings")
    assert stops("the Milky Way")[0].thing.looks.startswith("the Milky Way with curved blue arms")
    assert stops("Paris")[0].thing.looks.startswith("Paris, a large city of dense blocks")
    assert stops("a galaxy")[0].thing == thing("spiral-galaxy")
    assert stops("oak leaves")[0].thing.looks.startswith("oak leaves with")


def test_a_foreign_word_with_an_apostrophe_is_no_name():
    assert "in English" in refusal("d'une forêt")
    assert named("the sun's surface") == named("the surface of the sun") == ["solar-granule"]


def test_levels_and_factor_may_be_said_in_the_text():
    made = make_plan(PlanRequest(text="from a galaxy to a leaf in 9 levels, p = 4"))
    assert (len(made.story.levels), made.story.p, made.story.title) == (9, 4, "Galaxy to leaf")
    assert not any("left out" in note for note in made.notes)
    assert len(make_plan(PlanRequest(text="a leaf with 12 levels", levels=5)).story.levels) == 5
    assert make_plan(PlanRequest(text="a leaf with a zoom factor of 3")).story.p == 3
    for impossible in ("a leaf in 900 levels", "a leaf, p = 1"):
        with pytest.raises(PlanError, match="Correct these values"):
            make_plan(PlanRequest(text=impossible))


def test_a_loop_is_told_of():
    wish = understand(PlanRequest(text="an endless loop from a forest to a leaf and back again"))
    assert [stop.thing.id for stop in wish.stops] == ["forest", "leaf"]
    assert any("loop: true" in note for note in wish.notes)


def test_unknown_words_are_told_with_near_names_and_remedies():
    said = refusal("from a galxy to a leaf")
    assert re.search(r"'galxy'.*Did you mean 'galaxy'", said)
    for remedy in ("(2 m)", "language model", "10 km"):
        assert remedy in said
    assert "'infinity'" in refusal("from a leaf to infinity")
    assert "'kazoo'" in understand(PlanRequest(text="a kazoo in a house")).notes[0]


@pytest.mark.parametrize(
    "text", ["", "   ", "a the of", "?!", "from to", "von einem Wald zu einem Blatt", "一片叶子", "0 m", "1e400 m"]
)
def test_what_names_nothing_is_refused_with_a_remedy(text):
    assert "from a galaxy to a leaf" in refusal(text)


def test_no_zoom_is_refused():
    assert "no zoom" in refusal("", widths_m=(1, 1))


def test_ends_in_metres_never_raise():
    assert ends_m(PlanRequest(text="from 10 km to 1 mm")) == (1e4, 1e-3)
    assert ends_m(PlanRequest(widths_m=(1, 8))) == (8, 1)
    assert ends_m(PlanRequest(text="from a forest to a leaf")) == pytest.approx(
        (1.2 * thing("forest").size_m, 1.2 * thing("leaf").size_m)
    )
    assert ends_m(PlanRequest(text="a leaf")) is None
    assert ends_m(PlanRequest(text="xyzzy")) is None


SAID = st.sampled_from(
    [name for t in things() for name in t.names] + ["10 km", "2 nm", "a unicorn (3 m)", "xyzzy", "1e99 m"]
)
GLUE = st.sampled_from(
    [" to ", " from ", " -> ", " via ", ", ", " (", ") ", " and ", " of ", " a ", " ", "'s ", "\n", "\x1b"]
)


@given(
    st.text(max_size=60)
    | st.lists(SAID | GLUE | st.text(max_size=3), max_size=12).map(lambda parts: "".join(parts)[:900])
)
@settings(max_examples=250, deadline=None)
def test_any_text_is_a_story_or_our_error(text):
    try:
        said = make_plan(PlanRequest(text=text)).story.levels[0].prompt
    except PlanError as error:
        said = str(error)
    assert said


def test_what_is_not_met_in_the_one_before_gives_way_to_its_kin_that_is():
    assert named("from an elephant to its skin to a cell")[:2] == ["elephant", "elephant-skin"]
    assert named("from my cat to its eye") == ["cat", "cat-eye"]
    assert named("from a bee to its eye") == ["honeybee", "bee-eye"]
    assert named("from a person to an eye") == ["person", "eye"]
    assert named("from a red apple to its cells") == ["apple", "fruit-cell"]
    assert named("from a blue whale to a gear") == ["blue-whale", "gear"]
    assert "soot" in named("from a sword via a soot particle to a tentacle")  # and no alpha particle
    assert named("from a snowfield to a sugar crystal") == ["snowfield", "sugar-crystal"]
