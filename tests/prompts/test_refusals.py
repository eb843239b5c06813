"""Every refusal names the line, the place, the reason and the remedy, and all of them come at once."""

import pickle

import pytest

from prompts import Problem, StoryError, parse_story

HEAD = "title: A walk\np: 2\n"


def problems(text, source="walk.yaml"):
    with pytest.raises(StoryError) as caught:
        parse_story(text, source)
    return caught.value.problems


def only(text, source="walk.yaml"):
    found = problems(text, source)
    assert len(found) == 1, found
    return found[0]


# text below the head, line, where, words of the reason, words of the remedy
ENTRIES = [
    ("levels: []", 3, "levels", "no levels", "'- ...'"),
    ("levels:", 3, "levels", "list of levels", "'- ...'"),
    ("levels: a house", 3, "levels", "the text 'a house'", "'- ...'"),
    ("levels:\n" + "- x\n" * 400, 3, "levels", "400 levels, and at most 64", "Leave some out"),
    ("levels: [a, 7]", 3, "levels[1]", "the number 7", "prompt"),
    ("levels:\n- a\n-", 5, "levels[1]", "nothing", "prompt"),
    ("levels:\n- a\n- ''", 5, "levels[1].prompt", "empty", "words"),
    ("levels:\n- prompt: '  '", 4, "levels[0].prompt", "empty", "words"),
    ("levels:\n- prompt:", 4, "levels[0].prompt", "empty", "words"),
    ("levels:\n- '...'", 4, "levels[0].prompt", "no words", "words"),
    (f"levels:\n- a\n- {'word ' * 10_000}", 5, "levels[1].prompt", "49,999 characters, and at most 1,000", "Shorten"),
    ('levels:\n- "a\\a"', 4, "levels[0].prompt", "control character U+0007", "Remove"),
    ('levels:\n- "a\\u202eb"', 4, "levels[0].prompt", "control character U+202E", "Remove"),
    ("levels:\n- width_m: 2", 4, "levels[0].prompt", "missing", "Add 'prompt: '"),
    ("levels:\n- prompt: no", 4, "levels[0].prompt", "no without quotes is the boolean false", 'Write "no"'),
    ("levels:\n- prompt: 1e3", 4, "levels[0].prompt", "1e3 without quotes is the number 1000", 'Write "1e3"'),
    ("levels:\n- a galaxy: blue\n  prompt: x", 4, "levels[0].a galaxy", "no key 'a galaxy'", "quotes"),
    ("levels:\n- prompt: a\n  negativ: b", 5, "levels[0].negativ", "no key 'negativ'", "'negative'"),
    ("levels:\n- prompt: a\n  title: b", 5, "levels[0].title", "no key 'title'", "belongs to the story"),
    ("levels:\n- prompt: a\n  seed: 1.5", 5, "levels[0].seed", "the number 1.5", "whole number"),
    ("levels:\n- prompt: a\n  focus: 0.5", 5, "levels[0].focus", "pair [x, y]", "[0.5, 0.5]"),
    ("levels:\n- prompt: a\n  focus: [0.5, 2]", 5, "levels[0].focus", "2 is out of range", "from 0 to 1"),
    ("levels:\n- prompt: a\n  focus: [0.5]", 5, "levels[0].focus", "a list of 1", "[0.5, 0.5]"),
    ("levels:\n- prompt: a\n  width_m: wide", 5, "levels[0].width_m", "the text 'wide'", "without quotes"),
    ("levels:\n- prompt: a\n  width_m: -1", 5, "levels[0].width_m", "out of range", "1e-35 to 1e+30"),
    ("levels:\n- {prompt: a, width_m: 8}\n- prompt: b\n  width_m: 9", 6, "levels[1].width_m", "not narrower", "Order"),
    ("levels:\n- {prompt: a, width_m: 8}\n- {prompt: b, width_m: 1}", 5, "levels[1].width_m", "step is 8", "about 4 m"),
    ("levels: [a, b]\nloop: maybe", 4, "loop", "True or false", "without quotes"),
    ("levels: [a]\nloop: yes", 4, "loop", "one level", "Add levels"),
    ("levels: [a]\nnegative_prompt: b", 4, "negative_prompt", "no key", "'negative'"),
    ("levels: [a]\nsteps: 20", 4, "steps", "no key", "configuration"),
    ("levels: [a]\nxyzzy: 20", 4, "xyzzy", "no key", "the keys are title, p"),
    ("levels: [a]\nfocus: [0, 0]", 4, "focus", "no key", "a level"),
    ("levels: [a]\np: 3", 4, "p", "twice, in lines 2 and 4", "Remove one"),
    ("levels: &x [a]", 3, "levels", "'&x' is an anchor", "Remove"),
    ("levels: [a, *x]", 3, "levels[1]", "'*x' is an alias", "Write the value out"),
    ("levels: !!python/tuple [a]", 3, "levels", "is a tag", "Remove"),
    ("levels: [a]\nstyle: !secret b", 4, "style", "'!secret' is a tag", "Remove"),
    ("levels: [a]\n? [b]\n: c", 4, "", "A key must be one word", "key: value"),
    ("levels: [a]\n---\ntitle: b", 4, "", "second document", "'---'"),
    ("levels: [a", 3, "", "no valid YAML", "Close the bracket"),
    ("levels: [a]\nstyle: 'b", 4, "", "no valid YAML", "Close the quotation mark"),
    ("levels:\n\t- a", 4, "", "no valid YAML", "no tabs"),
    ("levels: [a]\nstyle: b: c", 4, "", "no valid YAML", "in quotes"),
    ('levels: [a]\nstyle: "\\UFFFFFFFF"', None, "", "out of range", "Remove"),
    ("levels: " + "[" * 50 + "]" * 50, 3, "levels[0][0]", "more than 12 deep", "brackets"),
    ("levels: [a]\nstyle: a\x00b", 4, "", "control character U+0000", "Remove"),
]


