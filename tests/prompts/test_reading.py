"""Where stories come from: names, files, standard input; encodings; JSON and YAML alike; texts made to do harm."""

import io
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from prompts import Level, Story, StoryError, dump_story, load_story, names, parse_story

TEXT = "title: A walk\np: 2\nlevels:\n- a café 🌍\n- prompt: a door\n  width_m: 1e26\n"
STORY = Story(title="A walk", p=2, levels=["a café 🌍", {"prompt": "a door", "width_m": 1e26}])


def refusal(source):
    with pytest.raises(StoryError) as caught:
        load_story(source)
    return str(caught.value)


def test_the_same_story_from_yaml_and_json():
    data = {"title": "A walk", "p": 2, "levels": ["a café 🌍", {"prompt": "a door", "width_m": 1e26}]}
    assert parse_story(TEXT, "walk.yaml") == STORY
    assert parse_story(json.dumps(data), "walk.json") == STORY
    assert parse_story(json.dumps(data, ensure_ascii=False, indent="\t")) == STORY
    assert parse_story(json.dumps(data), "walk.yaml") == STORY  # JSON is YAML
    assert parse_story('{title: A walk, p: 2, levels: ["a café 🌍", {prompt: a door, width_m: 1e26}]}') == STORY


@pytest.mark.parametrize("name", ["walk.yaml", "walk.yml", "walk.txt", "walk"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_with_any_line_end_and_with_or_without_a_mark(tmp_path, name, ending, mark):
    (tmp_path / name).write_bytes((mark + TEXT.replace("\n", ending)).encode())
    assert load_story(tmp_path / name) == STORY
    assert load_story(str(tmp_path / name)) == STORY


def test_a_ready_story_goes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(names()[0]).write_text(TEXT, encoding="utf-8")
    assert load_story(names()[0]) != STORY
    assert load_story(f"./{names()[0]}") == STORY
    assert load_story(Path(names()[0])) == STORY


class Input:
    def __init__(self, data=b"", terminal=False, error=None):
        self.buffer, self.closed, self.terminal, self.error = self, False, terminal, error
        self.data = io.BytesIO(data)

    def isatty(self):
        return self.terminal

    def read(self, size):
        if self.error:
            raise self.error
        return self.data.read(size)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Input(TEXT.encode()))
    assert load_story("-") == STORY


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        (Input(b""), "standard input: There is nothing in it."),
        (Input(terminal=True), "standard input: It is a terminal"),
        (Input(error=OSError(5, "Input/output error")), "standard input: It cannot be read: Input/output error."),
        (Input(b"x" * 300_000), "larger than 256 KB"),
        (None, "standard input: It is closed."),
    ],
)
def test_standard_input_that_gives_no_story(monkeypatch, stdin, reason):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert reason in refusal("-")


def test_missing_files_suggest_a_ready_story():
    said = refusal("cosmic-lef")
    assert "Did you mean the ready story 'cosmic-leaf'?" in said
    assert all(name in said for name in names())
    assert "Did you mean" not in refusal("qqqqqqqq.yaml")


def test_folders_name_the_stories_inside(tmp_path):
    assert "This is a folder, not a story. Give the path" in refusal(tmp_path)
    (tmp_path / "b.yaml").touch()
    (tmp_path / "a.json").touch()
    assert "Name one of its files: a.json, b.yaml." in refusal(tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "There is nothing in it."),
        (b"\xef\xbb\xbf", "There is nothing in it."),
        ("title: A\np: 2\nlevels: [café]".encode("latin-1"), "line 3: This is not text in UTF-8."),
        (TEXT.encode("utf-16"), "binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        (b"\x1f\x8b\x08 plain", "line 1: This is not text in UTF-8."),
        (b"MZ\x01\x02", "line 1: This is not plain text: it contains the control character U+0001."),
        (b"#" * (256 * 1024 + 1), "larger than 256 KB"),
    ],
)
def test_data_that_is_no_text(tmp_path, data, reason):
    (tmp_path / "x.yaml").write_bytes(data)
    assert reason in refusal(tmp_path / "x.yaml")


