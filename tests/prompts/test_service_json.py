"""The JSON object in what a model wrote: found in whatever stands around it, or refused with the reason."""

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prompts.errors import ReplyError
from prompts.service.json_text import MAX_CHARACTERS, MAX_DEPTH, read_object

SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)
PROSE = st.text(st.characters(blacklist_characters='{}"<'), max_size=30)


def outcome(text: str) -> dict | str:
    """The object, or our error's words."""
    try:
        return read_object(text)
    except ReplyError as error:
        return str(error)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        'Sure:\n```json\n{"a": 1}\n```\nAnything else?',
        '<think>{"a": 2}</think>{"a": 1}',
        'The template swallowed the tag. {"a": 2}</think>\n\n{"a": 1}',
        '<thinking>\n</thinking> {"a": 1}',
        'In {brackets} and {}: {"a": 1}',
        '{"a": 1,}',
        '{"a": 1} {"a": 2}',
        '\ufeff{"a": 1}',
        '{ \n "a"\t:1}',
    ],
)
def test_the_object_is_found_in_what_stands_around_it(text):
    assert read_object(text) == {"a": 1}


def test_line_ends_and_tags_within_texts_stay():
    assert read_object('{"a": "one\ntwo </think> {three}"}') == {"a": "one\ntwo </think> {three}"}
    assert read_object('{"a": "x,]", "b": [1, 2,],}') == {"a": "x,]", "b": [1, 2]}
    assert read_object("It is {} then.") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none stands in the reply"),
        ("I cannot.", "none stands in the reply"),
        ("[1, 2]", "none stands in the reply"),
        ('{"a": 1', "does not end"),
        ('{"levels": [{"a": 1}, {"b": 2}', "does not end"),
        ('{"a": "1', "does not end"),
        ("<think>it goes on", "none stands in the reply"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands twice"),
        ('{"a": NaN}', "holds NaN"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ('{"a": 1e999}', "beyond measure"),
        ('{"a": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"a": one}', "is wrong at 'one"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "nested more than"),
        ('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}", "nested more than"),
        ('{"a": 1, "b": {oops}, "c": {"a": 1}}', "is wrong at"),
        ("x" * (MAX_CHARACTERS + 1), "at most"),
    ],
)
def test_what_is_no_object_is_refused_with_the_reason(text, words):
    with pytest.raises(ReplyError, match=words) as caught:
        read_object(text)
    assert len(str(caught.value)) < 300
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_reply_that_was_cut_off_is_said_to_be():
    with pytest.raises(ReplyError, match=r"does not end.*was cut off"):
        read_object('{"a": 1', cut_off=True)
    assert read_object('{"a": 1} and so', cut_off=True) == {"a": 1}


def test_an_object_may_be_as_deep_as_the_bound():
    depth = MAX_DEPTH - 1
    text = '{"a": ' + "[" * depth + "]" * depth + "}"
    assert read_object(text) == json.loads(text)


@given(OBJECTS, PROSE, PROSE)
def test_every_object_is_read_as_it_was_written(value, before, after):
    assert read_object(f"{before}{json.dumps(value)}{after}") == value
    assert read_object(f"{before}\n```json\n{json.dumps(value, indent=1, ensure_ascii=False)}\n```{after}") == value


@settings(max_examples=300)
@given(st.text() | st.text(st.sampled_from('{}[]",:\\ \nab1e-.<>/think')))
@example('{"a": "\\ud800"}')
@example('{"' * 50)
@example('{"a":1,' * 50)
def test_whatever_comes_is_an_object_or_our_error(text):
    found = outcome(text)
    assert isinstance(found, dict) or found.startswith("Expected one JSON object")


@pytest.mark.parametrize(
    "piece", ["{", '{"', "{}", '{"a":1,', "[", '"', "\\", "<think>", "</think>", ",", "{'a'}", '{"a" 1}']
)
def test_no_text_takes_long(piece):
    began = time.perf_counter()
    outcome(piece * (MAX_CHARACTERS // len(piece)))
    assert time.perf_counter() - began < 5
