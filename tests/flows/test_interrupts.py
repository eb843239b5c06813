"""Ctrl-C at a real terminal: what is said, what is kept, and that the next run goes on from there."""

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.batching import leaving
from flows.interrupts import KEPT, STOPPED, stoppable
from flows.terminal import progress
from prompts import Story
from tasks import stopping
from tasks.events import OfRun, StageMoved, StageStarted, ignore
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.doubles.prefect_site import ROOT, wait_until
from tests.doubles.pseudo_terminal import CTRL_C, Terminal
from tests.doubles.slow_runs import SETTINGS, STEPS, STORY

SHOWN, HIDDEN = "\x1b[?25h", "\x1b[?25l"


def start(home: Path, what: str, step_s: float) -> Terminal:
    own = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "STEP_S": str(step_s)}
    return Terminal([sys.executable, "-m", "tests.doubles.slow_runs", what, str(home / "runs")], home, own)


def steps(home: Path) -> list[str]:
    file = home / "steps"
    return file.read_text().splitlines() if file.exists() else []


def check_left_clean(terminal: Terminal) -> None:
    assert "Traceback" not in terminal.shown
    assert KEPT in terminal.shown
    assert terminal.shown.rindex(SHOWN) > terminal.shown.rindex(HIDDEN)


def test_a_run_stops_after_its_step_and_the_next_one_makes_only_the_others(tmp_path):
    terminal = start(tmp_path, "zoom", 0.5)
    wait_until(lambda: len(steps(tmp_path)) >= 3, "three steps", every_s=0.01)
    time.sleep(0.1)  # in the middle of the fourth
    terminal.press(CTRL_C)
    terminal.wait_for("Stopping after this step of sampling.")
    assert terminal.end() == STOPPED
    check_left_clean(terminal)
    assert "sampling" in terminal.shown
    assert "3 levels" in terminal.shown
    done = len(steps(tmp_path))
    assert done in (4, 5)

    moved = []
    config, tools = with_settings(RunConfig(), SETTINGS), (studio := Studio()).tools()
    run_zoom(config, Story.model_validate(STORY), tmp_path / "runs", tools=tools, on_event=moved.append)
    assert StageStarted("sampling", STEPS, "steps, 3 levels", done) in moved
    assert [painter.steps for painter in studio.painters] == [STEPS - done]


def test_a_batch_stops_each_run_after_its_step_and_goes_on_with_all_of_them(tmp_path):
    from tasks.batch.making import run_batch
    from tasks.batch.plan import plan_batch
    from tasks.batch.spec import BatchSpec

    terminal = start(tmp_path, "batch", 0.4)
    wait_until(lambda: len(steps(tmp_path)) >= 3, "three steps", every_s=0.01)
    terminal.press(CTRL_C)
    terminal.wait_for("Stopping after this step of sampling.")
    assert terminal.end() == STOPPED
    check_left_clean(terminal)
    assert "0/4" in terminal.shown
    for seed in (0, 1):
        assert f"Slow, joint, seed {seed}" in terminal.shown
    assert "seed 2" not in terminal.shown
    done = len(steps(tmp_path))
    assert 3 <= done <= 5

    studio = Studio()
    spec = BatchSpec(
        title="Slow",
        stories=[str(tmp_path / "story.json")],
        seeds=[0, 1, 2, 3],
        config=with_settings(RunConfig(), SETTINGS),
    )
    summary = run_batch(plan_batch(spec, tmp_path / "runs", tools=studio.tools()), tools=studio.tools())
    assert summary.exit_code == 0
    assert sum(painter.steps for painter in studio.painters) == 4 * STEPS - done


@pytest.mark.slow  # a process more, of which test_the_second_one_loses_the_step tells the rule in the gate
def test_ctrl_c_again_ends_a_batch_at_once_however_long_a_step_takes(tmp_path):
    terminal = start(tmp_path, "batch", 60.0)
    terminal.wait_for(": sampling")
    terminal.press(CTRL_C)
    terminal.wait_for("Stopping after this step of sampling.")
    pressed = time.monotonic()
    terminal.press(CTRL_C)
    assert terminal.end() == STOPPED
    assert time.monotonic() - pressed < 10
    check_left_clean(terminal)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_where_no_step_is_made_it_stops_at_once():
    listen = stopping.heeding(ignore)
    with stoppable():
        listen(StageStarted("story", 3, "rounds at most"))
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    assert not stopping.is_asked()


def test_where_a_step_is_made_it_is_ended_first(capfd):
    listen = stopping.heeding(ignore)
    with stoppable():
        listen(StageStarted("sampling", 3, "steps"))
        interrupt()
        assert stopping.is_asked()
        with pytest.raises(KeyboardInterrupt):
            listen(StageMoved("sampling", 1))
    assert capfd.readouterr().err.startswith("Stopping after this step of sampling. Ctrl-C again stops at once")


def test_bars_show_it_though_the_step_ends_before_their_next_frame(monkeypatch):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")

    def stopped() -> None:
        with progress(screen) as listen, stopping.scope():
            listen(StageStarted("sampling", 3, "steps"))
            interrupt()
            listen(StageMoved("sampling", 1))

    screen = Screen()
    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert "Stopping after this step of sampling." in screen.getvalue()


def test_the_second_one_loses_the_step():
    listen = stopping.heeding(ignore)
    with stoppable(lambda _: None):
        listen(StageStarted("sampling", 3, "steps"))
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_who_is_to_be_killed_leaves_at_once_and_in_order():
    listen = stopping.heeding(ignore)
    with stoppable(lambda _: None):
        listen(StageStarted("sampling", 3, "steps"))
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.is_asked()


def test_who_waits_in_another_thread_hears_of_it():
    heard = threading.Event()

    def wait() -> None:
        listen(OfRun("one", StageStarted("story", 1, "rounds")))
        try:
            stopping.pause(60)
        except KeyboardInterrupt:
            heard.set()

    listen = stopping.heeding(ignore)
    with stoppable(lambda _: None):
        thread = threading.Thread(target=wait)
        thread.start()
        wait_until(lambda: "one" in stopping.at_work(), "the thread's work")
        interrupt()
        assert heard.wait(5)
        thread.join()


@pytest.mark.parametrize(("engine", "told"), [("deployment", "go on at their workers"), ("here", "")])
def test_who_stops_a_batch_is_told_what_goes_on_elsewhere(engine, told, capsys):
    with pytest.raises(KeyboardInterrupt), leaving(engine):
        raise KeyboardInterrupt
    assert told in capsys.readouterr().err


def test_inside_another_nothing_changes_and_afterwards_all_is_as_before():
    before, last = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stoppable():
        ours = signal.getsignal(signal.SIGINT)
        with stoppable():
            assert signal.getsignal(signal.SIGINT) is ours
        assert signal.getsignal(signal.SIGINT) is ours
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGTERM) is last
