"""`tenfold compose`: what it shows, makes and refuses."""

from functools import cache

import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from tests.zoomlib.registration.scenes import World, base, zoom
from zoomlib.film.video import probe
from zoomlib.registration.placement import Placement

SIZE = (96, 72)


@cache
def shown():
    return [*zoom(World(1), [SIZE] * 2, [Placement(2, 0.52, 0.5)]), World(5).view(base(SIZE), SIZE)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two pictures that make a zoom."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS", "TENFOLD_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "pictures").mkdir()
    for name, picture in zip(("near.png", "far.png"), shown()[1::-1], strict=True):
        Image.fromarray(picture).save(tmp_path / "pictures" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tenfold(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_dry_run_shows_what_was_found_and_writes_nothing(here):
    before = set(here.rglob("*"))
    done = tenfold("compose", "pictures", "--dry-run")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if line.rstrip().endswith(".png")]
    assert [row[-1] for row in rows] == ["far.png", "near.png"]
    assert float(rows[1][1]) == pytest.approx(2, rel=0.01)
    assert set(here.rglob("*")) == before


def test_a_run_is_made_of_pictures_with_a_film_as_large_as_they_are(here):
    done = tenfold("compose", "pictures", "--no-engine", "--fps", 4, "--title", "Far and near", "--quiet")
    assert done.exit_code == 0, done.output
    (run,) = (here / "runs" / "far-and-near").iterdir()
    assert done.stdout.strip() == str(run.relative_to(here) / "zoom.mp4")
    assert (run / "matches.png").is_file()
    info = probe(run / "zoom.mp4")
    assert (info.width, info.height) == SIZE
    again = tenfold("render", run, "--no-engine", "--size", 64, "--fps", 4, "--to", here / "again.mp4")
    assert again.exit_code == 0, again.output
    assert probe(here / "again.mp4").width == 64


def test_a_picture_that_does_not_belong_is_refused_by_name_and_can_be_left_out(here):
    Image.fromarray(shown()[2]).save(here / "pictures" / "other.png")
    done = tenfold("compose", "pictures", "--dry-run")
    assert done.exit_code == 2
    assert "other.png" in done.stderr
    assert "--without" in done.stderr
    assert tenfold("compose", "pictures", "--dry-run", "--without", "other.png").exit_code == 0


def test_the_order_of_names_and_an_assumed_factor_make_a_zoom_of_anything(here):
    Image.fromarray(shown()[2]).save(here / "pictures" / "z.png")
    done = tenfold("compose", "pictures", "--dry-run", "--order", "name", "--assume", 3)
    assert done.exit_code == 0, done.output
    assert "assumed" in done.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--title", "../../x"], "looks like a path"),
        (["--title", ""], "It is empty"),
        (["--size", "99999x3"], "film.size_px"),
        (["--set", "film.nonsense=3"], "no setting"),
    ],
    ids=["path", "no title", "size", "setting"],
)
def test_wrong_options_are_refused_before_pictures_are_compared(here, monkeypatch, wrong, said):
    monkeypatch.setattr("flows.composing.place", None)
    done = tenfold("compose", "pictures", *wrong)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_what_is_no_folder_is_refused(here):
    done = tenfold("compose", "nowhere")
    assert (done.exit_code, "is not a folder" in done.stderr) == (2, True)
    assert not (here / "runs").exists()
