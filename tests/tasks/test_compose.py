"""From a folder of pictures to a run: which files count, what levels are called, what is kept and what refused."""

import hashlib
import json
import os
from functools import cache

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from prompts import parse_story
from tasks.compose_folder import natural, place, read_folder
from tasks.compose_spec import ComposeSpec, GivenPicture
from tasks.compose_words import from_name, told
from tasks.errors import RefusedError
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.specs import parse_config
from tasks.stage import Workshop
from tests.zoomlib.registration.scenes import World, zoom
from zoomlib.registration.placement import Placement
from zoomlib.stack import ZoomStack

SIZE = (96, 72)
STEPS = [Placement(2), Placement(1.5, 0.45, 0.55)]
FILES = ("c wide.png", "01_the middle.png", "b.closest.png")


@cache
def shown():
    return zoom(World(1), [SIZE] * 3, STEPS)


@pytest.fixture
def folder(tmp_path):
    at = tmp_path / "My holiday"
    at.mkdir()
    for name, picture in zip(FILES, shown(), strict=True):
        Image.fromarray(picture).save(at / name)
    (at / "notes.md").write_text("not a picture")
    (at / ".hidden.png").write_text("not a picture")
    return at


def placed(folder, **settings):
    return place(read_folder(folder), Workshop(folder.parent / "store"), **settings)[0]


def composed(folder, story=None, **values):
    spec = placed(folder)
    told_story, *_ = told(spec, None, story)
    config = parse_config({"compose": spec.model_dump(), "film": {"size_px": 96, "fps": 4}, **values})
    return told_story, config


def test_pictures_are_found_in_their_order_and_nothing_of_the_folder_changes(folder):
    before = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    found = read_folder(folder)
    assert found.names == ["01_the middle.png", "b.closest.png", "c wide.png"]
    assert found.notes == ("Passed over, being no pictures: notes.md",)
    spec, left_out = place(found, Workshop(folder.parent / "store"))
    assert ([picture.file for picture in spec.pictures], left_out) == (list(FILES), ())
    assert spec.factors == pytest.approx((2, 1.5), rel=0.01)
    assert before == {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_places_are_found_once(folder, monkeypatch):
    first = placed(folder)
    monkeypatch.setattr("tasks.compose_folder.register", None)
    assert placed(folder) == first


def test_nothing_is_kept_where_nothing_may_be(folder):
    placed(folder, keep=False)
    assert not (folder.parent / "store").exists()


def test_names_sort_as_people_count():
    names = ["10.png", "2.png", "1b.png", "1a.png", "a10", "a9"]
    assert sorted(names, key=natural) == ["1a.png", "1b.png", "2.png", "10.png", "a9", "a10"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("03_a red-house.png", "a red house"),
        ("0001.jpg", "Level 7"),
        ("12 34 x.webp", "x"),
        ("2nd floor.png", "2nd floor"),
        ("---.png", "Level 7"),
        ("Wald & Wiese (1).png", "Wald Wiese 1"),
    ],
)
def test_a_name_becomes_words(name, words):
    assert from_name(name, 7) == words


def test_levels_are_called_by_text_beside_the_pictures_or_by_their_names(folder):
    spec = placed(folder)
    (folder / "c wide.txt").write_text("a wide\nland\x1b[31m", encoding="utf-8")
    story, are_prompts, _ = told(spec, None, None)
    assert [level.prompt for level in story.levels] == ["a wide land [31m", "the middle", "b closest"]
    assert (story.title, are_prompts) == ("My holiday", False)
    for name in ("01_the middle.txt", "b.closest.txt"):
        (folder / name).write_text("words", encoding="utf-8")
    assert told(spec, "Another", None)[1]
    assert told(spec, "Another", None)[0].title == "Another"


