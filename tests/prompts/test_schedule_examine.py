"""Everything that is wrong with a story in one list: refusals and violations, with level and line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import names
from prompts.library import READY
from prompts.schedule import TextLimit
from prompts.schedule.examine import Examined, examine, examine_text

GOOD = "title: A\np: 2\nlevels:\n  - a forest with a red barn in the centre\n  - a red barn\n"
SHORT = TextLimit("a small encoder", 6, lambda text: len(text.split()) + 2)


def rows(text, **keys):
    """(level, kind, line) of each fault of a text."""
    return [(r.level, r.kind, r.line) for r in examine_text(text, **keys).rows]


@pytest.mark.parametrize("name", names())
def test_ready_stories_are_sound_by_name_and_by_path(name):
    for source in (name, READY / f"{name}.yaml"):
        done = examine(source)
        assert done.sound
        assert done.rows == ()
        assert done.story.title


def test_violations_of_a_valid_story_have_their_level_and_its_line():
    text = GOOD.replace("a red barn\n", "a logo, 3 cm wide\n")
    assert rows(text) == [(0, "centre", 4), (1, "banned", 5), (1, "banned", 5)]
    assert examine_text(text).story.title == "A"
    assert not examine_text(text).sound


def test_limit_and_banned_words_are_passed_on():
    assert rows(GOOD, limit=SHORT) == [(0, "length", 4)]
    assert rows(GOOD, banned=["barns"]) == [(0, "banned", 4), (1, "banned", 5)]


def test_refusals_and_the_faults_of_the_words_stand_together():
    text = (
        "title: ../A\np: 2\nsty: photo\nlevels:\n"
        "  - prompt: a forest, 3 km wide, a lake in the centre\n    width_m: 100\n"
        "  - prompt: a castle\n    width_m: 90\n    focuss: 3\n"
        "  - prompt: a castle with a logo\n    width_m: -4\n"
    )
    assert rows(text) == [
        (None, "format", 1), (None, "format", 3), (0, "centre", 5), (0, "banned", 5),
        (1, "format", 8), (1, "format", 9), (2, "format", 11), (2, "banned", 10),
    ]  # fmt: skip
    done = examine_text(text)
    assert done.story is None
    assert [r.what.split(":")[0] for r in done.rows if r.level == 1] == ["width_m", "focuss"]


def test_what_a_story_needs_and_lacks_does_not_hide_its_words():
    assert rows("levels:\n  - a logo\n") == [(None, "format", 1), (None, "format", 1), (0, "banned", 2)]
    assert rows("title: A\np: 2\nlevels:\n  - prompt: ''\n  - a logo\n") == [(0, "format", 4)]  # its prompts are faulty


@pytest.mark.parametrize("text", ["", "- a\n", "title: [", '{"title": ', "a", "levels: 3", "levels: {0: a}", "p: {}"])
def test_what_is_no_story_at_all_is_told_as_such(text):
    done = examine_text(text)
    assert done.story is None
    assert done.rows
    assert {r.kind for r in done.rows} == {"format"}


def test_a_file_that_is_not_there_or_no_text_is_a_row(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\0\xff\xfe")
    for source in ("galaxy-to-stat", tmp_path, tmp_path / "none.yaml", tmp_path / "binary.yaml"):
        (row,) = examine(source).rows
        assert (row.level, row.kind) == (None, "format")
        assert row.what
        assert row.remedy


def test_pictures_are_looked_up_from_the_storys_folder(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.replace("- a red barn", "- prompt: a red barn\n    image: b.png"))
    (row,) = examine(tmp_path / "a.yaml").rows
    assert (row.level, row.line) == (1, 6)
    assert row.what.startswith("image: There is no picture 'b.png'")


LINES = st.sampled_from(
    [*GOOD.splitlines(), "    width_m: 8", "  - prompt: a logo", "    seed: x", "style: 3 cm", "p: 1", "# a"]
)


@given(st.lists(LINES, max_size=12).map("\n".join) | st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_story_or_rows(text):
    done = examine_text(text)
    assert isinstance(done, Examined)
    assert done.story is not None or done.rows
    assert all(r.what and r.remedy and (r.what + r.remedy).isprintable() for r in done.rows)
    assert all(r.line is None or 1 <= r.line <= text.count("\n") + text.count("\r") + 1 for r in done.rows)
    levels = [-1 if r.level is None else r.level for r in done.rows]
    assert levels == sorted(levels)
