"""`tenfold dashboard` as a user starts and ends it."""

import http.client
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.evaluation.dashboard.made import make_run

COMMAND = [sys.executable, "-c", "from flows.cli import main; main()", "dashboard", "--no-open"]


def started(*options):
    return subprocess.Popen([*COMMAND, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address(server):
    found = re.fullmatch(r"Dashboard: (http://\S+)\n", server.stdout.readline())
    assert found, server.stderr.read()
    return found[1]


def status(url, path="/"):
    _, _, port = url.removeprefix("http://").partition("/")[0].rpartition(":")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_it_serves_until_it_is_stopped_and_ends_in_silence(tmp_path, number):
    make_run(tmp_path, "a-forest/000fffffffff")
    with started("--out", tmp_path, "--port", 0) as server:
        url = address(server)
        assert url.startswith("http://127.0.0.1:")
        assert status(url) == 200
        assert status(url, "/api/news") == 200
        os.kill(server.pid, number)
        assert server.wait(20) == 0
        assert server.stderr.read() == "Ctrl-C ends it.\n"
        assert server.stdout.read() == ""


def test_open_to_the_network_it_says_so_and_prints_the_link_with_its_token(tmp_path):
    with started("--out", tmp_path / "later", "--host", "0.0.0.0", "--port", 0) as server:
        url = address(server)
        path = "/" + url.removeprefix("http://").partition("/")[2]
        assert re.fullmatch(r"/\?t=[\w-]{24,}", path)
        assert status(url) == 403
        assert status(url, path) == 200
        server.terminate()
        server.wait(20)
        said = server.stderr.read()
    assert "There is no folder" in said
    assert "Open to the network" in said
    assert not (tmp_path / "later").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "203.0.113.7"], "Nothing can be served at"),
        (["--port", "70000"], "from 0 to 65535"),
        (["--out", __file__], "is a file"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path, options, words):
    with started("--out", tmp_path, *options) as server:
        _, said = server.communicate(timeout=60)
    assert server.returncode == 2
    assert words in said
    assert "Traceback" not in said
