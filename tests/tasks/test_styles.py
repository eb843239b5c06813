"""Styles by configuration: they take the place of the story's own, and change nothing else."""

import re

import pytest

from prompts import Story
from tasks.errors import RefusedError
from tasks.plan import prepare
from tasks.specs import parse_config, setting_paths, with_settings
from tasks.styles import style_of, styled, styles
from tests.doubles.painter import Studio

STORY = Story.model_validate(
    {
        "title": "Dots",
        "p": 2,
        "viewpoint": "from above",
        "style": "in oil",
        "negative": "letters",
        "levels": ["a red galaxy", {"prompt": "a blue planet", "negative": "a moon"}],
    }
)


def config(style):
    return parse_config({"style": style})


def test_a_named_style_takes_the_place_of_the_storys():
    ink = styles()["ink"]
    story = styled(config("ink"), STORY)
    assert story.prompts() == tuple(f"{what}, from above, {ink.words}" for what in ("a red galaxy", "a blue planet"))
    assert story.negatives() == (f"letters, {ink.negative}", "a moon")
    assert styled(config("Ink "), STORY) == story
    assert styled(config("ink"), story) == story, "a run that is continued is not styled twice"
    assert story.model_copy(update={"style": STORY.style, "negative": STORY.negative}) == STORY


def test_words_of_ones_own_and_no_style_at_all():
    assert styled(config("in felt, softly lit"), STORY).prompts()[0] == "a red galaxy, from above, in felt, softly lit"
    assert styled(config("none"), STORY).prompts()[0] == "a red galaxy, from above"
    assert styled(parse_config({}), STORY) is STORY
    assert styled(config("embroidery"), STORY).style == "embroidery"


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("watercolor", "Did you mean watercolour"),
        ("x," * 400, "style cannot be used"),
        ("x" * 1001, "style was refused"),
    ],
)
def test_what_cannot_be_a_style_is_refused(style, words):
    with pytest.raises(RefusedError, match=words):
        styled(config(style), STORY)


def test_a_run_draws_and_records_the_styled_story(tmp_path):
    """Another style is another run; the story that is recorded has the style's words."""
    tools = Studio().tools()
    runs = {style: prepare(config(style), STORY, tmp_path, tools) for style in (None, "ink", "clay")}
    assert len({run.id for run in runs.values()}) == 3
    assert runs["ink"].story.style == styles()["ink"].words
    assert runs[None].story == STORY
    assert with_settings(parse_config({}), ["style=ink"]).style == "ink"
    assert "style" in setting_paths()


def test_the_table_says_how_and_never_what():
    """Names can be typed, words are short enough to leave room for a prompt, and no style sets a viewpoint."""
    for name, style in styles().items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert style_of(name) == style
        assert 3 <= len(style.words.split()) <= 14
        assert style.negative
        assert not re.search(r"\b(view|close-up|aerial|macro|above|below|wide|top-down)\b", style.words)


def test_the_command_lists_them(capsys):
    from flows.information import styles as listed

    listed()
    shown = capsys.readouterr().out
    assert all(name in shown for name in styles())
