"""What is said: errors as exit codes, text made harmless, events as lines."""

import sys

import pytest

from flows.failures import explain
from flows.terminal import Lines, plain
from tasks.events import StageDone, StageMoved, StageStarted, StageWaiting


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device"), 1),
        (MemoryError(), 1),
        (RuntimeError("x"), 1),
    ],
)
def test_errors_have_their_exit_codes(error, code):
    assert explain(error)[0] == code


def test_plain_text_keeps_words_and_loses_controls():
    assert plain("a\x1b[2Jb\nc\u202ed é 山 🚀") == "a [2Jb c d é 山 🚀"


def test_lines_tell_of_every_stage(capsys):
    lines = Lines(sys.stdout)
    for event in (
        StageWaiting("sampling"),
        StageStarted("sampling", 10, "steps", 4),
        StageMoved("sampling", 5),
        StageDone("sampling", True, 1.25),
        StageDone("video", False, 0.0),
    ):
        lines(event)
    assert capsys.readouterr().out.splitlines() == [
        "sampling: another process is making it; waiting",
        "sampling: 10 steps, going on from 4",
        "sampling: made in 1.2 s",
        "video: reused",
    ]
