"""Stories in the words of the bundled model: only what its world teaches, for any wish."""

import random
import re
from itertools import pairwise

import pytest

from benchmarks.planning import wishes
from prompts import PlanError, PlanRequest, make_plan, plan
from prompts.offline.data import read
from prompts.scales.ladder import things
from prompts.schedule import check_schedule
from prompts.schedule.tokens import folder_limit
from zoomlib.bundled import folder
from zoomlib.bundled.world.vocabulary import CENTRE_WORDS, CLASSES, COLOUR_NAMES, FAR, NEAR, VIEW_WORDS, phrase

KINDS = {
    phrase(kind, colour, view, variant): kind
    for kind in range(len(CLASSES)) for colour in COLOUR_NAMES for view in (None, NEAR, FAR) for variant in range(6)
}  # fmt: skip


def taught(story):
    """The class of every level, after a look at its words; fails for words that the world does not teach."""
    outer = [story.levels[-1].prompt]
    for level in reversed(story.levels[:-1]):
        ending = f" with {outer[0]} {CENTRE_WORDS[0]}"
        assert level.prompt.endswith(ending)
        outer.insert(0, level.prompt.removesuffix(ending))
    return [KINDS[words] for words in outer]


def test_the_words_are_those_of_the_world():
    words = read("bundled.yaml")
    assert [(c["name"], tuple(c["phrases"])) for c in words["classes"]] == [(c.name, c.phrases) for c in CLASSES]
    assert {*words["hues"], "white"} == set(COLOUR_NAMES)
    assert all({*c["colours"]} <= set(COLOUR_NAMES) for c in words["classes"])
    assert (tuple(words["far"]), tuple(words["near"])) == (VIEW_WORDS[FAR], VIEW_WORDS[NEAR])
    assert words["centre"] == CENTRE_WORDS[0]
    sizes = [float(c["size_m"]) for c in words["classes"]]
    assert sizes == sorted(sizes, reverse=True)


def test_any_wish_is_told_in_the_words_of_the_world():
    limit = folder_limit(folder(), "the bundled model")
    rng = random.Random(4)
    for wish in wishes(200, seed=30):
        levels = wish.levels and rng.randint(1, 24)
        story = make_plan(wish.model_copy(update={"vocabulary": "bundled", "levels": levels}), limit=limit).story
        order = taught(story)
        assert check_schedule(story, limit) == ()
        assert all(a <= b for a, b in pairwise(order))
        assert levels in (None, len(order))
        assert (story.viewpoint, story.style) == ("", "")
        assert {level.width_m for level in story.levels} == {None}


def test_ends_map_through_the_ladder_and_are_told():
    made = make_plan(PlanRequest(text="from a galaxy to a honeybee", vocabulary="bundled"))
    assert taught(made.story)[0] == 1
    assert "galaxy as" not in made.notes[0]
    assert re.search(r"honeybee as \w+", made.notes[0])
    assert taught(plan("from a planet to 2 nm", vocabulary="bundled"))[-1] == len(CLASSES) - 1
    assert {t.bundled for t in things()} - {None} <= {c.name for c in CLASSES}


def test_every_class_between_is_shown_where_levels_reach_and_few_are_spread():
    story = plan("from the cosmic web to an atom", vocabulary="bundled", levels=16)
    assert sorted(set(taught(story))) == list(range(len(CLASSES)))
    assert taught(plan("from the cosmic web to an atom", vocabulary="bundled", levels=2)) == [0, 11]


def test_a_single_thing_has_neighbours_and_a_colour_that_was_said():
    story = plan("a red leaf", vocabulary="bundled")
    assert len(set(taught(story))) > 1
    assert "red leaf" in " ".join(story.prompts())


def test_24_levels_are_always_there_and_too_many_are_refused_with_the_most():
    story = plan("from a forest to a branch", vocabulary="bundled", levels=24)
    assert len({*story.prompts()}) == 24
    with pytest.raises(PlanError, match=r"for 30 different levels from forest to leaves, and 64 were asked for"):
        plan("from a forest to a branch", vocabulary="bundled", levels=64)


def test_viewpoint_and_style_are_left_out_with_a_note():
    made = make_plan(PlanRequest(text="a leaf", vocabulary="bundled", style="woodcut"))
    assert made.story.style == ""
    assert any("left out" in note for note in made.notes)


def test_colours_are_read_where_they_stand_however_the_text_is_spaced():
    said = plan(" " * 40 + "from a red leaf   to  atoms", vocabulary="bundled", levels=4).levels[0].prompt
    assert said.startswith(plan("from a red leaf to atoms", vocabulary="bundled", levels=4).levels[0].prompt)
    assert "red" in said.split(" in the centre")[0]
