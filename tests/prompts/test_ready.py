"""The ready stories, the schema and the documentation of the format."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import yaml

from prompts import StoryError, describe, dump_story, load_story, names, parse_story, schema, slug
from prompts.library import READY
from zoomlib.bundled.world.vocabulary import CENTRE_WORDS, CLASSES, COLOUR_NAMES, FAR, NEAR, phrase

DOCS = Path(__file__).parents[2] / "docs"
BUNDLED = ("autumn-crystal", "cosmic-leaf", "star-island", "whole-ladder")
SCHEMA = jsonschema.Draft202012Validator(schema())
KINDS = {
    phrase(kind, colour, view, variant): CLASSES[kind].name
    for kind in range(len(CLASSES)) for colour in (None, *COLOUR_NAMES)
    for view in (None, NEAR, FAR) for variant in range(6)
}  # fmt: skip


def test_there_are_enough_of_either_kind():
    assert len(names()) >= 12
    assert set(BUNDLED) < set(names())
    assert {load_story(name).p for name in names()} == {2, 4}


@pytest.mark.parametrize("name", names())
def test_a_ready_story_is_complete(name):
    story = load_story(name)
    assert story.about
    assert 6 <= len(story.levels) <= 16
    assert slug(name) == name
    assert parse_story(dump_story(story)) == story
    if name in (*BUNDLED, "endless-gallery"):
        assert all(level.width_m is None for level in story.levels)
    else:
        assert all(level.width_m for level in story.levels)
        assert story.viewpoint
        assert story.style


@pytest.mark.parametrize("name", names())
def test_prompts_fit_text_encoders_and_name_their_centre(name):
    story = load_story(name)
    assert all(len(prompt.split()) <= 45 for prompt in story.prompts())
    assert all(re.search(r"\bcentre\b", level.prompt) for level in story.levels[:-1])
    assert len(set(story.prompts())) == len(story.levels)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_stories_speak_the_worlds_words_and_nest(name):
    """Level i is "<phrase> with <the phrase of level i + 1> in the centre", and classes never go back."""
    story = load_story(name)
    assert "vocabulary of the bundled model" in story.about
    outer = [story.levels[-1].prompt]
    for level in reversed(story.levels[:-1]):
        ending = f" with {outer[0]} {CENTRE_WORDS[0]}"
        assert level.prompt.endswith(ending)
        outer.insert(0, level.prompt.removesuffix(ending))
    order = [[kind.name for kind in CLASSES].index(KINDS[words]) for words in outer]
    assert all(b - a in (0, 1) for a, b in pairwise(order))


def test_the_whole_ladder_has_every_class():
    story = load_story("whole-ladder")
    assert {kind for words, kind in KINDS.items() for level in story.levels if level.prompt.startswith(words)} == {
        kind.name for kind in CLASSES
    }


def test_descriptions_agree_with_the_stories():
    assert [row.name for row in describe()] == list(names())
    for row in describe():
        story = load_story(row.name)
        assert (row.title, row.levels, row.p, row.about) == (story.title, len(story.levels), story.p, story.about)


def test_the_schema_file_is_current_and_printed_by_the_module():
    written = (DOCS / "story.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == schema()
    printed = subprocess.run([sys.executable, "-m", "prompts"], capture_output=True, check=True, cwd=DOCS.parent)
    assert printed.stdout.decode() == written


def test_the_schema_is_one_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(schema())
    for part in (schema(), schema()["$defs"]["Level"]):
        assert all("description" in entry for entry in part["properties"].values())
        assert part["additionalProperties"] is False


@pytest.mark.parametrize("name", names())
def test_the_schema_accepts_the_ready_stories(name):
    SCHEMA.validate(yaml.safe_load((READY / f"{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""}, {"title": None}, {"title": "a" * 121}, {"p": 1}, {"p": 17}, {"p": "2"}, {"levels": []},
        {"levels": ["a"] * 65}, {"levels": [""]}, {"levels": ["a" * 1001]}, {"levels": [{"prompt": "a", "x": 1}]},
        {"levels": [{"width_m": 1}]}, {"levels": [{"prompt": "a", "width_m": 0}]}, {"size": 3}, {"loop": "yes"},
        {"levels": [{"prompt": "a", "focus": [0.5]}]}, {"levels": [{"prompt": "a", "focus": [0.5, 2]}]},
        {"levels": [{"prompt": "a", "seed": 1.5}]}, {"levels": [{"prompt": "a", "seed": -1}]}, {"style": 3},
    ],
)  # fmt: skip
def test_the_schema_and_the_parser_refuse_the_same(change):
    good = {"title": "A", "p": 2, "levels": ["a", {"prompt": "b", "focus": [0.5, 0.5], "seed": 1, "width_m": 2}]}
    SCHEMA.validate(good)
    parse_story(json.dumps(good))
    assert not SCHEMA.is_valid({**good, **change})
    with pytest.raises(StoryError):
        parse_story(json.dumps({**good, **change}))


def test_the_documentation_holds():
    text = (DOCS / "stories.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    assert len(parse_story(example, "harbour.yaml").levels) == 4
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d \| \d+) \|", text, re.MULTILINE))
    assert rows == {row.name: f"{row.p} | {row.levels}" for row in describe()}
    shown = text.split("```\nharbour.yaml has")[1].split("```")[0]
    with pytest.raises(StoryError) as caught:
        parse_story("title: H\np: 1\nlevels:\n  - a\n  - promt: b", "harbour.yaml")
    assert str(caught.value) == f"harbour.yaml has{shown.rstrip()}"
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert keys >= schema()["properties"].keys() | schema()["$defs"]["Level"]["properties"].keys()
