"""An embedded Prefect server that lives exactly as long as the command.

Prefect would start one itself, but Ctrl-C reaches that one before the flow has ended, and after `kill -9` it stays.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows import serve
from tasks.errors import RunError
from tasks.machine import existing_parent, is_writable
from tasks.stage import locked

START_TIMEOUT_S = 120.0


class ServerError(RunError):
    """The embedded server did not start."""


@contextmanager
def embedded_server(home: Path) -> Iterator[str]:
    """Start a server that keeps its history in `home`, PREFECT_HOME; yields the URL of its API. Raises ServerError."""
    if not is_writable(existing_parent(home)):
        raise ServerError(f"Nothing can be written to {home}, Prefect's folder; PREFECT_HOME names another.")
    # One start at a time: two first starts at once would both create the tables of the history.
    with locked(home / "tenfold-server.lock"):
        server, url = _start()
        try:
            _wait_until_healthy(server, url)
        except BaseException:
            _stop(server)
            raise
    try:
        yield url
    finally:
        _stop(server)


def _start() -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    embedded = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    server = subprocess.Popen(  # noqa: S603  our own interpreter, nothing from outside
        [sys.executable, "-m", serve.__name__, str(os.getpid()), str(port)],
        env={**os.environ, **embedded},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the command, which then stops its server
    )
    return server, f"http://127.0.0.1:{port}/api"


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServerError(f"Prefect's server ended with status {server.returncode} before it was ready.")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310  always http, above
                if answer.status == 200:
                    return
        except OSError:  # not listening yet
            time.sleep(0.1)
    raise ServerError(f"Prefect's server was not ready within {START_TIMEOUT_S:.0f} s.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
