"""The key of a service, searched for in all that a command leaves and prints, its libraries at their most talkative."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import main
from tests.doubles.openai_server import Asked, Reply, serving

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sk-proj-Wq7ZnT2vLx9RbKd4"
TELLING = 8  # of its letters in a row would betray it
MAIN = "import sys; from flows.cli import main; sys.argv[0] = 'tenfold'; main()"


def planned(asked: Asked) -> Reply:
    """A schedule in which the service sends the key back wherever it can."""
    key = asked.headers["authorization"].split()[1]
    seen = ["a meadow with an oak in the centre", "an oak with a branch in the centre", "a branch with green leaves"]
    levels = [{"width_m": 20.0 / 2**i, "prompt": prompt, "subject": prompt.split()[1]} for i, prompt in enumerate(seen)]
    story = {
        "title": f"Key {key}",
        "viewpoint": "from the front",
        "style": "photograph",
        "negative": "",
        "levels": levels,
    }
    return Reply(f"With {key}:\n{json.dumps(story)}", headers={"X-Key": key}, usage=(9, 9))


def refused(asked: Asked) -> Reply:
    """A refusal that repeats the key, whole and with stars."""
    key = asked.headers["authorization"].split()[1]
    return Reply(f"Wrong key {key[:9]}*****{key[-4:]}, that is {key}", status=401, headers={"X-Key": key})


@pytest.mark.parametrize(("script", "password"), [(planned, False), (refused, False), (planned, True)])
def test_the_key_is_in_nothing_that_a_command_prints_or_leaves(tmp_path, script, password):
    with serving(script) as server:
        talkative = {"OPENAI_LOG": "debug", "PREFECT_LOGGING_LEVEL": "DEBUG", "TENFOLD_DEBUG": "1"}
        address = server.url.replace("//", f"//me:{SECRET}@") if password else server.url
        service = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": address}
        places = {"HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": str(ROOT)}
        wish = ["from a meadow to a branch", "--llm", "m", "--levels", "3", "--p", "2", "--set", "plan.rounds=1"]
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "plan", *wish, "--out", str(tmp_path / "runs"), "--no-engine"],
            env={**os.environ, **talkative, **service, **places},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert len(server.asked) == 1, done.stderr.decode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = {"output": done.stdout, "errors": done.stderr, **{str(path): path.read_bytes() for path in files}}
    assert b"[key]" in b"".join(texts.values()), "it was sent back, and hidden"
    for form in (SECRET, base64.b64encode(f"me:{SECRET}".encode()).decode()):
        for name, text in texts.items():
            found = [at for at in range(len(form) - TELLING) if form[at : at + TELLING].encode() in text]
            assert found == [], name


TOLD = [
    ["plan", f"from a meadow to {SECRET}"],
    ["plan", "a leaf", "--title", SECRET],
    ["zoom", f"from a meadow to {SECRET}"],
    ["zoom", "a meadow and a leaf", "--llm", SECRET],
]


@pytest.mark.parametrize("told", TOLD)
def test_a_key_in_a_wish_or_a_setting_is_refused_before_it_is_written(tmp_path, monkeypatch, capfd, told):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setattr(sys, "argv", ["tenfold", *told, "--out", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    printed = "".join(capfd.readouterr())
    assert "take it out" in printed
    assert SECRET not in printed
    assert list(tmp_path.iterdir()) == []
