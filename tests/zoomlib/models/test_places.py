"""Where models are found: folders, a real client's cache, and a real HTTP server that speaks the hub's protocol."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.models import Sources, describe, find, load_denoiser
from zoomlib.models.files import hub

NAME = "someone/tiny-diffusion"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("model"), 4)[0]


@pytest.fixture
def server(model, hub_here):
    """A hub with one model."""
    hub_here.add(NAME, model, {"README.md": b"words", "unet/pytorch_model.bin": b"pickle", "run.py": b"exit()"})
    return hub_here


def test_a_model_of_the_hub_is_got_pinned_and_then_found_without_asking(server, model):
    seen = []
    sources = Sources(on_progress=lambda *news: seen.append(news))
    facts = describe(NAME, download=True, sources=sources)
    assert facts["id"] == NAME
    assert facts["commit"] == server.repositories[NAME].branches["main"]
    assert facts["revision"] == describe(model)["revision"], "a model is the same wherever it lies"
    assert facts["bytes"] == sum(
        (model / part).stat().st_size
        for part in (
            "unet/diffusion_pytorch_model.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
        )
    )
    assert {name for name, _, _ in seen} == {NAME}
    assert max(done for _, done, _ in seen) == max(total for _, _, total in seen)
    assert not [file for file in server.got() if file.endswith((".bin", ".py", ".md"))]
    server.asked.clear()
    z = torch.randn(1, 4, 8, 8)
    ours, theirs = load_denoiser(NAME), load_denoiser(model)
    step = ours.ladder(3)[0]
    condition = [d.condition(["a leaf"]) for d in (ours, theirs)]
    assert torch.equal(ours.predict_clean(z, step, condition[0]), theirs.predict_clean(z, step, condition[1]))
    assert describe(NAME, download=True) == facts
    assert server.asked == []


def test_a_newer_commit_is_taken_only_when_it_is_asked_for(server, model):
    old = describe(NAME, download=True)["commit"]
    new = server.add(NAME, model, {"unet/notes.txt": b"newer"})
    assert describe(NAME, download=True)["commit"] == old
    assert describe(f"{NAME}@{new}", download=True)["commit"] == new
    assert describe(f"{NAME}@{old}", download=True)["commit"] == old
    with pytest.raises(InvalidInputError, match=r"no revision 'draft'"):
        find(f"{NAME}@draft", download=True)


def test_nothing_is_asked_of_the_hub_unless_downloads_are_allowed(server, monkeypatch):
    with pytest.raises(InvalidInputError, match=f"tenfold models get {NAME}"):
        describe(NAME)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InvalidInputError, match="HF_HUB_OFFLINE"):
        describe(NAME, download=True)
    assert server.asked == []


def test_a_download_that_breaks_off_is_not_taken_for_a_model_and_goes_on(server):
    large = "unet/diffusion_pytorch_model.safetensors"
    server.cut = {large: 1000}
    with pytest.raises(InvalidInputError, match="what is here is kept"):
        describe(NAME, download=True)
    for look in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match="tenfold models get"):
            look(NAME)
    server.cut = {}
    server.asked.clear()
    assert describe(NAME, download=True)["shape"] == (4, 8, 8)
    assert "model_index.json" not in server.got(), "what is there is not got again"


def test_half_a_model_in_the_cache_is_said_and_made_whole(server):
    folder = find(NAME, download=True).folder
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InvalidInputError, match=r"not whole: vae has no safetensors; to get it: tenfold models get"):
        describe(NAME)
    server.asked.clear()
    describe(NAME, download=True)
    assert set(server.got()) <= {"vae/diffusion_pytorch_model.safetensors"}


def test_what_no_adapter_can_drive_is_refused_before_weights_are_got(server, model):
    index = json.loads((model / "model_index.json").read_text()) | {"unet": ["diffusers", "UNet3DConditionModel"]}
    server.add("someone/video", model, {"model_index.json": json.dumps(index).encode()})
    with pytest.raises(InvalidInputError, match="UNet3DConditionModel"):
        describe("someone/video", download=True)
    with pytest.raises(InvalidInputError, match="nearest is 16 x 16"):
        describe(NAME, size=(17, 16), download=True)
    assert not [file for file in server.got() if file.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda hub: setattr(hub.repositories[NAME], "gated", True), r"accept its licence at http.*hf auth login"),
        (lambda hub: hub.repositories.pop(NAME), "unknown to the hub, or private"),
        (lambda hub: setattr(hub, "down", True), "could not be got from http"),
        (lambda hub: hub.repositories[NAME].add({"model.safetensors": b""}), r"no model_index.json, it holds model"),
    ],
)
def test_why_a_model_cannot_be_had_is_said_in_one_paragraph(server, spoil, words):
    spoil(server)
    with pytest.raises(InvalidInputError, match=words) as refusal:
        describe(NAME, download=True)
    assert "\n" not in str(refusal.value)


def test_pickles_alone_are_refused_and_never_got(server, model):
    files = server.repositories[NAME].commits[server.repositories[NAME].branches["main"]]
    kept = {name: text for name, text in files.items() if not name.startswith("unet/diff")}
    server.repositories["someone/old"] = type(server.repositories[NAME])()
    server.repositories["someone/old"].add(kept)
    with pytest.raises(InvalidInputError, match=r"no safetensors for unet.*can run code"):
        describe("someone/old", download=True)
    assert not [file for file in server.got() if file.endswith(".bin")]


def test_the_first_that_is_there_is_taken(server, model):
    assert describe("someone/else", fallbacks=[NAME, model], download=True)["id"] == NAME
    with pytest.raises(InvalidInputError, match=r"'no/such' is unknown.*'nor-this' is neither"):
        find("no/such", ["nor-this"], download=True)


def test_a_model_of_the_models_folder_comes_before_the_cache(server, model, tmp_path):
    sources = Sources(models=tmp_path / "models")
    place = shutil.copytree(model, tmp_path / "models" / "someone" / "tiny-diffusion")
    shutil.copytree(model, tmp_path / "models" / "plain")
    assert find(NAME, sources=sources, download=True).folder == place
    assert describe("plain", sources=sources)["id"] == "plain"
    assert load_denoiser("plain", sources=sources).shape == (4, 8, 8)
    assert server.asked == []


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../b",
        "a/b/c",
        "/etc/passwd",
        "a/b@../../c",
        "a--b/c",
        "a/b@",
        "",
        "a b/c",
        "~/x/y",
        "a/.b",
        "~nobody/x",
        "a" * 300,
    ],
)
def test_names_never_become_paths_unchecked(name, tmp_path):
    assert hub.hub_id(name) is None or ".." not in str(hub.hub_id(name))
    with pytest.raises(InvalidInputError, match="No model found"):
        find(name, sources=Sources(models=tmp_path / "models"))


def test_a_commit_that_a_hub_names_is_no_path(server, model, tmp_path):
    repository = server.repositories[NAME]
    repository.commits["../../.."] = repository.commits[repository.branches["main"]]
    repository.branches["main"] = "../../.."
    with pytest.raises(InvalidInputError, match="no commit at the hub"):
        describe(NAME, download=True)
    assert server.got() == []


def test_files_that_a_hub_names_stay_in_the_model_s_folder(server, model, tmp_path):
    evil = {"../../evil.json": b"{}", "unet/../../evil.txt": b"x", "/tmp/evil.json": b"{}", "unet/a/b.json": b"{}"}
    server.add(NAME, model, evil)
    describe(NAME, download=True)
    assert not list(tmp_path.rglob("evil*"))
    assert not any("evil" in file for file in server.got())


def test_a_process_of_its_own_finds_hub_and_cache_by_the_usual_variables(server, tmp_path):
    code = (
        "import json; from zoomlib.models import describe; "
        f"print(json.dumps(describe({NAME!r}, download=True)['commit']))"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "home")}
    environment = {k: v for k, v in environment.items() if k not in ("HF_HUB_OFFLINE", "HF_HUB_CACHE")}

    def run(**more: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True, check=False)

    done = run()
    assert json.loads(done.stdout) == server.repositories[NAME].branches["main"], done.stderr
    asked = len(server.asked)
    assert run(HF_HUB_OFFLINE="1").stdout == done.stdout
    assert len(server.asked) == asked
    assert list((tmp_path / "home" / "hub").glob("models--someone--tiny-diffusion"))
