"""`tenfold view`: the page of a finished run, found, made again, written elsewhere, opened."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from flows.cli import app
from prompts import Story
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio

SETTINGS = ["scores.scorer=none", "sampling.steps=3", "film.fps=4", "film.seconds_per_level=0.5", "film.size_px=32"]
STORY = {"title": "Seen", "p": 2, "levels": [{"prompt": "a </script> wood", "width_m": 8}, "leaves", "a leaf"]}


@pytest.fixture
def finished(tmp_path):
    """A finished run's folder."""
    config = with_settings(RunConfig(), SETTINGS)
    return run_zoom(config, Story.model_validate(STORY), tmp_path / "runs", tools=Studio().tools()).run.folder


def view(*arguments):
    return CliRunner().invoke(app, ["view", "--no-open", *map(str, arguments)])


def scene(page):
    return json.loads(re.search(r'id="scene">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)[1])


def test_a_run_has_a_page_that_tells_its_story(finished):
    found = scene(finished / "view.html")
    assert found["title"] == "Seen"
    assert found["prompts"] == ["a </script> wood", "leaves", "a leaf"]
    assert found["widths"] == pytest.approx([8, 4, 2])
    assert found["facts"] == {
        "Pictures": "made by a machine: Tenfold with an image model",
        "Method": "joint",
        "Model": "bundled r1",
        "Seed": "0",
    }


@pytest.mark.parametrize("name", ["folder", "id", "beginning"])
def test_the_page_is_found_by_whatever_names_the_run(finished, name):
    names = {"folder": finished, "id": finished.name, "beginning": finished.name[:6]}
    before = (finished / "view.html").read_bytes()
    done = view(names[name], "--out", finished.parents[1])
    assert (done.exit_code, done.output.strip()) == (0, str(finished / "view.html"))
    assert (finished / "view.html").read_bytes() == before


def test_a_page_that_is_gone_or_changed_comes_again(finished):
    page = finished / "view.html"
    before = page.read_bytes()
    for damage in (page.unlink, lambda: page.write_text("half")):
        damage()
        assert view(finished).exit_code == 0
        assert page.read_bytes() == before


def test_a_run_that_was_taken_elsewhere_makes_the_same_page(finished, tmp_path):
    alone = shutil.copytree(finished, tmp_path / "alone")
    (alone / "view.html").unlink()
    done = view(alone)
    assert (done.exit_code, done.output.strip()) == (0, str(alone / "view.html"))
    assert (alone / "view.html").read_bytes() == (finished / "view.html").read_bytes()
    assert {path.name for path in alone.iterdir()} == {path.name for path in finished.iterdir()}


def test_it_can_be_written_elsewhere_but_not_over_another_file(finished, tmp_path):
    target = tmp_path / "mine.html"
    assert view(finished, "--to", target).exit_code == 0
    assert view(finished, "--to", target).exit_code == 0  # the same page may stay
    assert target.read_bytes() == (finished / "view.html").read_bytes()
    target.write_text("another")
    refused = view(finished, "--to", target)
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert target.read_text() == "another"
    assert view(finished, "--to", target, "--force").exit_code == 0
    assert target.read_bytes() == (finished / "view.html").read_bytes()


def test_what_cannot_be_shown_is_refused(finished, tmp_path):
    assert "There is no such run" in view("nothing", "--out", tmp_path).output
    missing = view(finished, "--to", tmp_path / "no" / "page.html")
    assert (missing.exit_code, "no folder" in missing.output) == (2, True)
    alone = shutil.copytree(finished, tmp_path / "alone")
    (alone / "stack" / "level_01.png").write_bytes(b"")
    damaged = view(alone, "--to", tmp_path / "page.html")
    assert (damaged.exit_code, "level_01.png" in damaged.output) == (2, True)
    assert not (tmp_path / "page.html").exists()


def test_it_opens_in_the_browser_of_the_user(finished, tmp_path):
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    program = "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()"
    for name, opened in ((f"{browser} %s", True), ("lynx %s", False)):  # a browser in the terminal shows no pictures
        environment = os.environ | {"BROWSER": name}
        done = subprocess.run(
            [sys.executable, "-c", program, "view", str(finished)], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert ("open this file" in done.stdout) != opened
    assert seen.read_text().strip() == (finished / "view.html").as_uri()
