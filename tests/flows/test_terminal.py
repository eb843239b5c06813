"""What is said: errors as exit codes, text made harmless, events as lines."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from flows.failures import explain
from flows.terminal import Bars, Lines, plain
from tasks.events import RunEnded, RunStarted, StageDone, StageMoved, StageNoted, StageStarted, StageWaiting


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
        StageNoted("sampling", "Memory ran out\x1b[2J."),
        StageDone("sampling", True, 1.25),
        StageDone("video", False, 0.0),
    ):
        lines(event)
    assert capsys.readouterr().out.splitlines() == [
        "sampling: another process is making it; waiting",
        "sampling: 10 steps, going on from 4",
        "sampling: Memory ran out [2J.",
        "sampling: made in 1.2 s",
        "video: reused",
    ]


RUNS = (
    RunStarted(1, 2, "joint, One\x1b[2J, seed 0"),
    StageStarted("sampling", 10, "steps"),
    StageMoved("sampling", 10),
    StageDone("sampling", True, 1.0),
    RunEnded(1, 2, "joint, One, seed 0", 1.0),
    RunStarted(2, 2, "apart, [red]One, seed 0"),
    StageStarted("sampling", 10, "steps"),
    RunEnded(2, 2, "apart, [red]One, seed 0", 1.0, "no room [bold]left"),
)


def test_lines_tell_which_of_several_runs_is_made_and_which_has_failed(capsys):
    lines = Lines(sys.stdout)
    for event in RUNS:
        lines(event)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "run 1 of 2: joint, One [2J, seed 0"
    assert said[3:] == [
        "run 2 of 2: apart, [red]One, seed 0",
        "sampling: 10 steps",
        "run 2 of 2 failed: no room [bold]left",
    ]


def test_bars_show_the_stages_of_one_run_below_a_bar_of_all():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress("{task.description}", "{task.fields[unit]}", console=console) as progress:
        bars = Bars(progress)
        for event in (*RUNS, StageNoted("sampling", "Memory [red]ran out\x1b[2J.")):
            bars(event)
        overall, stage = progress.tasks
        assert (overall.completed, overall.total) == (2, 2)
        assert (stage.description, stage.completed) == ("sampling", 0)
    shown = console.file.getvalue()
    assert "apart, [red]One, seed 0 failed: no room [bold]left" in shown
    assert "now apart, [red]One, seed 0" in shown
    assert "sampling: Memory [red]ran out [2J." in shown
