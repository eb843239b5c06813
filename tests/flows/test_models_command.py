"""`tenfold models`, `tenfold models get` and runs with a hub's models, with a real server and the real client."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.doubles.hub_server import send_client_to, serving

NAME = "someone/small-model"


@pytest.fixture
def hub(model_folder, tmp_path, monkeypatch):
    """A hub, an empty cache, and an empty working folder."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS", "TENFOLD_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "digests"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with serving() as service:
        service.add(NAME, model_folder)
        send_client_to(service, tmp_path / "cache", monkeypatch)
        yield service


def tenfold(*arguments: object, text: str = ""):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


def test_a_model_is_got_listed_and_renewed(hub, model_folder):
    assert NAME not in tenfold("models").stdout
    done = tenfold("models", "get", NAME)
    assert done.exit_code == 0, done.output
    assert hub.repositories[NAME].branches["main"] in done.stdout
    assert any(file.startswith("super_resolution/") for file in hub.got()), "the net for larger pictures, too"
    assert not any("scorer" in file for file in hub.got())
    rows = {row["name"]: row for row in json.loads(tenfold("models", "--json").stdout)}
    assert rows[NAME]["place"] == "cache"
    assert "32 x 32 px, 4 times larger" in rows[NAME]["note"]
    assert rows[NAME]["bytes"] > 0
    newer = hub.add(NAME, model_folder, {"unet/notes.txt": b"newer"})
    assert newer in tenfold("models", "get", NAME).stdout


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("no/such", 1, "unknown to the hub"), ("../x", 2, "Expected ORG/NAME"), ("bundled", 2, "Expected ORG/NAME")],
)
def test_what_cannot_be_got_is_said_in_a_paragraph(hub, name, code, words):
    result = tenfold("models", "get", name)
    assert (result.exit_code, "Traceback" in result.output) == (code, False)
    assert words in result.stderr


@pytest.mark.parametrize("story", ["cosmic-leaf", "from a planet to a leaf"])
def test_a_dry_run_gets_nothing_and_says_how(hub, story):
    result = tenfold("zoom", story, "--model", NAME, "--dry-run")
    assert result.exit_code == 2
    assert f"tenfold models get {NAME}" in result.stderr
    assert hub.asked == []
    assert tenfold("zoom", story, "--model", NAME, "--set", "model.download=false").exit_code == 2
    assert hub.asked == []


def test_a_run_gets_its_model_and_records_name_and_commit(hub, tmp_path):
    story = json.dumps({"title": "Small", "p": 2, "levels": ["a green forest", "brown leaves"]})
    small = ["--steps", 1, "--fps", 4, "--size", 64, "--set", "scores.scorer=none", "--no-engine", "--quiet"]
    result = tenfold("zoom", "-", "--model", "no/such", "--set", f'model.fallbacks=["{NAME}"]', *small, text=story)
    assert result.exit_code == 0, result.output
    config = next((tmp_path / "here" / "runs").glob("small/*/config.json"))
    told = json.loads(config.read_text())
    assert told["model"]["id"] == NAME
    assert told["model"]["commit"] == hub.repositories[NAME].branches["main"]


def test_presets_are_listed_and_the_doctor_names_one(hub):
    listed = tenfold("models", "presets").stdout
    assert all(name in listed for name in ("cpu", "gpu-8gb", "gpu-24gb", "gpu-80gb"))
    told = json.loads(tenfold("models", "presets", "--json").stdout)
    assert {"name", "needs", "settings"} <= told[0].keys()
    found = tenfold("doctor", "--json")
    facts = json.loads(found.stdout)
    assert facts["preset"] in listed
    assert facts["versions"]["torch"]
    here = [(row["name"], row["family"]) for row in facts["models"]]
    assert here == [("bundled", "pixel UNet"), ("bundled", "infinity"), ("bundled-map", "infinity")]
    assert facts["ok"] == (found.exit_code == 0)
    assert hub.asked == []


def test_what_takes_long_is_shown(hub, monkeypatch):
    monkeypatch.setattr("tasks.models.MB", 1)
    monkeypatch.setattr("tasks.models.READ_LEAST", 1)
    files = hub.repositories[NAME].commits[hub.repositories[NAME].branches["main"]]
    told = tenfold("models", "get", NAME).stderr
    assert f"download: {len(files['unet/diffusion_pytorch_model.safetensors'])} MB of {NAME}" in told
    assert "reading: " in told
