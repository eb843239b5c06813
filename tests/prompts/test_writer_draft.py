"""Replies read as drafts: whatever text comes, levels with words come of it or our error."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import checks
from prompts.errors import PlanError, ReplyError
from prompts.request import PlanRequest
from prompts.story import Story
from prompts.text import dump_story, parse_story
from prompts.writer import parse_reply
from prompts.writer.draft import MAX_ROWS, Draft, metres, read_draft
from prompts.writer.salvage import completed

LEVELS = [
    {"width_m": 64.0, "prompt": "a meadow with an oak in the centre", "subject": "a meadow"},
    {"width_m": 16.0, "prompt": "an oak with a bough in the centre", "subject": "an oak"},
    {"width_m": 4.0, "prompt": "a mossy bough", "subject": "a bough"},
]
WHOLE = {"title": "Oak", "viewpoint": "seen from the side", "style": "photograph", "negative": "", "levels": LEVELS}
TEXT = json.dumps(WHOLE, indent=1)


def widths(draft: Draft) -> list[float | None]:
    return [row.width_m for row in draft.rows]


def test_a_reply_as_asked_is_read_whole():
    draft = read_draft(TEXT)
    assert (draft.title, draft.viewpoint, draft.style, draft.negative) == (
        "Oak",
        "seen from the side",
        "photograph",
        "",
    )
    assert [row.prompt for row in draft.rows] == [level["prompt"] for level in LEVELS]
    assert [row.subject for row in draft.rows] == [level["subject"] for level in LEVELS]
    assert widths(draft) == [64.0, 16.0, 4.0]


@pytest.mark.parametrize(
    "reply",
    [
        f"Certainly! Here is the schedule:\n{TEXT}\nI hope that you like it.",
        f"```json\n{TEXT}\n```",
        f"<think>Is a meadow {{wide}}?</think>\n{TEXT}",
        json.dumps({"story": WHOLE}),
        json.dumps({"result": {"schedule": LEVELS, "title": "Oak"}}),
        json.dumps({"Scenes": [{"Description": r["prompt"], "Field of view": f"{r['width_m']:g} m"} for r in LEVELS]}),
        json.dumps(LEVELS),
        f"Here are the levels [as asked]:\n```json\n{json.dumps(LEVELS)}\n```\nDone.",
        json.dumps({"levels": {str(i): row for i, row in enumerate(LEVELS)}}),
    ],
    ids=[
        "prose",
        "fence",
        "thoughts",
        "wrapped",
        "twice wrapped",
        "other names",
        "list",
        "fenced list",
        "map of levels",
    ],
)
def test_decorated_and_renamed_replies_hold_the_same_levels(reply):
    draft = read_draft(reply)
    assert [row.prompt for row in draft.rows] == [level["prompt"] for level in LEVELS]
    assert widths(draft) == [64.0, 16.0, 4.0]


def test_levels_as_plain_texts_have_no_widths():
    draft = read_draft(json.dumps({"levels": ["a meadow", "an oak"]}))
    assert [row.prompt for row in draft.rows] == ["a meadow", "an oak"]
    assert widths(draft) == [None, None]


def test_of_a_reply_that_breaks_off_every_whole_level_is_kept():
    whole = json.dumps(WHOLE)
    ends = [whole.index(json.dumps(level)) + len(json.dumps(level)) for level in LEVELS]
    for cut in range(len(whole)):
        kept = sum(end <= cut for end in ends)
        try:
            assert len(read_draft(whole[:cut]).rows) == kept
        except ReplyError:
            assert kept == 0


@pytest.mark.parametrize(
    "reply",
    ["", "I cannot help with that.", "{}", "[]", "null", '{"levels": []}', '{"levels": [{"prompt": ""}]}', "{" * 9999],
)
def test_what_holds_no_level_is_refused_with_a_sentence(reply):
    with pytest.raises(ReplyError, match=r"\w+.*\."):
        read_draft(reply)


@pytest.mark.parametrize(
    "spoilt", ['{"levels": [], "levels": ["a fox"]}', '{"levels": [{"prompt": "a fox", "width_m": NaN}]}']
)
def test_an_object_that_ends_and_is_no_sound_one_is_refused_and_not_guessed(spoilt):
    with pytest.raises(ReplyError):
        read_draft(spoilt)


def test_what_a_story_may_not_hold_never_gets_into_a_draft():
    row = {"prompt": "a\x1b[31m red\u202e fox\ud800 " + "x " * 4000, "width_m": 1, "subject": ["no", "text"]}
    (found,) = read_draft(json.dumps({"title": "../../etc/passwd", "levels": [row]})).rows
    assert checks.text(found.prompt, checks.MAX_PROMPT) == found.prompt
    assert found.prompt.startswith("a red fox x x")
    assert found.subject == ""
    assert checks.title(read_draft(json.dumps({"title": "../../etc/passwd", "levels": [row]})).title) == "etc passwd"


@pytest.mark.parametrize(
    ("said", "width"),
    [(4, 4.0), ("4", 4.0), ("4 km", 4000.0), ("2.5e-6", 2.5e-6), ("1e21 m", 1e21), ("wide", None), (True, None),
     (None, None), (0, None), (-3, None), (math.inf, None), (math.nan, None), (10**400, None), ([4], None),
     ("nan", None)],
)  # fmt: skip
def test_widths_are_metres_or_nothing(said, width):
    assert metres(said) == (None if width is None else pytest.approx(width))


@pytest.mark.parametrize(
    ("said", "prompt"),
    [("Level 3: a red fox", "a red fox"), ("3. **a red fox**", "a red fox"), ("scene 12 - a fox", "a fox"),
     ("## 4) `a fox`", "a fox"), ("3.5 foxes", "3.5 foxes"), ("12 foxes: a pack", "12 foxes: a pack"),
     ("level ground, a fox", "level ground, a fox")],
)  # fmt: skip
def test_numbers_and_marks_of_a_list_are_no_part_of_a_prompt(said, prompt):
    assert read_draft(json.dumps({"levels": [said]})).rows[0].prompt == prompt


def test_no_more_rows_than_a_schedule_with_doubled_levels_are_read():
    assert len(read_draft(json.dumps({"levels": ["a fox"] * 5000})).rows) == MAX_ROWS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.text(max_size=60) | json_values,
        "width_m": st.floats() | st.integers() | st.sampled_from(["4 km", "wide", "1e400"]) | json_values,
        "subject": st.text(max_size=20) | json_values,
        "level": st.integers(-3, 70) | json_values,
    },
)
schedules = st.fixed_dictionaries(
    {"levels": st.lists(rows | st.text(max_size=40) | json_values, max_size=12)},
    optional={name: st.text(max_size=40) | json_values for name in ("title", "viewpoint", "style", "negative")},
)
replies = (
    st.text(max_size=300)
    | st.builds(json.dumps, schedules)
    | st.builds(lambda found, after: f"{json.dumps(found['levels'])}{after}", schedules, st.text())
    | st.builds(lambda found, before, after: f"{before}{json.dumps(found)}{after}", schedules, st.text(), st.text())
    | st.builds(
        lambda found, share: json.dumps(found)[: int(share * len(json.dumps(found)))], schedules, st.floats(0, 1)
    )
)
requests = st.builds(
    PlanRequest,
    text=st.sampled_from(["from a galaxy to a leaf cell", "a unicorn's dream", "von Berg zu Tal", ""]),
    levels=st.none() | st.integers(1, 64),
    p=st.none() | st.sampled_from([1.5, 2, 4, 10, 16]),
    widths_m=st.none() | st.sampled_from([(1e4, 1e-3), (4096.0, 1.0), (1e27, 1e-18), (2.0, 1.0)]),
    style=st.none() | st.text(max_size=20),
    title=st.none() | st.text(max_size=20),
)


@settings(max_examples=250, deadline=None)
@given(replies, requests)
def test_whatever_text_comes_it_is_a_valid_story_or_our_error(reply, request_):
    try:
        story = parse_reply(reply, request_)
    except (ReplyError, PlanError):
        return
    assert Story.model_validate(story.model_dump()) == story
    assert parse_story(dump_story(story)) == story
    assert request_.levels is None or len(story.levels) <= request_.levels


@settings(max_examples=200, deadline=None)
@given(json_values, st.floats(0, 1))
def test_what_is_salvaged_of_a_cut_text_is_an_object_that_json_knows(value, share):
    text = json.dumps({"a": value, "b": [value]})
    found = completed(text[: int(share * len(text))])
    assert found is None or json.loads(json.dumps(found)) is not None
