"""A place of its own to run flows in: a real Prefect server on loopback, its database, and processes of workers.

Each part can be stopped, killed and started again. What a site needs beside it (an S3 service, PostgreSQL, a small
disk, a clock that can be moved) is in `tests/doubles/outside_world.py`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

import psutil

from tests.doubles.empty_history import put_empty_history

ROOT = Path(__file__).resolve().parents[2]
TENFOLD = (sys.executable, "-c", "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()")
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")
PATIENCE_S = 240.0
T = TypeVar("T")
FOREIGN = ("PREFECT", "TENFOLD", "AWS_", "OPENAI", "HF_")
"""Variables of whoever runs the tests that a site must not see."""


def variables(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a site's processes: our code, a history and a cache of their own in `home`, one thread."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **own,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "TENFOLD_CACHE": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        **(more or {}),
    }


def wait_until(condition: Callable[[], T], what: str, within_s: float = PATIENCE_S, every_s: float = 0.1) -> T:
    """The first true value of a condition. Raises AssertionError when none has come in time."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        time.sleep(every_s)
    return found


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Process:
    """A process and all that it starts; what it says goes to a file."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as said:
            self.popen = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def text(self) -> str:
        """All that has been said so far."""
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """The process and those that it has started, the oldest first."""
        try:
            own = psutil.Process(self.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """`kill -9` the process and all that it has started, as when the machine loses its power."""
        for one in reversed(self.family()):
            _kill(one)
        self.popen.wait()

    def kill_alone(self) -> None:
        """`kill -9` the process; what it has started stays."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, within_s: float = 30.0) -> int:
        """Ask the process to end, then make it; returns its exit status."""
        family = self.family()
        if self.alive:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(within_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
        for one in reversed(family):
            _kill(one)
        return self.popen.wait()

    def wait(self, within_s: float = PATIENCE_S) -> int:
        """Its exit status. Raises AssertionError with what it has said when it does not end in time."""
        try:
            return self.popen.wait(within_s)
        except subprocess.TimeoutExpired:
            said = self.text
            self.kill()
            raise AssertionError(f"{self.popen.args} still ran after {within_s:.0f} s: {said[-2000:]}") from None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@dataclass
class Site:
    """A Prefect server and its clients, all files in `home`; as a context it runs, and leaves no process.

    database: a URL for the server's history, SQLite in `home` when empty. more: further variables of every process.
    """

    home: Path
    database: str = ""
    more: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)
    server: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes:
            process.stop(within_s=5)
        self.stop()

    @property
    def url(self) -> str:
        """The address of the server's API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a client of this server."""
        return variables(self.home, {"PREFECT_API_URL": self.url, **self.more})

    def start(self) -> None:
        """Start the server, on the same port and with the same history each time, and wait until it answers."""
        own = {"PREFECT_UI_ENABLED": "false", "PREFECT_SERVER_UI_ENABLED": "false"}
        if self.database:
            own["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = self.database
        elif not (self.home / "prefect" / "prefect.db").exists():
            put_empty_history(self.home / "prefect")
        command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        self.server = Process(command, self.variables | own, self.home, self.home / "server.log")
        wait_until(self.answers, "Prefect's server")

    def answers(self) -> bool:
        """Whether the server is ready. Raises AssertionError with its log when it has ended."""
        assert self.server is not None
        assert self.server.alive, self.server.text[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server as its administrator would."""
        if self.server is not None:
            self.server.stop()

    def kill(self) -> None:
        """`kill -9` the server."""
        assert self.server is not None
        self.server.kill()

    def restart(self, away_s: float = 0.0) -> None:
        """`kill -9` the server and start it again on the same port, after so many seconds without one."""
        self.kill()
        time.sleep(away_s)
        self.start()

    def spawn(
        self, *command: str, cwd: Path | None = None, log: str = "", more: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process that knows this server; it ends with the site."""
        name = log or f"process-{len(self.processes)}.log"
        env = self.variables | dict(more or {})
        self.processes.append(Process(command, env, cwd or self.home, self.home / name))
        return self.processes[-1]

    def worker(self, pool: str, *options: str, cwd: Path | None = None, ready: bool = True) -> Process:
        """Start Prefect's own worker of a pool; with `ready`, wait until the server has heard of it."""
        name = f"worker-{len(self.processes)}"
        command = [*PREFECT, "worker", "start", "--pool", pool, "--name", name, *options]
        worker = self.spawn(*command, cwd=cwd, log=f"{name}.log")
        if ready:
            wait_until(lambda: _said(worker, "started!"), f"worker {name}", every_s=0.2)
        return worker

    def run(
        self,
        *command: str,
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
        within_s: float = PATIENCE_S,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command that knows this server to its end, without judging its exit status."""
        env = self.variables | dict(more or {})
        return subprocess.run(
            command, cwd=cwd or self.home, env=env, capture_output=True, text=True, timeout=within_s, check=False
        )

    def prefect(self, *arguments: str, cwd: Path | None = None) -> str:
        """What `prefect ...` prints. Raises AssertionError with its words when it fails."""
        done = self.run(*PREFECT, *arguments, cwd=cwd)
        assert done.returncode == 0, f"prefect {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout


def _said(worker: Process, words: str) -> bool:
    assert worker.alive, worker.text[-3000:]
    return words in worker.text
