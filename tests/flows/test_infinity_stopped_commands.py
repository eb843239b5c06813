"""`tenfold infinity render` and `outpaint`, stopped and killed: the same command goes on, and what is said is true."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from tasks import infinity_render
from tests.doubles.planes import write_plane_folder
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.streams import remainder
from zoomlib.infinity.streams.png import PngPacker

SIZE = ("--origin", "-16,0", "--size", "128x64", "--tile", 9)
"""Of tiles of 32 px: 3 rows of 4."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "small")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a picture; all that is stopped is kept."""
    for name in ("TENFOLD_DEBUG", "TENFOLD_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(remainder, "KEEP_FROM_S", 0.0)
    monkeypatch.chdir(tmp_path)
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(coarse).resize((40, 24), Image.Resampling.BICUBIC).save(tmp_path / "in" / "a.png")
    return tmp_path


@pytest.fixture
def stopping(monkeypatch):
    """Presses Ctrl-C before a number of tiles, counted from now on, is painted."""

    def at(number):
        painted, paint = [], Plane.paint

        def painting(self, *arguments):
            painted.append(1)
            if len(painted) == number:
                os.kill(os.getpid(), signal.SIGINT)
            return paint(self, *arguments)

        patch = monkeypatch.context()
        patch.__enter__().setattr(Plane, "paint", painting)
        return patch

    return at


def tenfold(*arguments: object):
    return CliRunner().invoke(app, ["infinity", *map(str, arguments)])


def stopped(stopping, number, *arguments):
    patch = stopping(number)
    done = tenfold(*arguments)
    patch.__exit__(None, None, None)
    assert (done.exit_code, "Traceback" in done.output) == (130, False), done.output
    return done.stderr


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in ("in", "runs"))


def test_a_render_that_was_stopped_goes_on(here, model, stopping):
    given = ("render", "--model", model, *SIZE)
    assert tenfold(*given, "--out", "whole.png").exit_code == 0
    said = stopped(stopping, 6, *given, "--out", "a.png")
    assert "What is painted is kept in .a.png.kept: the same command goes on from there." in said
    assert names(here) == [".a.png.kept", "whole.png", "whole.png.json"]
    done = tenfold(*given, "--out", "a.png")
    assert "tiles: 12 tiles, going on from 5" in done.stderr, done.output
    assert (here / "a.png").read_bytes() == (here / "whole.png").read_bytes()
    assert (here / "a.png.json").read_bytes() == (here / "whole.png.json").read_bytes()
    assert names(here) == ["a.png", "a.png.json", "whole.png", "whole.png.json"]


def test_force_begins_anew_and_goes_on_with_what_force_has_begun(here, model, stopping):
    given = ("render", "--model", model, *SIZE, "--out", "a.png")
    stopped(stopping, 6, *given)
    assert "tiles: 12 tiles\n" in stopped(stopping, 9, *given, "--force")
    assert "tiles: 12 tiles\n" in stopped(stopping, 2, *given)
    assert tenfold(*given).exit_code == 0
    before = (here / "a.png").read_bytes()
    again = (*given, "--seed", "1", "--force")
    stopped(stopping, 8, *again)
    assert (here / "a.png").read_bytes() == before
    done = tenfold(*again)
    assert "going on from 7" in done.stderr, done.output
    assert (here / "a.png").read_bytes() != before
    assert names(here) == ["a.png", "a.png.json"]


