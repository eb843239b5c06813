"""`tenfold extend` and `tenfold reroll`: what they make, print and refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.continuing import Request
from tests.flows.test_command import contents, here, refused, small, story, tenfold  # noqa: F401 - a fixture
from zoomlib.film.video import probe
from zoomlib.stack import ZoomStack

PROMPTS = ["a planet", "a green forest", "brown leaves"]


@pytest.fixture
def base(here, model_folder) -> Path:  # noqa: F811
    """The folder of a finished run."""
    result = tenfold("zoom", "-", *small(model_folder), "--method", "outpaint-direct", text=story(levels=PROMPTS))
    assert result.exit_code == 0, result.output
    (folder,) = (here / "runs" / "small").iterdir()
    return folder


def other(base: Path) -> Path:
    (folder,) = [path for path in base.parent.iterdir() if path != base]
    return folder


def config(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def test_a_run_is_extended_and_it_says_what_it_chose(base):
    result = tenfold("extend", base.name, "--levels", "2", "--no-engine")
    assert result.exit_code == 0, result.output
    assert "Note: The prompt of 2 new levels is that of the outermost level: a planet" in result.stderr
    assert "Pixels that were to be kept have changed by 0 of 255 at most." in result.stdout
    longer = other(base)
    assert config(longer)["base"] == base.name
    assert probe(longer / "zoom.mp4").frames == 4 * 8
    old, new = (ZoomStack.load(folder / "stack").levels for folder in (base, longer))
    assert (new[2:] == old).all()
    again = tenfold("extend", base, "--levels", "2", "--no-engine", "--quiet")
    assert again.stdout.strip() == str(longer / "zoom.mp4")
    assert again.stderr == ""


def test_options_of_an_extension_reach_the_run(base):
    options = ["--prompt", "x", "--method", "joint", "--deeper", "--set", "sampling.steps=3", "--set", "film.fps=2"]
    result = tenfold("extend", base, "--levels", "1", "--no-engine", *options)
    assert result.exit_code == 0, result.output
    facts = config(other(base))["config"]
    assert (facts["method"], facts["sampling"]["steps"], facts["film"]["fps"]) == ("joint", 3, 2)
    assert facts["base"]["levels"] == [0, 1, 2, None]
    assert facts["film"]["size_px"] == 64


def test_a_level_is_made_again(base):
    result = tenfold("reroll", base.name[:6], "--level", "1", "--no-engine", "--prompt", "brown sand")
    assert result.exit_code == 0, result.output
    facts = config(other(base))
    assert facts["config"]["base"] | {"sampled": "", "stack": []} == {
        "run": base.name,
        "levels": [0, None, 2],
        "open": [0],
        "sampled": "",
        "stack": [],
    }
    assert "brown sand" in (other(base) / "story.yaml").read_text()


def test_dry_runs_write_nothing(base, here):  # noqa: F811
    before = contents(here)
    longer = tenfold("extend", base.name, "--levels", "2", "--dry-run")
    assert f"Goes on from run {base.name}, of which 3 levels are kept." in longer.stdout
    assert f"{2 * 2 * 2} evaluations" in longer.stdout
    rolled = tenfold("reroll", base.name, "--level", "0", "--dry-run")
    assert "made again with the seed 1" in rolled.stderr
    assert contents(here) == before


REFUSED = {
    "unknown run": (["extend", "nobody", "--levels", "1"], "no such run under"),
    "no levels": (["extend", "RUN", "--levels", "0"], "1 to 61 more, not 0"),
    "deeper": (["extend", "RUN", "--levels", "1", "--deeper"], "cannot go on deeper. Use --method"),
    "too many levels": (["extend", "RUN", "--levels", "62"], "not 62"),
    "unknown setting": (["extend", "RUN", "--levels", "1", "--set", "film.fsp=3"], "Did you mean film.fps"),
    "unknown method": (["extend", "RUN", "--levels", "1", "--method", "jiont"], "joint"),
    "no such level": (["reroll", "RUN", "--level", "3"], "levels 0 to 2, not 3"),
    "empty prompt": (["reroll", "RUN", "--level", "1", "--prompt", ""], "empty"),
    "bad seed": (["reroll", "RUN", "--level", "1", "--seed", "-1"], "0 to 4294967295"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_a_paragraph(base, here, arguments, words):  # noqa: F811
    before = frozenset(contents(here))
    refused(here, tenfold(*[base.name if word == "RUN" else word for word in arguments]), words, before)


def test_an_unfinished_run_is_refused(base, here):  # noqa: F811
    (base / "config.json").unlink()
    result = tenfold("extend", base, "--levels", "1")
    refused(here, result, "holds no finished run: config.json is missing", frozenset(contents(here)))


def test_settings_of_the_command_line_go_over_named_options():
    assert Request("x", {"seed": 1, "method": "joint"}, ("seed=2",)).changes == {"seed": 2, "method": "joint"}


def test_a_margin_and_pictures_of_levels_go_from_the_command_to_the_film(here, model_folder):  # noqa: F811
    values = np.random.default_rng(0).integers(0, 65536, (64, 64)).astype(np.uint16)
    Image.fromarray(values).save(here / "deep.png")
    levels = [{"prompt": "a planet", "image": "deep.png"}, "a green forest", "brown leaves"]
    arguments = ["--method", "outpaint-sequential", "--margin", "8"]
    result = tenfold("zoom", "-", *small(model_folder), *arguments, text=story(levels=levels))
    assert result.exit_code == 0, result.output
    assert "Note: deep.png, level 0: Its 16 bits a channel became 8." in result.stderr
    (folder,) = (here / "runs" / "small").iterdir()
    facts = config(folder)
    assert (facts["config"]["p"], facts["notes"]) == (1.5, ["deep.png, level 0: Its 16 bits a channel became 8."])
    assert ZoomStack.load(folder / "stack").p == 1.5
    assert probe(folder / "zoom.mp4").frames == 16
    assert (folder / "scores.parquet").is_file()
    disagreeing = tenfold("zoom", "-", *small(model_folder), *arguments, "--p", "2", text=story(levels=levels))
    assert (disagreeing.exit_code, "Leave one of the two out" in disagreeing.stderr) == (2, True)
