"""`tenfold infinity` by several devices: understood, refused where it cannot be, the same bytes as by one."""

import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.doubles.planes import write_plane_folder


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


def tenfold(*arguments: object):
    return CliRunner().invoke(app, ["infinity", *map(str, arguments)])


def test_each_device_that_is_named_has_a_process(here, model):
    done = tenfold("render", "--model", model, "--device", "cpu, cpu", "--dry-run", "--json")
    look = json.loads(done.stdout)["window"]["look"]
    assert (look["device"], look["workers"]) == ("cpu,cpu", 2)


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("render", ("--device", "cpu,cuda:0"), "several of one kind as cuda:0,cuda:1"),
        ("render", ("--device", "auto,cpu"), "several of one kind"),
        ("render", ("--device", "cpu,"), "several of one kind"),
        ("render", ("--device", "tpu:7,tpu:8"), "cannot be used here"),
        ("render", ("--device", "cpu,cpu", "--workers", "3"), "2 for cpu,cpu; got --workers 3"),
        ("panorama", ("--device", "cpu,cpu", "--workers", "3"), "2 for cpu,cpu; got --workers 3"),
        ("evaluate", ("--device", "cpu,cpu"), "done by one device; got --device cpu,cpu"),
        ("invert", ("beside.png.json", "--device", "cpu,cpu"), "done by one device; got --device cpu,cpu"),
        ("render", ("--stretch", "1e308"), "from 2^-64 to 2^64"),
        ("render", ("--workers", "100000", "--size", "9000000x900", "--force"), "fewer --workers"),
        ("render", ("--batch", "100000000"), "smaller --tile or --batch"),
        ("render", ("--tile", "1000000"), "smaller --tile or --batch"),
        ("render", ("--period", "99999999999999999999"), "cells; got 99999999999999999999"),
        ("render", ("--style", "0,0,1", "--style", "0,9,2", "--blur", "100000001"), "got 100000001"),
        ("render", ("--style", "0,0,1", "--blur", "9"), "give --style, twice"),
        ("render", ("--reseed", "99999999999999999999,0,4x4,3"), "beyond coordinates of signed 64 bits"),
        ("render", ("--reseed", "0,9223372036854775807,4x4,3"), "beyond coordinates of signed 64 bits"),
        ("render", ("--reseed", "0,0,4000000x4000000,3"), "GiB of memory"),
        ("render", ("--out", "beside.png"), "beside.png.json is there already"),
        ("render", ("--again", "beside.png.json"), "of the format 'tenfold-window-9'"),
    ],
)
def test_what_cannot_be_is_refused_before_weights_are_loaded(here, model, monkeypatch, command, arguments, words):
    monkeypatch.setattr("tasks.infinity_render.load_generator", lambda *_, **__: pytest.fail("weights were loaded"))
    beside = here / "beside.png.json"
    beside.write_text('{"format": "tenfold-window-9", "tenfold": {"window": {}}}', encoding="utf-8")
    done = tenfold(command, "--model", model, *arguments, "--dry-run")
    assert (done.exit_code, "Traceback" in done.output) == (2, False), done.output
    assert words in done.stderr
    assert list(here.iterdir()) == [beside]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["render", "panorama"])
def test_two_devices_write_the_bytes_of_one(here, model, command):
    """With styles that change and a region of another seed."""
    options = ("--size", "320x150", "--tile", 11, "--style", "0,0,5", "--style", "0,140,6", "--reseed", "0,1,2x3,9")
    for device, name in (("cpu", "a.png"), ("cpu,cpu", "b.png")):
        done = tenfold(command, "--model", model, "--device", device, *options, "--out", name)
        assert done.exit_code == 0, done.output
    assert (here / "a.png").read_bytes() == (here / "b.png").read_bytes()
