"""The `tenfold` command without an engine: what it makes, prints and refuses."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import prompts
from flows import command, examination
from flows.cli import app
from tasks import environment
from zoomlib.film.video import probe

STORY = {"title": "Small", "p": 2, "levels": ["a [bold]green[/bold] forest", "brown leaves"]}
BOMB = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [{', '.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefgh")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, and an environment without the user's settings."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS", "TENFOLD_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def tenfold(*arguments: str, text: str | bytes = ""):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def small(model_folder: Path) -> list[str]:
    scorer = f"scores.scorer={model_folder / 'scorer'}"
    return ["--model", model_folder, "--steps", "2", "--fps", "4", "--size", "64", "--set", scorer, "--no-engine"]


def story(**changes) -> str:
    return json.dumps(STORY | changes)


LEVELS = [f"level {i}" for i in range(400)]
REFUSED_STORIES = {
    "unknown key": (story(colour="red"), "colour"),
    "no levels": (story(levels=[]), "level"),
    "levels missing": (json.dumps({"title": "x", "p": 2}), "levels"),
    "400 levels": (story(levels=LEVELS), "400"),
    "10,000 words": (story(levels=["word " * 10_000, "b"]), "Shorten"),
    "p of 1": (story(p=1), "p"),
    "p of 0": (story(p=0), "p"),
    "p of 1e9": (story(p=1.0e9), "p"),
    "p not whole": (story(p=1.5), "whole number"),
    "p does not divide": (story(p=3), "multiples of 12"),
    "path as title": (story(title="../../etc/x"), "path"),
    "emoji as title": (story(title="🚀"), "letter"),
    "empty prompt": (story(levels=["", "b"]), "empty"),
    "yaml bomb": ("title: x\np: 2\nlevels: [a]\n" + BOMB, "alias|anchor"),
    "duplicate keys": ("title: a\ntitle: b\np: 2\nlevels: [a, b]\n", "twice|duplicate|again"),
    "nothing": ("", "nothing in it"),
    "a list": ("[1, 2]", "mapping"),
    "broken yaml": ("title: [", "line"),
    "deep": ("[" * 5000, "deep|nest|brackets"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED_STORIES.values(), ids=REFUSED_STORIES)
def test_a_bad_story_is_refused_in_a_paragraph_and_nothing_is_written(here, model_folder, text, words):
    refused(here, tenfold("zoom", "-", *small(model_folder), text=text), words)


def refused(here: Path, result, words: str, left: frozenset[str] = frozenset()) -> None:
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert re.search(words, result.stderr, re.IGNORECASE), result.stderr
    assert result.stdout == ""
    assert len(result.stderr) < 1500
    assert contents(here) == left


REFUSED_OPTIONS = {
    "unknown story": (["no-such-story"], "ready stories"),
    "a folder": (["/"], "folder"),
    "unknown model": (["cosmic-leaf", "--model", "no-such-model"], "no-such-model"),
    "unknown method": (["cosmic-leaf", "--method", "jiont"], "joint"),
    "unknown scorer": (["cosmic-leaf", "--set", "scores.scorer=nobody"], "nobody"),
    "unknown setting": (["cosmic-leaf", "--set", "film.fsp=24"], "Did you mean film.fps"),
    "unknown method setting": (["cosmic-leaf", "--set", "sampling.etta=1"], "Did you mean eta"),
    "p of 1": (["cosmic-leaf", "--p", "1"], "whole number"),
    "p of 1e9": (["cosmic-leaf", "--p", "1e9"], "multiples"),
    "p not a number": (["cosmic-leaf", "--p", "nan"], "p was refused"),
    "no steps": (["cosmic-leaf", "--steps", "0"], "^Refused: The number of steps must be .* is 0"),
    "no seconds": (["cosmic-leaf", "--seconds-per-level", "0"], "seconds_per_level"),
    "small size": (["cosmic-leaf", "--size", "31"], "size_px"),
    "huge size": (["cosmic-leaf", "--size", "100000"], "size_px"),
    "no disk": (
        ["cosmic-leaf", "--size", "8192", "--fps", "240", "--seconds-per-level", "500"],
        "Not enough disk|frames",
    ),
    "no photo": (["cosmic-leaf", "--photo", "no.png"], "no.png"),
    "no device": (["cosmic-leaf", "--device", "cuda:77"], "device"),
    "out is a file": (["cosmic-leaf", "--out", "/dev/null"], "--out"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED_OPTIONS.values(), ids=REFUSED_OPTIONS)
def test_a_bad_option_is_refused_in_a_paragraph_and_nothing_is_written(here, model_folder, arguments, words):
    refused(here, tenfold("zoom", arguments[0], *small(model_folder), *arguments[1:]), words)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\x00" * 100, b"\xff\xfe" + bytes(range(255, 191, -1))]
)
def test_a_binary_file_is_no_story(here, model_folder, content):
    (here / "story.yaml").write_bytes(content)
    refused(here, tenfold("zoom", "story.yaml", *small(model_folder)), "story.yaml", frozenset({"story.yaml"}))


def test_a_damaged_photograph_is_refused(here, model_folder):
    (here / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = tenfold("zoom", "cosmic-leaf", *small(model_folder), "--photo", "photo.png")
    refused(here, result, "photo.png", frozenset({"photo.png"}))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES = {
    "weights cut off": ("unet/diffusion_pytorch_model.safetensors", cut, "unet.*damaged"),
    "weights empty": ("text_encoder/model.safetensors", lambda path: path.write_bytes(b""), "text_encoder.*damaged"),
    "no weights": ("unet/diffusion_pytorch_model.safetensors", Path.unlink, "unet has no safetensors"),
    "no large weights": ("super_resolution/diffusion_pytorch_model.safetensors", cut, "super_resolution.*damaged"),
    "no sizes": ("unet/config.json", lambda path: path.write_text("{}"), "out_channels"),
    "no parts": ("model_index.json", lambda path: path.write_text('{"unet": null}'), "configuration of the model"),
    "no scorer": ("scorer/open_clip_config.json", Path.unlink, "no scorer"),
}


@pytest.mark.parametrize(("file", "damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_model_is_refused_before_anything_is_written(here, model_folder, tmp_path, file, damage, words):
    folder = Path(shutil.copytree(model_folder, tmp_path / "model"))
    damage(folder / file)
    refused(here, tenfold("zoom", "-", *small(folder), text=story()), words)


def test_wrong_usage_exits_with_two(here):
    assert tenfold("zoom").exit_code == 2
    assert tenfold("zoom", "cosmic-leaf", "--speps", "4").exit_code == 2
    assert tenfold("zooom").exit_code == 2


def test_a_dry_run_shows_everything_and_writes_nothing(here, model_folder):
    result = tenfold("zoom", "cosmic-leaf", *small(model_folder), "--dry-run", "--set", "sampling.eta=0.5")
    assert result.exit_code == 0
    config = json.loads(result.stdout[: result.stdout.index("\n}\n") + 2])
    assert (config["sampling"]["eta"], config["sampling"]["steps"], config["p"]) == (0.5, 2, 2.0)
    levels = len(prompts.load_story("cosmic-leaf").levels)
    assert f"{levels * 2 * 2} evaluations" in result.stdout
    assert f"{(levels - 1) * 2 * 4} frames" in result.stdout
    assert contents(here) == set()


def test_the_main_job_and_what_it_says(here, model_folder):
    result = tenfold("zoom", "-", *small(model_folder), text=story())
    assert result.exit_code == 0, result.output
    (folder,) = (here / "runs" / "small").iterdir()
    assert f"runs/small/{folder.name}/zoom.mp4" in result.stdout
    assert "a [bold]green[/bold] forest" in result.stdout  # a story's words are never markup
    assert "mean" in result.stdout
    assert "sampling: made in" in result.stderr
    assert probe(folder / "zoom.mp4").frames == 8
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.json",
        "contact_sheet.png",
        "poster.png",
        "scores-video.parquet",
        "scores.parquet",
        "stack",
        "story.yaml",
        "view.html",
        "zoom.mp4",
    }
    (folder / "zoom.mp4").unlink()
    quiet = tenfold("zoom", folder / "story.yaml", *small(model_folder), "--quiet")
    assert quiet.stdout.strip() == f"runs/small/{folder.name}/zoom.mp4"
    assert quiet.stderr == ""
    assert (folder / "zoom.mp4").is_file()
    again = tenfold("zoom", "-", *small(model_folder), "--dry-run", text=story())
    assert again.stdout.count("reuse") == 8


def test_options_reach_the_film(here, model_folder):
    Image.new("RGB", (50, 40), "teal").save(here / "photo.png")
    options = ["--direction", "out", "--seconds-per-level", "1", "--p", "4", "--guidance", "1", "--seed", "5"]
    result = tenfold(
        "zoom", "-", *small(model_folder), *options, "--photo", "photo.png", "--out", "films", text=story()
    )
    assert result.exit_code == 0, result.output
    (facts,) = [json.loads(path.read_text()) for path in (here / "films").glob("small/*/config.json")]
    config = facts["config"]
    assert (config["p"], config["seed"], config["guidance"]["scale"]) == (4.0, 5, 1.0)
    assert config["film"]["direction"] == "out"
    assert config["photo"] == str(here / "photo.png")
    assert facts["seed"] == 5


def test_the_environment_names_the_folder_of_runs(here, model_folder, monkeypatch):
    monkeypatch.setenv("TENFOLD_RUNS", "elsewhere")
    result = tenfold("zoom", "-", *small(model_folder), "--dry-run", text=story())
    assert "elsewhere/small/" in result.stdout
    assert environment.read({"TENFOLD_DEBUG": "0", "TENFOLD_CACHE": ".cache/tenfold"}) == environment.Environment()
    assert environment.read({"TENFOLD_DEBUG": "1", "TENFOLD_MODELS": "m"}).debug


def test_stories_are_listed_printed_and_checked(here):
    listed = tenfold("stories").stdout
    assert all(name in listed for name in prompts.names())
    text = tenfold("stories", "cosmic-leaf").stdout
    assert prompts.parse_story(text) == prompts.load_story("cosmic-leaf")
    (here / "mine.yaml").write_text(text)
    assert "8 levels" in tenfold("check", "mine.yaml").stdout
    (here / "mine.yaml").write_text(text.replace("title:", "titel:"))
    result = tenfold("check", "mine.yaml")
    assert (result.exit_code, "titel" in result.stderr) == (2, True)
    assert tenfold("stories", "no-such-story").exit_code == 2


def test_the_schema_is_the_storys(here):
    assert json.loads(tenfold("schema").stdout) == prompts.schema()


def test_models_are_listed_and_a_broken_one_says_why(here, model_folder, monkeypatch):
    (here / "models" / "broken").mkdir(parents=True)
    (here / "models" / "broken" / "model_index.json").write_text("{}")
    result = tenfold("models")
    assert result.exit_code == 0
    assert "bundled" in result.stdout
    assert "cannot be used" in result.stdout
    monkeypatch.setenv("TENFOLD_MODELS", str(model_folder.parent))
    assert "32 x 32 px, 4 times larger" in tenfold("models").stdout


def test_doctor_says_what_is_broken(here, monkeypatch):
    monkeypatch.setattr(examination, "LOW_DISK_BYTES", 2**80)
    result = tenfold("doctor")
    assert result.exit_code == 1
    assert "BROKEN" in result.stdout
    assert "GB free" in result.stdout
    assert "video encoder" in result.stdout
    assert contents(here) == set()


def test_an_unexpected_error_is_one_paragraph_unless_debugging(here, model_folder, monkeypatch):
    monkeypatch.setattr(command, "prepare", lambda *_: (_ for _ in ()).throw(KeyError("\x1b[31mred")))
    result = tenfold("zoom", "cosmic-leaf")
    assert result.exit_code == 1
    assert "KeyError" in result.stderr
    assert "\x1b" not in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("TENFOLD_DEBUG", "1")
    assert "Traceback" in tenfold("zoom", "cosmic-leaf").stderr
