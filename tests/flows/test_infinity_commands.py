"""`tenfold infinity render` and `panorama`: what is written, made again bit for bit, refused before work, stopped."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from tests.doubles.planes import write_plane_folder
from zoomlib.images import to_uint8
from zoomlib.infinity import load_generator
from zoomlib.infinity.painting.plane import Plane


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "small")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def tenfold(*arguments: object):
    return CliRunner().invoke(app, ["infinity", *map(str, arguments)])


def pixels(path):
    return np.asarray(Image.open(path))


def test_a_window_is_painted_where_it_was_asked_for(here, model):
    done = tenfold("render", "--model", model, "--origin", "-20,7", "--size", "90x40", "--seed", 3, "--out", "a.png")
    assert done.exit_code == 0, done.output
    expected = load_generator(model).plane(3).window(-20, 7, 40, 90)
    assert np.array_equal(pixels("a.png"), to_uint8(expected.clamp(-1, 1)))
    assert names(here) == ["a.png", "a.png.json"]
    assert "tiles: " in done.stderr


def test_the_usual_window_has_the_horizon_in_its_middle(here, model):
    told = json.loads(tenfold("render", "--model", model, "--size", "64x50", "--dry-run", "--json").stdout)
    assert (told["window"]["y"], told["window"]["x"], told["file"]) == (-25, 0, "plane-0.png")
    assert told["estimate"]["tiles"] >= 1
    assert names(here) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--tile", 13, "--batch", 2, "--stretch", 2),
        ("--style", "0,0,5", "--style", "0,40,6", "--blur", 9),
        ("--style", "0,0,5", "--reseed", "0,1,2x3,9"),
    ],
    ids=["tiles", "styles", "regions"],
)
def test_the_file_beside_a_picture_makes_it_again(here, model, options):
    first = tenfold("render", "--model", model, "--size", "70x30", "--out", "a.png", *options)
    again = tenfold("render", "--again", "a.png.json", "--out", "b.png")
    plain = tenfold("render", "--model", model, "--size", "70x30", "--out", "c.png")
    assert [one.exit_code for one in (first, again, plain)] == [0, 0, 0], first.output + again.output
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
    assert not np.array_equal(pixels("a.png"), pixels("c.png"))


def test_a_panorama_closes_and_turns(here, model):
    """Of 128 px, 16 cells: turned by 48 px it is the same picture rolled, within a grey level."""
    for name, origin in (("a.png", "-16,0"), ("b.png", "-16,48")):
        done = tenfold("panorama", "--model", model, "--size", "128x32", "--origin", origin, "--out", name)
        assert done.exit_code == 0, done.output
    one, other = (pixels(name).astype(int) for name in ("a.png", "b.png"))
    assert np.abs(np.roll(one, -48, 1) - other).max() <= 1
    assert json.loads((here / "a.png.json").read_text())["tenfold"]["window"]["period"] == 16


def test_other_kinds_of_files_and_quiet(here, model):
    done = tenfold("render", "--model", model, "--size", "40x20", "--out", "below/a.tif", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "below/a.tif\n", "")
    assert (here / "below" / "a.tif.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "0x10"), "sides of 1 pixel or more"),
        (("--size", "-5x10"), "sides of 1 pixel or more"),
        (("--size", "1e3x10"), "WIDTHxHEIGHT"),
        (("--origin", "3"), "--origin as Y,X"),
        (("--origin", "9223372036854775807,0"), "beyond coordinates of signed 64 bits"),
        (("--origin", "0,-99999999999999999999999"), "beyond coordinates of signed 64 bits"),
        (("--seed", "-1"), "a seed from 0 to"),
        (("--style", "0,0"), "--style as Y,X,SEED"),
        (("--style", "0,0,1", "--style", "0,0,2"), "Move one"),
        (("--blur", "9"), "give --style"),
        (("--style", f"0,{2**63},1", "--style", "0,0,2"), "beyond coordinates of signed 64 bits"),
        (("--reseed", "0,0,3,4"), "--reseed as"),
        (("--tile", "3"), "too small"),
        (("--batch", "0"), "--batch 0"),
        (("--stretch", "nan"), "--stretch above 0"),
        (("--period", "0"), "--period 0"),
        (("--out", "a.bmp"), ".png, .tif, .tiff, .zarr"),
        (("--out", "there.png"), "there already"),
        (("--size", "9000000x9000000", "--out", "a.tif"), "about"),
        (("--size", "90000000x90000000", "--out", "a.tif", "--force"), "GiB"),
        (("--model", "nowhere"), "no folder of a generator"),
        (("--style", "0,0,1", "--style", "0,9,2", "--blur", "-1"), "1 pixel or more; got -1"),
        (("--again", "there.png"), "FILE.json"),
        (("--again", "nowhere.json"), "There is no file nowhere.json"),
        (("--again", "there.png", "--seed", "3"), "as it was"),
        (("--again", "there.png", "--tile", "9"), "as it was"),
        (("--device", "tpu-7"), "cannot be used here"),
    ],
)
def test_what_cannot_be_painted_is_refused_before_weights_are_loaded(here, model, monkeypatch, arguments, words):
    monkeypatch.setattr("tasks.infinity_render.load_generator", lambda *_, **__: pytest.fail("weights were loaded"))
    (here / "there.png").write_bytes(b"mine")
    named = () if "--model" in arguments else ("--model", model)
    done = tenfold("render", *named, *arguments)
    assert (done.exit_code, "Traceback" in done.output) == (2, False), done.output
    assert words in done.stderr
    assert names(here) == ["there.png"]


def test_a_panorama_of_no_whole_cells_is_refused_with_those_that_are(here, model):
    done = tenfold("panorama", "--model", model, "--size", "1001x20")
    assert (done.exit_code, "1000 or 1008" in done.stderr) == (2, True)


def test_a_full_disk_is_told_of_before_work(here, model, monkeypatch):
    usage = type("Usage", (), {"free": 2**20})
    monkeypatch.setattr("zoomlib.infinity.streams.writing.shutil.disk_usage", lambda _: usage)
    done = tenfold("render", "--model", model, "--size", "3000x3000")
    assert (done.exit_code, names(here)) == (2, [])
    assert "1.0 MiB free" in done.stderr


def test_ctrl_c_leaves_nothing(here, model, monkeypatch):
    painted, paint = [], Plane.paint

    def stopping(self, *arguments):
        painted.append(1)
        if len(painted) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return paint(self, *arguments)

    monkeypatch.setattr(Plane, "paint", stopping)
    done = tenfold("render", "--model", model, "--size", "200x200", "--tile", 9)
    assert (done.exit_code, len(painted)) == (130, 3)
    assert "Nothing was written" in done.stderr
    assert names(here) == []


def test_a_picture_of_other_weights_is_not_made_again(here, model, tmp_path_factory):
    other = write_plane_folder(tmp_path_factory.mktemp("planes") / "other", seed=1)
    tenfold("render", "--model", model, "--size", "20x20", "--out", "a.png")
    done = tenfold("render", "--again", "a.png.json", "--out", "b.png", "--model", other)
    assert (done.exit_code, "Name the folder of those with --model" in done.stderr) == (2, True)
