"""What holds for any input: refusals are StoryErrors, dumping and parsing invert each other, readers agree."""

import json
import math
import string

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prompts import Level, Story, StoryError, checks, dump_story, load_story, parse_story
from prompts.json_reader import read_json
from prompts.yaml_reader import read_yaml

settings.register_profile("patient", deadline=None)  # other work may keep the machine busy
settings.load_profile("patient")

YAMLISH = "title: p levels prompt width_m focus -[]{}'\",#&*!|>%@`~?\\\n\t 0123456789.eE+no"
CHARACTERS = st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from("\u200d\U000e0001\t\n:#'\"-")
TEXT = st.text(CHARACTERS, max_size=20)
SAID = st.builds(lambda a, letter, b: " ".join(f"{a}{letter}{b}".split()), TEXT, st.sampled_from("ayn0é本"), TEXT)
TITLES = SAID.map(lambda text: text.translate(dict.fromkeys(map(ord, "/\\."), "-")))
FRACTION = st.floats(0, 1)


@st.composite
def levels(draw, p):
    count = draw(st.integers(2, 5))
    widths = [draw(st.floats(1e-5, 1e26))]
    while len(widths) < count:
        widths.append(widths[-1] / p / draw(st.floats(0.95, 1.05)))
    return [
        Level(
            prompt=draw(SAID),
            width_m=draw(st.sampled_from([None, width])),
            negative=draw(st.none() | st.just("") | SAID),
            focus=draw(st.none() | st.tuples(FRACTION, FRACTION)),
            image=draw(st.sampled_from([None, "a  b.png", " x", "é/1"])),
            seed=draw(st.none() | st.integers(0, checks.MAX_SEED)),
        )
        for width in widths
    ]


@st.composite
def stories(draw):
    p = draw(st.sampled_from([2, 3, 4, 1.5]))
    words = st.just("") | SAID
    return Story(
        title=draw(TITLES), p=p, about=draw(words), viewpoint=draw(words), style=draw(words), negative=draw(words),
        loop=draw(st.booleans()), levels=draw(levels(p)),
    )  # fmt: skip


@given(stories())
def test_dumping_and_parsing_invert_each_other(story):
    text = dump_story(story)
    assert parse_story(text) == story
    assert dump_story(parse_story(text)) == text
    assert parse_story(story.model_dump_json(), "s.json") == story
    assert parse_story(json.dumps(story.model_dump(mode="json"), indent=1), "s.yaml") == story


@given(stories())
def test_other_yaml_readers_see_the_same_texts(story):
    read = yaml.safe_load(dump_story(story))
    prompts = [level if isinstance(level, str) else level["prompt"] for level in read["levels"]]
    assert (read["title"], prompts) == (story.title, [level.prompt for level in story.levels])


def refused(read, *args):
    """The StoryError that reading ends in, or None where a story comes out."""
    try:
        assert isinstance(read(*args), Story)
    except StoryError as error:
        return error
    return None


@given(st.text() | st.text(YAMLISH, max_size=300), st.sampled_from(["s.yaml", "s.json", "s"]))
@settings(max_examples=300)
def test_any_text_is_a_story_or_a_story_error(text, source):
    if error := refused(parse_story, text, source):
        lines = text.count("\n") + text.count("\r") + 1
        assert error.problems
        assert all(p.reason and p.remedy for p in error.problems)
        assert all(p.line is None or 1 <= p.line <= lines for p in error.problems)
        assert str(error).replace("\n", "").isprintable()


@given(st.binary(max_size=200))
def test_any_file_is_a_story_or_a_story_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    error = refused(load_story, path)
    assert error is None or str(path) in str(error)


@given(st.text(max_size=60).filter(lambda name: name != "-"))
def test_any_name_is_a_story_or_a_story_error(name):
    error = refused(load_story, name)
    assert error is None or str(error).replace("\n", "").isprintable()


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
KEYS = st.sampled_from([*Story.model_fields, *Level.model_fields]) | st.text(max_size=5)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
LEVEL = st.fixed_dictionaries({"prompt": SAID}, optional={"width_m": st.floats(1, 1e3), "focus": DATA, "seed": DATA})
LIKELY = st.fixed_dictionaries(
    {"title": st.just("A") | DATA, "p": st.just(2) | DATA, "levels": st.lists(SAID | LEVEL, max_size=3) | DATA},
    optional={"loop": st.booleans() | DATA, "style": SAID | DATA, "negative": DATA},
)


@given(LIKELY)
@settings(max_examples=300)
def test_parsing_refuses_exactly_what_the_value_refuses(data):
    text = json.dumps(data)
    try:
        value = Story.model_validate(json.loads(text))
    except ValidationError:
        value = None
    error = refused(parse_story, text, "s.json")
    assert (error is None) == (value is not None)
    if value is not None:
        assert parse_story(text, "s.json") == value


PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS.filter(lambda n: abs(n) < 1e14)
    | st.text(string.digits + string.ascii_letters + string.punctuation + " \n\t", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner),
    max_leaves=12,
)  # fmt: skip


@given(PLAIN)
def test_both_readers_read_what_json_writes(data):
    text = json.dumps(data)
    for read in (read_json, read_yaml):
        node, problems = read(text, "s")
        assert (node.plain(), problems) == (data, [])


@given(PLAIN)
def test_block_yaml_reads_as_pyyaml_wrote_it(data):
    node, problems = read_yaml(yaml.safe_dump(data, sort_keys=False), "s")
    assert problems == []
    assert _with_our_numbers(node.plain()) == _with_our_numbers(data)


def _with_our_numbers(data):
    """Texts such as '1e5', which YAML 1.1 leaves unquoted, as the numbers that they are in YAML 1.2."""
    if isinstance(data, dict):
        return {key: _with_our_numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_our_numbers(value) for value in data]
    try:
        return float(data) if isinstance(data, str) and math.isfinite(float(data)) else data
    except ValueError:
        return data
