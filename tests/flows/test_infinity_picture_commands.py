"""`tenfold infinity invert`, `outpaint`, `between` and `evaluate`: kept, gone on with, refused before work."""

import json
import os
import signal
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tasks.infinity_pictures as pictures_module
from flows.cli import app
from tests.doubles.planes import SMALL, write_plane_folder
from zoomlib.infinity.inversion.between import smallest_gap_px

STEPS = ("--steps", 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "small")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two pictures."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    for name, seed in (("a", 0), ("b b", 1)):
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((40, 24), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    return tmp_path


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def tenfold(*arguments: object):
    return CliRunner().invoke(app, ["infinity", *map(str, arguments)])


def test_a_picture_is_inverted_once_and_found_again(here, model):
    given = ("invert", "a.png", "--model", model, *STEPS, "--json")
    first, again = (tenfold(*given) for _ in range(2))
    assert first.exit_code == 0, first.output
    facts = json.loads(first.stdout)
    assert (facts["at"], facts["size"]) == ([-12, 0], [24, 40])
    assert 0 < facts["error"] < 2
    assert [name.split("-")[0] for name in names(facts["inversion"])] == [
        "inversion",
        "inversion.json",
        "painted.png",
        "picture.png",
    ]
    assert json.loads(again.stdout) == facts
    assert "inversion: reused" in again.stderr
    assert names(here / "runs" / "_inversions") == [Path(facts["inversion"]).name]


def test_what_ctrl_c_stops_goes_on_from_there_and_ends_the_same(here, model, monkeypatch):
    inverting = pictures_module.inverting

    def stopping(*arguments, **options):
        for state in inverting(*arguments, **options):
            if state.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield state

    given = ("invert", "a.png", "--model", model, "--steps", 5)
    with monkeypatch.context() as patch:
        patch.setattr(pictures_module, "inverting", stopping)
        stopped = tenfold(*given, "--out", "one")
    assert (stopped.exit_code, "goes on from there" in stopped.stderr) == (130, True), stopped.output
    gone_on, whole = tenfold(*given, "--out", "one"), tenfold(*given, "--out", "two")
    assert gone_on.exit_code == whole.exit_code == 0
    assert "going on from" in gone_on.stderr
    one, two = (json.loads((here / name / "inversion.json").read_text()) for name in ("one", "two"))
    assert one == two
    assert not list((here / "one").glob("state*"))


def test_a_picture_is_gone_on_with_otherwise_for_each_seed_and_stays(here, model):
    """Inside the picture all seeds paint the same bit for bit; pasted, it is the picture itself."""
    done = tenfold("outpaint", "a.png", "--model", model, *STEPS, "--seeds", "0,7", "--out", "o.png", "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["files"] == ["o-0.png", "o-7.png"]
    one, other = (np.asarray(Image.open(name)) for name in facts["files"])
    left = (one.shape[1] - 40) // 2
    assert one.shape[0] == 24
    assert left > 40
    assert np.array_equal(one[:, left : left + 40], other[:, left : left + 40])
    assert all(not np.array_equal(one[:, x], other[:, x]) for x in (*range(40), *range(-40, 0)))
    (folder,) = facts["inversions"]
    pasted = tenfold("outpaint", folder, "--model", model, "--paste", "--size", "60x30", "--out", "p.png")
    assert pasted.exit_code == 0, pasted.output
    assert np.array_equal(np.asarray(Image.open("p.png"))[3:27, 10:50], np.asarray(Image.open("a.png")))
    told = json.loads((here / "o-7.png.json").read_text())["tenfold"]["outpainted"]
    assert (told["seen"]["seed"], told["pictures"][0]["inversion"]) == (7, folder)


def test_two_pictures_stand_side_by_side_with_the_way_between_them(here, model):
    gap = smallest_gap_px(SMALL)
    given = ("between", "a.png", "b b.png", "--model", model, *STEPS, "--gap", gap, "--paste")
    done = tenfold(*given)
    assert done.exit_code == 0, done.output
    made = np.asarray(Image.open("a-b-b.png"))
    assert made.shape == (24, 80 + gap, 3)
    assert np.array_equal(made[:, :40], np.asarray(Image.open("a.png")))
    assert np.array_equal(made[:, -40:], np.asarray(Image.open("b b.png")))
    told = tenfold(*given, "--closed", "--dry-run", "--out", "c.png")
    assert told.exit_code == 0, told.output
    assert f"{-(-(80 + 2 * gap) // 8) * 8} x 24 px" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("invert", "nowhere.png"), "is not there"),
        (("invert", "a.png", "--longest", 10), "A picture to invert has at least 16"),
        (("invert", "a.png", "--at", "9223372036854775807,0"), "64 bits"),
        (("invert", "a.png", "--steps", 0), "at least 1 step"),
        (("invert", "text.png"), "cannot be read as a picture"),
        (("invert", "a.png", "--lpips", "nowhere"), "LPIPS"),
        (("invert", "a.png", "--out", "text.png"), "is a file"),
        (("outpaint", "empty"), "of no inversion"),
        (("outpaint", "a.png", "--seeds", "1,1"), "each once"),
        (("outpaint", "a.png", "--feather", 3), "with --paste"),
        (("outpaint", "a.png", "--size", "0x3"), "1 pixel or more"),
        (("outpaint", "a.png", "--out", "a.png"), "there already"),
        (("between", "a.png", "b b.png", "--gap", 3), "need"),
        (("between", "a.png", "b b.png", "--blur", 10**4), "a blur of 1 to"),
        (("evaluate", "--reference", "nowhere"), "not a folder of pictures"),
        (("evaluate", "--reference", "empty"), "no picture"),
        (("evaluate", "--protocols", "fid"), "got fid"),
        (("evaluate", "--images", 1), "two pictures or more"),
        (("evaluate", "--scales", "0"), "scales of 1 or more"),
        (("evaluate", "--extractor", "inception:nowhere"), "no file"),
        (("evaluate", "--real-size", 0), "real size"),
    ],
)
def test_what_cannot_be_done_is_refused_before_weights_are_loaded(here, model, monkeypatch, arguments, words):
    monkeypatch.setattr("tasks.infinity_render.load_generator", lambda *_, **__: pytest.fail("weights were loaded"))
    (here / "empty").mkdir()
    (here / "text.png").write_text("no picture")
    before = names(here)
    done = tenfold(*arguments, "--model", model)
    assert (done.exit_code, "Traceback" in done.output) == (2, False), done.output
    assert words in done.stderr
    assert names(here) == before


