"""The command with its embedded server, as a real process: stopped, killed, finished; quiet, and nothing left over."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.server import ServerError, embedded_server
from tests.doubles.empty_history import put_empty_history

ROOT = Path(__file__).resolve().parents[2]
TENFOLD = "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()"
STORY = {"title": "Engine", "p": 2, "levels": ["a green forest", "brown leaves"]}
PATIENCE_S = 120
GOING_ON = "sampling: 200 steps, 2 levels, going on from"
SERVES = "import sys; from flows.serve import _end_with; print('serving', flush=True); _end_with(int(sys.argv[1]))"
COMMANDS = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SERVES!r}, str(os.getpid())], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


class Job:
    """One `tenfold zoom` in a folder of its own, started as often as a test likes."""

    def __init__(self, home: Path, model: Path) -> None:
        self.home = home
        (home / "story.json").write_text(json.dumps(STORY))
        options = ["--steps", "200", "--fps", "4", "--size", "64", "--set", "scores.scorer=none"]
        self.command = [sys.executable, "-c", TENFOLD, "zoom", "story.json", "--model", str(model), *options]
        drop = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "TENFOLD"))}
        self.environment = {
            **drop,
            "PREFECT_HOME": str(home / "prefect"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command, cwd=self.home, env=self.environment, start_new_session=True, **pipes)

    def servers(self) -> list[psutil.Process]:
        """Processes that still use this job's history."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("PREFECT_HOME") == str(self.home / "prefect"):
                    found.append(process)
            except (psutil.Error, OSError):  # ended meanwhile, or not ours to look at
                continue
        return found


@pytest.fixture
def job(tmp_path, model_folder):
    return Job(tmp_path, model_folder)


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def test_a_server_without_a_place_for_its_history_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ServerError, match="PREFECT_HOME"), embedded_server(tmp_path / "file" / "prefect"):
        pass


def test_what_serves_a_command_that_is_killed_ends_with_it():
    """The process of the server, without Prefect in it: a real one is killed among the slow tests."""
    with subprocess.Popen([sys.executable, "-c", COMMANDS], cwd=ROOT, stdout=subprocess.PIPE, text=True) as command:
        told = {command.stdout.readline().strip() for _ in range(2)}
        (pid,) = (int(line) for line in told - {"serving"})
        assert psutil.pid_exists(pid)
        command.kill()
    wait_for(lambda: ended(pid))


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # where nobody has waited for an orphan
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    "also_killed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["stopped", "stopped, killed"]
)
def test_stopped_or_killed_it_is_finished_the_next_time(job, also_killed):
    """Killed without an engine it is in the gate elsewhere (test_processes); each start takes 15 s of a processor."""
    put_empty_history(job.home / "prefect")
    stopped = job.start()
    wait_for(lambda: list(job.home.glob("runs/.cache/work/*/state.safetensors")))
    os.killpg(stopped.pid, signal.SIGINT)
    out, err = stopped.communicate(timeout=PATIENCE_S)
    assert (stopped.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("Stopped. What is done is kept")
    assert "Traceback" not in err
    wait_for(lambda: not job.servers())

    if also_killed:
        killed = job.start()
        assert GOING_ON in next(line for line in killed.stderr if "going on from" in line)
        killed.kill()
        killed.communicate(timeout=PATIENCE_S)
        wait_for(lambda: not job.servers())

    finished = job.start()
    out, err = finished.communicate(timeout=PATIENCE_S)
    assert finished.returncode == 0, err
    assert GOING_ON in err
    assert [line.partition(":")[0] for line in err.splitlines() if "made in" in line] == [
        "engine",
        "sampling",
        "levels",
        "video",
        "motion",
        "pictures",
        "view",
    ]
    stages = ("engine", "story", "sampling", "levels", "video", "motion", "pictures", "view")
    assert all(line.split(":")[0] in stages for line in err.splitlines()), err  # not a word from the engine
    assert "zoom.mp4" in out
    wait_for(lambda: not job.servers())
    with sqlite3.connect(job.home / "prefect" / "prefect.db") as history:
        states = [row[0] for row in history.execute("select state_name from flow_run where name = 'zoom Engine'")]
    history.close()
    assert states.count("Completed") == 1