@pytest.mark.parametrize(("rest", "line", "where", "reason", "remedy"), ENTRIES)
def test_one_fault_in_yaml(rest, line, where, reason, remedy):
    found = only(HEAD + rest)
    assert (found.line, found.where) == (line, where)
    assert reason in found.reason
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("head", "line", "where", "reason"),
    [
        ("p: 2", 1, "title", "missing"),
        ("title: a", 1, "p", "missing"),
        ("title: ../../etc/x\np: 2", 1, "title", "'../../etc/x' looks like a path"),
        ("title: a\\b\np: 2", 1, "title", "looks like a path"),
        ("title: 🌌\np: 2", 1, "title", "no letter or digit"),
        ("title: 1977\np: 2", 1, "title", "1977 without quotes is the number 1977"),
        (f"title: {'a' * 121}\np: 2", 1, "title", "121 characters"),
        ("title: a\np: 1", 2, "p", "zoom factor between levels is 1."),
        ("title: a\np: 0", 2, "p", "zoom factor between levels is 0."),
        ("title: a\np: 1.0e9", 2, "p", "zoom factor between levels is 1e+09."),
        ("title: a\np: .nan", 2, "p", "zoom factor between levels is nan."),
        ("title: a\np: .inf", 2, "p", "zoom factor between levels is inf."),
        ("title: a\np: '2'", 2, "p", "the text '2'"),
        ("title: a\np: yes", 2, "p", "the boolean true"),
    ],
)
def test_one_fault_at_the_head(head, line, where, reason):
    found = only(f"{head}\nlevels: [a]")
    assert (found.line, found.where) == (line, where)
    assert reason in found.reason
    assert found.remedy


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "nothing in it"),
        (" \n\t\n", None, "nothing in it"),
        ("# only a comment\n", 1, "nothing came"),
        ("a house", 1, "the text 'a house'"),
        ("- a\n- b", 1, "a list"),
        ("[]", 1, "a list"),
        ("%YAML 1.2\n---\ntitle: a\np: 2\nlevels: [a]", 1, "directive"),
        ("x" * 300_000, None, "larger than 256 KB"),
    ],
)
def test_texts_that_are_no_story(text, line, reason):
    found = only(text, "story")
    assert found.line == line
    assert reason in found.reason


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"title": "a",\n "p": NaN,\n "levels": ["a"]}', 2, "JSON has no NaN"),
        ('{"title": "a",\n "p": -Infinity,\n "levels": ["a"]}', 2, "JSON has no -Infinity"),
        ('{"title": "a",\n "p": 1e999,\n "levels": ["a"]}', 2, "zoom factor between levels is inf"),
        ('{"title": "a", "p": 2,\n "p": 3, "levels": ["a"]}', 2, "twice, in lines 1 and 2"),
        ('{"title": "a", "p": 2,\n "levels": ["a",]}', 2, "a comma stands before ']'"),
        ('{"title": "a", "p": 2,\n "levels": ["a"],\n}', 3, "a comma stands before '}'"),
        ('{"title": "a", "p": 2\n "levels": ["a"]}', 2, "a comma or '}' was expected"),
        ('{"title": "a",\n "p" 2, "levels": ["a"]}', 2, "a colon was expected"),
        ('{"title": "a",\n \'p\': 2}', 2, "a key in double quotes"),
        ('{"title": "a",\n "p": 02, "levels": ["a"]}', 2, "'02' came"),
        ('{"title": "a",\n "p": True, "levels": ["a"]}', 2, "'True' came"),
        ('{"title": "a",\n "p": ', 2, "the end of the text"),
        ('{"title": "a\n', 1, "Invalid control character"),
        ('{"title": "a", "p": 2, "levels": ["a"]}\n{}', 2, "follows after the end"),
        ('{"title": "\\ud800", "p": 2,\n "levels": ["a"]}', 1, "U+D800"),
        ("[" * 50, 1, "more than 12 deep"),
    ],
)
def test_one_fault_in_json(text, line, reason):
    found = only(text, "walk.json")
    assert found.line == line
    assert reason in found.reason
    assert found.remedy