def test_a_picture_that_memory_has_no_room_for_is_refused_with_a_way_out(here, model, monkeypatch):
    monkeypatch.setattr("zoomlib.infinity.inversion.area.free_bytes", lambda _: 1000)
    done = tenfold("invert", "a.png", "--model", model)
    assert (done.exit_code, "GiB free" in done.stderr, "--longest" in done.stderr) == (2, True, True), done.output


def test_a_dry_run_writes_nothing(here, model):
    for given in (("invert", "a.png"), ("outpaint", "a.png", "--seeds", "0,1"), ("evaluate",)):
        done = tenfold(*given, "--model", model, "--dry-run")
        assert (done.exit_code, "Nothing was written" in done.stdout) == (0, True), done.output
    assert names(here) == ["a.png", "b b.png"]


def test_an_inversion_of_other_weights_is_refused(here, model, tmp_path_factory):
    folder = json.loads(tenfold("invert", "a.png", "--model", model, *STEPS, "--json").stdout)["inversion"]
    other = write_plane_folder(tmp_path_factory.mktemp("planes") / "other", seed=1)
    done = tenfold("outpaint", folder, "--model", other)
    assert (done.exit_code, "invert the picture again" in done.stderr) == (2, True), done.output


def test_a_dry_run_of_scores_is_json_where_that_is_asked(here, model):
    done = tenfold("evaluate", "--model", model, "--dry-run", "--json", "--images", 3, "--protocols", "patch")
    facts = json.loads(done.stdout)
    (shot,) = facts["shots"]
    assert (facts["images"], facts["pixels"]) == (3, 3 * shot["side_px"] ** 2)


def test_a_damaged_inversion_of_the_runs_is_made_again(here, model):
    folder = Path(json.loads(tenfold("invert", "a.png", "--model", model, *STEPS, "--json").stdout)["inversion"])
    (tensors,) = folder.glob("*.safetensors")
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = tenfold("outpaint", folder, "--model", model, "--out", "out.png")
    assert (done.exit_code, "damaged" in done.stderr, "Remove" in done.stderr) == (2, True, True), done.output
    done = tenfold("invert", "a.png", "--model", model, *STEPS)
    assert done.exit_code == 0, done.output
    assert tensors.read_bytes() == whole


def test_a_generator_is_judged_by_the_world_that_it_learned(here):
    done = tenfold("evaluate", "--model", "bundled-map", "--dry-run")
    assert (done.exit_code, "of maps" in done.stdout) == (0, True), done.output


def test_a_plane_without_a_horizon_is_not_stretched(here):
    done = tenfold("render", "--model", "bundled-map", "--stretch", 3)
    assert (done.exit_code, "no horizon" in done.stderr) == (2, True), done.output


def test_a_generator_is_judged_and_rows_are_written(here, model):
    given = ("evaluate", "--model", model, "--images", 3, "--scales", "1,2")
    done = tenfold(*given)
    assert done.exit_code == 0, done.output
    for words in ("Fréchet", "ScaleInv Fréchet, 2x, antialiased", "Spatial Fréchet", "not of Inception", "3 pictures"):
        assert words in done.stdout
    assert "FID" not in done.stdout.partition("The distances")[0]
    (file,) = (here / "runs" / "_sets").glob("*/scores.parquet")
    rows = duckdb.sql(f"SELECT score, value, story, method, model, scope FROM '{file}'").fetchall()
    found = {row[0]: row[1] for row in rows}
    assert {row[2:] for row in rows} == {("landscapes", "infinity", "small", "set")}
    assert found["scaleinv_set_images_2x"] == found["spatial_reference_images"] == 3
    assert found["scaleinv_frechet_distance_1x"] == pytest.approx(found["ext2_frechet_distance"], rel=1e-6)
    assert json.loads((file.parent / "generator.json").read_text())["sizes"]["full_px"] == 2 * SMALL.patch_px - 5
    again = tenfold(*given, "--protocols", "ext2", "--quiet")
    assert again.stdout.strip() != str(file.relative_to(here))
    assert Path(again.stdout.strip()).is_file()