def test_paths_that_cannot_be_opened(tmp_path, monkeypatch):
    assert "null character" in refusal("a\0b.yaml")
    assert "cannot be read" in refusal("x" * 5000)
    assert len(refusal("x" * 5000)) < 400
    (tmp_path / "file").touch()
    assert "cannot be read" in refusal(tmp_path / "file" / "story.yaml")
    assert "\x1b" not in refusal("\x1b[31m.yaml")

    def deny(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert "You may not read it." in refusal(tmp_path / "file")


def test_reference_pictures_are_found_from_the_storys_folder(tmp_path, monkeypatch):
    (tmp_path / "my  photo.png").touch()
    text = "title: A\np: 2\nlevels:\n- a\n- prompt: b\n  image: 'my  photo.png'\n"
    (tmp_path / "a.yaml").write_text(text)
    picture = str(tmp_path / "my  photo.png")
    assert load_story(tmp_path / "a.yaml").levels == (Level(prompt="a"), Level(prompt="b", image=picture))
    monkeypatch.chdir(tmp_path)
    assert load_story("a.yaml").levels[1].image == picture
    assert parse_story(text).levels[1].image == "my  photo.png"
    assert parse_story(dump_story(load_story("a.yaml")), folder=Path("/")) == load_story("a.yaml")


def test_missing_pictures_are_a_problem_beside_the_others(tmp_path):
    long = "x" * 5000
    (tmp_path / "a.yaml").write_text(
        f"title: A\np: 0\nlevels:\n- prompt: b\n  image: no.png\n- prompt: c\n  image: {long}\n"
    )
    with pytest.raises(StoryError) as caught:
        load_story(tmp_path / "a.yaml")
    found = caught.value.problems
    assert [(p.line, p.where) for p in found] == [(2, "p"), (5, "levels[0].image"), (7, "levels[1].image")]
    assert "'no.png'" in found[1].reason


BOMBS = {
    "laughs": "a: &a [x]\n" + "".join(f"{b}: &{b} [{f'*{a},' * 9}]\n" for a, b in pairwise("abcdefghi")),
    "aliases": "title: &t A\np: 2\nlevels: [" + "*t, " * 50_000 + "a]",
    "merge": "base: &b {p: 2}\n<<: *b\ntitle: A\nlevels: [a]",
    "brackets": "levels: " + "[" * 100_000,
    "braces": '{"a":' * 50_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "keys": "".join(f"k{i}: 1\n" for i in range(20_000)),
    "levels": "title: A\np: 2\nlevels:\n" + "- a\n" * 60_000,
    "digits": "title: A\nlevels: [a]\np: " + "9" * 200_000,
    "exponent": "title: A\nlevels: [a]\np: 1e" + "9" * 200_000,
    "title": "p: 2\nlevels: [a]\ntitle: " + "9" * 200_000,
    "anchor": "p: 2\nlevels: [a]\ntitle: &" + "a" * 200_000 + " b",
    "alias": "p: 2\nlevels: [a]\ntitle: *" + "a" * 200_000,
    "tag": "p: 2\nlevels: [a]\ntitle: !" + "a" * 200_000 + " b",
    "handle": "%TAG !" + "a" * 200_000,
    "key": "p: 2\nlevels: [a]\n? " + "a" * 200_000 + "\n: b",
    "directive": "%YAML 1." + "9" * 100_000 + "\n---\na: 1",
    "python": "title: !!python/object/apply:os.system ['touch bomb']\np: 2\nlevels: [a]",
    "quote": "title: '" + "x" * 200_000,
    "anchors": "title: A\np: 2\nlevels:\n" + "".join(f"- &a{i} x\n" for i in range(15_000)),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("suffix", [".yaml", ".json", ""])
def test_texts_made_to_do_harm_are_refused_briefly(tmp_path, monkeypatch, name, suffix):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoryError) as caught:
        parse_story(BOMBS[name], f"bomb{suffix}")
    assert len(str(caught.value)) < 5000
    assert list(tmp_path.iterdir()) == []