def test_all_problems_come_at_once_in_the_order_of_lines():
    levels = "- prompt: no\n  width_m: 1e20\n- {prompt: b, width_m: 1e20}\n- *c"
    found = problems(f"title: a/b\np: 1\nlevels:\n{levels}\ntitle: x\nsize: 3")
    assert [p.line for p in found] == [1, 2, 4, 6, 7, 8, 9]
    assert [p.where for p in found[:4]] == ["title", "p", "levels[0].prompt", "levels[1].width_m"]
    assert [p.where for p in found[4:]] == ["levels[2]", "title", "size"]


def test_the_message_lists_problems_and_ends():
    one = StoryError([Problem(3, "p", "It is 1.", "Write 2.")], "walk.yaml")
    assert str(one) == "walk.yaml: line 3, p: It is 1. Write 2."
    with pytest.raises(StoryError) as caught:
        parse_story(HEAD + "levels: [" + "'', " * 30 + "]", "walk.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "walk.yaml has 30 problems:"
    assert lines[1] == "- line 3, levels[0].prompt: It is empty. Write it in words."
    assert lines[-1] == "- and 18 more."
    assert len(lines) == 14


def test_messages_are_harmless_to_a_terminal():
    with pytest.raises(StoryError) as caught:
        parse_story(HEAD + 'levels: ["a"]\n"\\e[31m": 1\nstyle: "\\e[2J"\nloop: "\\u202e"')
    assert str(caught.value).replace("\n", "").isprintable()
    assert len(caught.value.problems) == 3


def test_the_error_is_a_value_error_and_survives_pickling():
    error = StoryError([Problem(None, "p", "a.", "b."), Problem(2, "", "c.", "d.")], "x")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ValueError)
    assert (again.problems, again.source, str(again)) == (error.problems, error.source, str(error))
