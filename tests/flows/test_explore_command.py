"""`tenfold infinity explore` as a user starts and ends it."""

import os
import re
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from flows import exploring
from flows.cli import app
from tests.doubles.planes import write_plane_folder

COMMAND = [sys.executable, "-c", "from flows.cli import main; main()", "infinity", "explore", "--no-open"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "small")


def explore(*options):
    return CliRunner().invoke(app, ["infinity", "explore", "--no-open", *map(str, options)])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_it_serves_until_it_is_stopped_and_ends_in_silence(model, number):
    command = [*COMMAND, "--model", model, "--port", "0", "--at", "-12,40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert re.fullmatch(r"Explorer: http://127\.0\.0\.1:\d+/\n", server.stdout.readline())
        os.kill(server.pid, number)
        assert server.wait(60) == 0
        assert server.stderr.read() == "Ctrl-C ends it.\n"


def test_it_begins_where_it_is_told_to(model, monkeypatch):
    served = []
    monkeypatch.setattr(exploring, "serve_page", lambda app, name, **how: served.append((app, how)))
    monkeypatch.setattr(exploring, "explorer", lambda studio, start: (studio.source.names[0], start))
    done = explore("--model", model, "--seed", 2**64 - 1, "--at", f"-12,{2**62}", "--port", 0)
    assert done.exit_code == 0, done.output
    ((name, start), how), *_ = served
    assert (name, start.seed, start.y, start.x) == (str(model), 2**64 - 1, -12, 2**62)
    assert (how["host"], how["port"]) == ("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "no-such"], "no folder of a generator"),
        (["--seed", 2**64], "with a seed from 0 to"),
        (["--at", "here"], "--at as Y,X in pixels"),
        (["--at", f"0,{2**63}"], "lies beyond the plane"),
        (["--device", "cuda:0,cuda:1"], "cannot be used here"),
        (["--host", "203.0.113.7"], "Nothing can be served at"),
        (["--port", "70000"], "from 0 to 65535"),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    done = explore(*options)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert "Traceback" not in done.stderr