def test_a_story_gives_words_and_one_width_and_what_was_measured_stays(folder):
    text = "title: Told\np: 4\nlevels: [{prompt: a, width_m: 64}, {prompt: b, width_m: 16, focus: [0, 0]}, c]"
    story, are_prompts, notes = told(placed(folder), None, parse_story(text))
    assert [level.prompt for level in story.levels] == ["a", "b", "c"]
    assert [level.width_m for level in story.levels] == [64, None, None]
    assert story.p == pytest.approx(3**0.5, rel=0.01)
    assert (story.title, are_prompts, len(notes)) == ("Told", True, 1)
    assert story.levels[1].focus is None


def test_a_story_of_another_length_is_refused(folder):
    with pytest.raises(RefusedError, match="2 levels, and the zoom 3 pictures"):
        told(placed(folder), None, parse_story("title: T\np: 2\nlevels: [a, b]"))


def test_a_composed_run_is_made_scored_and_found_again(folder, tmp_path):
    story, config = composed(folder, scores={"scorer": "none"})
    report = run_zoom(config, story, tmp_path / "runs")
    at = report.run.folder
    for name in ("zoom.mp4", "matches.png", "poster.png", "view.html", "scores.parquet", "story.yaml", "config.json"):
        assert (at / name).is_file(), name
    stack = ZoomStack.load(at / "stack")
    assert (len(stack), stack.factors) == (3, pytest.approx(config.compose.factors))
    facts = json.loads((at / "config.json").read_text(encoding="utf-8"))
    assert facts["config"]["compose"]["pictures"][0]["file"] == "c wide.png"
    assert not any(stage.made for stage in run_zoom(config, story, tmp_path / "runs").stages)


def test_where_the_folder_lies_makes_no_other_run_but_what_it_holds_does(folder, tmp_path):
    story, config = composed(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    elsewhere = config.model_copy(update={"compose": config.compose.model_copy(update={"folder": moved})})
    plain = config.model_copy(update={"compose": config.compose.model_copy(update={"colour": False})})
    ids = [prepare(one, story, tmp_path / "runs").id for one in (config, elsewhere, plain)]
    assert ids[0] == ids[1] != ids[2]


def test_a_picture_that_changed_after_it_was_placed_is_refused(folder, tmp_path):
    story, config = composed(folder)
    Image.fromarray(np.zeros((72, 96, 3), np.uint8)).save(folder / FILES[0])
    with pytest.raises(RefusedError, match="gone or has changed"):
        run_zoom(config, story, tmp_path / "runs")


def test_a_file_that_is_no_whole_picture_is_refused_and_can_be_left_out(folder):
    (folder / "d.png").write_bytes((folder / FILES[0]).read_bytes()[:300])
    with pytest.raises(RefusedError, match=r"d\.png cannot be read.*--without 'd\.png'"):
        read_folder(folder)
    assert len(read_folder(folder, ["d.png"]).given) == 3


@pytest.mark.parametrize(
    ("change", "without", "said"),
    [
        (lambda at: [(at / name).unlink() for name in FILES[1:]], (), "holds 1 pictures.*Put more"),
        (lambda at: None, ("nothing.png",), "no 'nothing.png'"),
        (lambda at: (at / "x\u202ey.png").write_bytes(b""), (), "Rename the file"),
        (lambda at: (at / os.fsdecode(b"\xff.png")).write_bytes(b""), (), "Rename the file"),
    ],
    ids=["too few", "unknown name", "letters that turn text round", "bytes that are no letters"],
)
def test_folders_that_hold_no_zoom_are_refused(folder, change, without, said):
    change(folder)
    with pytest.raises(RefusedError, match=said):
        read_folder(folder, without)


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="is not a folder"):
        read_folder(tmp_path / "none")


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/b.png", "..", "a\\b.png", ""])
def test_a_name_is_never_a_path(name):
    with pytest.raises(ValidationError):
        GivenPicture(file=name, sha256="0" * 64, width=1, height=1)


def test_a_spec_has_a_step_between_two_pictures(tmp_path):
    picture = {"file": "a.png", "sha256": "0" * 64, "width": 9, "height": 9}
    with pytest.raises(ValidationError, match="have 1 steps, not 0"):
        ComposeSpec(folder=tmp_path, pictures=[picture, picture], steps=())
