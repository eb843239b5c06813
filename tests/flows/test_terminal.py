"""What is said: errors as exit codes, text made harmless, events as lines."""

import io
from typing import get_args

import pytest
from rich.console import Console
from rich.progress import Progress

from flows.bars import Bars, Left
from flows.failures import explain
from flows.lines import Lines, plain
from tasks.events import (
    OfRun,
    RunEnded,
    RunStarted,
    StageDone,
    StageEvent,
    StageMoved,
    StageNoted,
    StageStarted,
    StageWaiting,
)


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
    lines = Lines(print)
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
    RunEnded(1, 2, "joint, One\x1b[2J, seed 0", 1.0),
    RunStarted(2, 2, "apart, [red]One, seed 0"),
    StageStarted("sampling", 10, "steps"),
    RunEnded(2, 2, "apart, [red]One, seed 0", 1.0, "no room [bold]left"),
)


def test_lines_tell_which_of_several_runs_is_made_and_which_has_failed(capsys):
    lines = Lines(print)
    for event in RUNS:
        lines(event)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "run 1 of 2: joint, One [2J, seed 0"
    assert said[3:] == [
        "run 2 of 2: apart, [red]One, seed 0",
        "sampling: 10 steps",
        "run 2 of 2 failed: no room [bold]left",
    ]


@pytest.fixture
def display():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress("{task.description}", "{task.fields[unit]}", Left(), console=console) as display:
        yield display


def test_bars_show_the_run_that_is_made_below_a_bar_of_all(display):
    bars = Bars(display)
    for event in (*RUNS[:-1], StageNoted("sampling", "Memory [red]ran out\x1b[2J.")):
        bars(event)
    overall, run = display.tasks
    assert (overall.completed, overall.total) == (1, 2)
    assert (run.description, run.completed) == ("apart, [red]One, seed 0: sampling", 0)
    bars(RUNS[-1])
    assert [task.completed for task in display.tasks] == [2]
    shown = display.console.file.getvalue()
    assert "apart, [red]One, seed 0 failed: no room [bold]left" in shown
    assert "sampling: Memory [red]ran out [2J." in shown


def test_bars_of_a_single_run_stay_stage_below_stage(display):
    bars = Bars(display)
    for event in (
        StageStarted("sampling", 10, "steps, 3 levels"),
        StageMoved("sampling", 4),
        StageDone("sampling", True, 1.0),
        StageDone("levels", False, 0.0),
        StageStarted("video", 20, "frames", 5),
        StageMoved("video", 6),
    ):
        bars(event)
    assert [(task.description, task.completed, task.fields["unit"]) for task in display.tasks] == [
        ("sampling", 10, "steps, 3 levels"),
        ("video", 6, "frames"),
    ]


IN_FLIGHT = (
    RunStarted(1, 3, "One"),
    RunStarted(2, 3, "Two"),
    OfRun("One", StageStarted("sampling", 10, "steps, 3 levels")),
    OfRun("Two", StageStarted("sampling", 20, "steps, 2 levels", 5)),
    OfRun("Two", StageMoved("sampling", 6)),
    OfRun("One", StageMoved("sampling", 1)),
    OfRun("Two", StageDone("sampling", True, 1.0)),
    OfRun("Two", StageStarted("video", 90, "frames")),
    OfRun("Two", StageWaiting("video")),
)


def test_each_of_several_runs_in_flight_has_a_bar_with_the_stage_that_it_is_at(display):
    bars = Bars(display)
    for event in IN_FLIGHT:
        bars(event)
    assert [(task.description, task.completed, task.total, task.fields["unit"]) for task in display.tasks] == [
        ("runs", 0, 3, ""),
        ("One: sampling", 1, 10, "steps, 3 levels"),
        ("Two: video", 0, 90, "frames"),
    ]
    for event in (
        RunEnded(2, 3, "Two", 4.0),
        RunEnded(1, 3, "One", 5.0, "no room"),
        RunStarted(3, 3, "Three" * 20),
    ):
        bars(event)
    assert [task.description for task in display.tasks] == ["runs", ("Three" * 20)[:43] + "\u2026"]
    assert (display.tasks[0].completed, display.tasks[0].fields["unit"]) == (2, "1 failed")
    assert display.tasks[0].fields["pace"].left(0) > 0
    assert "Two: video: another process is making it; waiting" in display.console.file.getvalue()


def test_lines_of_runs_in_flight_say_whose_they_are(capsys):
    lines = Lines(print)
    for event in IN_FLIGHT:
        lines(event)
    assert capsys.readouterr().out.splitlines() == [
        "run 1 of 3: One",
        "run 2 of 3: Two",
        "One: sampling: 10 steps, 3 levels",
        "Two: sampling: 20 steps, 2 levels, going on from 5",
        "Two: sampling: made in 1.0 s",
        "Two: video: 90 frames",
        "Two: video: another process is making it; waiting",
    ]


def test_lines_of_a_stage_that_moves_come_every_few_seconds_with_the_time_left(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("flows.lines.time.monotonic", lambda: now)
    lines = Lines(print)
    lines(StageStarted("sampling", 100, "steps"))
    for step in range(1, 101):
        now += 2.0 if step > 1 else 60.0  # a model is loaded first
        lines(StageMoved("sampling", step))
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == ["sampling: 2 of 100 steps, 196 s left", "sampling: 5 of 100 steps, 190 s left"]
    assert len(said) == 1 + 33


def test_every_event_has_its_place_in_both(display, capsys):
    for listen in (Bars(display), Lines(print)):
        for kind in get_args(StageEvent):
            values = {
                "stage": "sampling",
                "total": 1,
                "unit": "u",
                "done": 1,
                "text": "t",
                "made": True,
                "seconds": 1.0,
            }
            listen(kind(**{name: values[name] for name in kind.__dataclass_fields__}))
