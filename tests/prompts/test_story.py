"""The value: defaults, style words, immutability, and the checks that hold however a story is made."""

import math

import pytest
from pydantic import ValidationError

from prompts import Level, Story, dump_story, parse_story


def story(**fields):
    return Story(**{"title": "A walk", "p": 2, "levels": ["a house", "a door"], **fields})


def test_the_least_story_has_plain_defaults():
    made = story()
    assert made.levels == (Level(prompt="a house"), Level(prompt="a door"))
    assert (made.about, made.viewpoint, made.style, made.negative, made.loop) == ("", "", "", "", False)
    level = made.levels[0]
    assert (level.width_m, level.negative, level.focus, level.image, level.seed) == (None,) * 5


def test_viewpoint_and_style_follow_every_prompt():
    assert story().prompts() == ("a house", "a door")
    assert story(style="ink").prompts() == ("a house, ink", "a door, ink")
    both = story(style="ink", viewpoint="from above")
    assert both.prompts() == ("a house, from above, ink", "a door, from above, ink")


def test_a_levels_negative_replaces_the_storys():
    levels = ["a", {"prompt": "b", "negative": "fog"}, {"prompt": "c", "negative": ""}]
    assert story(negative="text", levels=levels).negatives() == ("text", "fog", "")


def test_focus_is_listed_for_every_level():
    assert story(levels=[{"prompt": "a", "focus": [0.25, 1]}, "b"]).focus() == ((0.25, 1.0), None)


def test_stories_are_immutable_and_hashable():
    made = story()
    with pytest.raises(ValidationError):
        made.p = 3
    with pytest.raises(ValidationError):
        made.levels[0].prompt = "x"
    assert hash(made) == hash(story())


@pytest.mark.parametrize(("given", "kept"), [(2, int), (2.0, int), (2.5, float), (16, int)])
def test_a_whole_zoom_factor_is_an_integer(given, kept):
    p = story(p=given).p
    assert p == given
    assert type(p) is kept


@pytest.mark.parametrize("p", [1, 0, -2, 16.001, 1e9, 10**400, math.nan, math.inf, True, "2", None, [2]])
def test_other_zoom_factors_are_refused(p):
    with pytest.raises(ValidationError):
        story(p=p)


@pytest.mark.parametrize(
    "fields",
    [
        {"levels": []},
        {"levels": ["x"] * 65},
        {"levels": "a house"},
        {"levels": [{"prompt": "x", "text": "y"}]},
        {"levels": ["x"], "loop": True},
        {"loop": 1},
        {"title": "a/b"},
        {"model": "big"},
        {"style": 3},
        {"levels": [{"prompt": "a", "seed": True}]},
        {"levels": [{"prompt": "a", "seed": -1}]},
        {"levels": [{"prompt": "a", "width_m": 0}]},
        {"levels": [{"prompt": "a", "focus": [0.5, 1.01]}]},
    ],
)
def test_values_out_of_bounds_are_refused(fields):
    with pytest.raises(ValidationError):
        story(**fields)


def test_bounds_themselves_are_allowed():
    assert len(story(levels=["x"] * 64).levels) == 64
    assert len(story(levels=["x"]).levels) == 1
    assert len(story(levels=["w" * 1000]).levels[0].prompt) == 1000


def test_white_space_becomes_single_spaces():
    assert story(levels=["  a\n big\t\thouse\r\n"]).levels[0].prompt == "a big house"


def widths(p, *metres):
    return story(p=p, levels=[{"prompt": "x", "width_m": m} if m else "x" for m in metres])


def test_widths_agree_with_p_within_a_tenth():
    assert widths(4, 1000, 250, 62.5).levels[2].width_m == 62.5
    widths(2, 1000, 1000 / 2.19, 1000 / 2.19 / 1.81)  # 9.5 % above p, then 9.5 % below
    for step in (2.21, 1.79):
        with pytest.raises(ValidationError, match="each step"):
            widths(2, 1000, 1000 / step)


def test_a_gap_in_the_widths_counts_its_levels():
    widths(2, 800, None, None, 100)
    with pytest.raises(ValidationError, match="each step"):
        widths(2, 800, None, 100)


@pytest.mark.parametrize("second", [1000, 2000])
def test_widths_must_shrink(second):
    with pytest.raises(ValidationError, match="not narrower"):
        widths(2, 1000, second)


def test_dumping_leaves_out_defaults_and_keeps_the_shorthand():
    made = story(levels=["a", {"prompt": "b", "focus": (0.25, 0.5)}])
    assert dump_story(made).splitlines() == [
        "title: A walk", "p: 2", "levels:", "- a", "- prompt: b", "  focus: [0.25, 0.5]",
    ]  # fmt: skip


WORDS = ("no", "Yes", "null", "~", "1e26", "2", "0x1F", "1:30", "2001-01-01", "a: b", "a #b", "- a", ".inf", "=", "<<")


@pytest.mark.parametrize("word", WORDS)
def test_words_with_a_meaning_in_yaml_survive_as_texts(word):
    made = story(title="T", style=word, levels=[f"x {word}"])
    assert parse_story(dump_story(made)) == made