def test_of_several_pictures_those_that_are_whole_stay(here, model, stopping):
    """Found again are those of the same command alone."""
    given = ("outpaint", "in/a.png", "--model", model, "--steps", 3, "--size", "60x30", "--tile", 12)
    whole = tenfold(*given, "--seeds", "0,1,2", "--out", "w.png")
    assert whole.exit_code == 0, whole.output
    given = (*given, "--seeds", "0,1,2", "--out", "o.png")
    tiles = int(whole.stderr.split("tiles: ")[1].split(" tiles")[0])
    said = stopped(stopping, tiles + 2, *given)
    assert "Kept are inversions, whole pictures and what is painted of the next: the same command goes on" in said
    assert [name for name in names(here) if "o-" in name] == [".o-1.png.kept", "o-0.png", "o-0.png.json"]
    beside = json.loads((here / "o-0.png.json").read_text())
    (here / "o-0.png.json").write_text(json.dumps({**beside, "revision": "other"}))
    refused = tenfold(*given)
    assert (refused.exit_code, "o-0.png is there already" in refused.stderr) == (2, True), refused.output
    (here / "o-0.png.json").write_text(json.dumps(beside))
    done = tenfold(*given, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("tiles: reused") == 1
    assert done.stderr.count("going on from 1") == 1
    for seed in (0, 1, 2):
        assert (here / f"o-{seed}.png").read_bytes() == (here / f"w-{seed}.png").read_bytes()
    assert tenfold(*given).exit_code == 2


def test_a_full_disk_keeps_what_was_painted_and_says_so(here, model, monkeypatch):
    """Of pictures around others as of windows."""
    given = ("outpaint", "in/a.png", "--model", model, "--steps", 3, "--size", "60x30", "--tile", 12, "--out", "o.png")
    with monkeypatch.context() as patch:
        patch.setattr(PngPacker, "end", no_room)
        done = tenfold(*given)
    assert "Kept are inversions and what is painted of the next: the same command goes on from there." in done.stderr
    assert names(here) == [".o.png.kept"]
    assert "going on from" in tenfold(*given).stderr


def no_room(packer, file):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_picture_that_has_come_meanwhile_is_not_replaced(here, model, monkeypatch):
    """By another command, while this one read its weights."""
    given, load = ("render", "--model", model, *SIZE, "--out", "a.png"), infinity_render.loaded

    def loaded(*arguments):
        (here / "a.png").write_bytes(b"another's")
        return load(*arguments)

    monkeypatch.setattr(infinity_render, "loaded", loaded)
    done = tenfold(*given)
    assert (done.exit_code, "a.png is there already" in done.stderr) == (2, True), done.output
    assert (here / "a.png").read_bytes() == b"another's"
    assert names(here) == ["a.png"]
    assert tenfold(*given, "--force").exit_code == 0


@pytest.mark.slow  # processes load torch
@pytest.mark.parametrize(("suffix", "workers"), [("png", 1), ("tif", 2), ("zarr", 1)])
def test_a_render_that_was_killed_goes_on(here, model, suffix, workers):
    """kill -9, twice, wherever it may be."""
    given = ["infinity", "render", "--model", model, "--tile", 9, "--size", "700x600", "--workers", workers, "--out"]
    command = [sys.executable, "-c", "from flows.cli import main; main()", *map(str, given)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    for _ in range(2):
        process = subprocess.Popen([*command, f"a.{suffix}"], env=environment, stderr=subprocess.DEVNULL)
        kept = here / f".a.{suffix}.kept"
        before = remainder.kept_bytes(here / f"a.{suffix}")
        while remainder.kept_bytes(here / f"a.{suffix}") < before + 60_000 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert remainder.is_kept(here / f"a.{suffix}")
        assert not (here / f"a.{suffix}").exists()
    gone_on = subprocess.run([*command, f"a.{suffix}"], env=environment, capture_output=True, text=True, check=False)
    assert (gone_on.returncode, "going on from" in gone_on.stderr) == (0, True), gone_on.stderr
    assert not kept.exists()
    done = subprocess.run([*command, f"b.{suffix}"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "going on from" in done.stderr) == (0, False), done.stderr
    one, other = (sorted(here.glob(f"{name}.{suffix}/**/*")) or [here / f"{name}.{suffix}"] for name in "ab")
    assert [p.read_bytes() for p in one if p.is_file()] == [p.read_bytes() for p in other if p.is_file()]
