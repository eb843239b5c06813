"""Prompts by looking, in a run: asked of a real service once, kept with the run, never without a key."""

import base64
import json

import pytest
import torch

from flows.failures import explain
from tasks.errors import RefusedError
from tasks.looking import describe, png, resolve_vision
from tasks.specs import RunConfig, with_settings
from tests.doubles.openai_server import Reply, serving
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import made, run
from tests.tasks.test_plan import prepared
from zoomlib.methods import load_method

SUPERRES = ("method=superres", "sampling.steps=2")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Without the user's settings."""
    for name in ("OPENAI_BASE_URL", "TENFOLD_VISION_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")


def test_a_vision_model_is_taken_where_the_method_looks_and_refused_elsewhere(monkeypatch):
    named = with_settings(RunConfig(), ["vision.model=eyes"])
    looks, blind = load_method("superres"), load_method("joint")
    assert resolve_vision(RunConfig(), looks).model is None
    monkeypatch.setenv("TENFOLD_VISION_MODEL", "others")
    assert resolve_vision(named, looks).model == "eyes"
    assert resolve_vision(RunConfig(), looks).model == "others"
    assert resolve_vision(RunConfig(), blind).model is None
    with pytest.raises(RefusedError, match=r"does not look at pictures. Leave vision\.model out"):
        resolve_vision(named, blind)


def test_every_level_but_the_widest_is_described_once_and_the_words_are_kept(tmp_path):
    with serving([Reply("dark veins"), Reply("green cells")]) as server:
        vision = ["vision.model=eyes", f"vision.base_url={server.url}"]
        report = run(tmp_path, *SUPERRES, *vision)
        assert len(server.asked) == 2
        assert made(run(tmp_path, *SUPERRES, *vision)) == []
        assert len(server.asked) == 2
    sent = [part["image_url"]["url"] for part in server.asked[0].body["messages"][1]["content"] if "image_url" in part]
    assert all(base64.b64decode(url.partition(",")[2]).startswith(b"\x89PNG") for url in sent)
    records = json.loads((report.run.folder / "records.json").read_text())
    assert [text for record in records for text in map(str, record.values()) if "dark veins" in text]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"sk-secret" not in file.read_bytes(), file
    plain = run(tmp_path, *SUPERRES)
    assert (plain.run.id != report.run.id, "sampling" in made(plain)) == (True, True)


def test_where_the_service_stands_does_not_change_the_run(tmp_path):
    one, two = ([*SUPERRES, "vision.model=eyes", f"vision.base_url=http://{host}/v1"] for host in ("a", "b"))
    assert prepared(tmp_path, *one).id == prepared(tmp_path, *two).id != prepared(tmp_path, *SUPERRES).id


def test_without_a_key_or_with_a_password_in_the_address_it_is_refused_before_loading(tmp_path, monkeypatch):
    studio = Studio()
    with pytest.raises(RefusedError, match=r"vision\.base_url was refused.*without name and password"):
        prepared(tmp_path, *SUPERRES, "vision.model=eyes", "vision.base_url=http://me:word@host/v1", studio=studio)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(RefusedError, match="no key for the vision model"):
        prepared(tmp_path, *SUPERRES, "vision.model=eyes", studio=studio)
    assert studio.loaded == []
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_fails_ends_the_command_in_a_paragraph_and_what_is_done_is_kept(tmp_path):
    with serving([Reply("dark veins"), Reply("no more", status=403)]) as server:
        vision = ["vision.model=eyes", f"vision.base_url={server.url}", "vision.retries=0"]
        with pytest.raises(ValueError, match="refused the key") as caught:
            run(tmp_path, *SUPERRES, *vision)
    code, words = explain(caught.value)
    assert (code, "goes on from there" in words, "sk-secret" in words) == (1, True, False)
    with serving([Reply("green cells")]) as server:
        run(tmp_path, *SUPERRES, "vision.model=eyes", f"vision.base_url={server.url}")
        assert len(server.asked) == 1


def test_views_are_sent_as_files_and_without_a_model_nothing_is(tmp_path):
    assert describe(prepared(tmp_path, *SUPERRES)) is None
    assert png(torch.zeros(3, 4, 4)).startswith(b"\x89PNG")
