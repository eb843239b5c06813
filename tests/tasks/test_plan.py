"""What is refused is refused before any model is loaded and before anything is written."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from PIL import Image

from prompts import Story
from tasks.errors import RefusedError
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from zoomlib.errors import InvalidInputError

BASE = ["scores.scorer=none", "sampling.steps=4"]


def story(**changes) -> Story:
    return Story.model_validate({"title": "Test", "p": 2, "levels": ["a", "b", "c"]} | changes)


def prepared(root: Path, *settings: str, studio: Studio | None = None, **changes):
    config = with_settings(RunConfig(), [*BASE, *settings])
    return prepare(config, story(**changes), root, (studio or Studio()).tools())


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        (["method=jiont"], {}, "joint"),
        (["sampling.stpes=4"], {}, "steps"),
        (["sampling.steps=many"], {}, r"sampling\.steps"),
        (["sampling.steps=0"], {}, "0"),
        (["sampling.steps=1001"], {}, "knows 1000 noise levels"),
        (["sampling.eta=2"], {}, "eta"),
        (["sampling.eta=NaN"], {}, "eta"),
        (["sampling.blending=cubic"], {}, "blending"),
        (["sampling.feather=3"], {}, "feather"),
        (["p=1.5"], {}, "whole number"),
        (["p=1"], {}, "whole number"),
        (["p=3"], {}, "multiples of 3"),
        (["p=64"], {}, "multiples of 64"),
        ([], {"p": 2.5}, "whole number"),
        ([], {"p": 3}, "multiples of 3"),
        (["model.device=cuda:99"], {}, "Device"),
        (["model.device=toaster"], {}, "Device"),
        (["photo=/no/such/picture.png"], {}, "picture"),
        (["photo=/"], {}, "picture"),
        (["scores.scorer=nobody"], {}, "scorer"),
        (["film.seconds_per_level=600", "film.fps=240", "film.size_px=8192"], {}, "frames|disk"),
        (["method=independent"], {"loop": True}, "loop"),
    ],
)
def test_refused_before_loading_and_writing(tmp_path, settings, changes, words):
    studio = Studio()
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        prepared(tmp_path / "runs", *settings, studio=studio, **changes)
    assert studio.loaded == []
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_photograph_is_refused(tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 30), "red").save(photo)
    photo.write_bytes(photo.read_bytes()[:60])
    with pytest.raises(InvalidInputError, match="picture"):
        prepared(tmp_path / "runs", f"photo={photo}")


def test_a_photograph_needs_a_method_that_takes_one(tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("L", (40, 30)).save(photo)
    assert prepared(tmp_path / "runs", f"photo={photo}").photo.path == photo


def test_a_full_disk_is_refused(tmp_path, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 2**20))
    with pytest.raises(RefusedError, match=r"Not enough disk.*1 MB free.*--out"):
        prepared(tmp_path / "runs")


def test_a_full_disk_is_no_hindrance_where_nothing_is_to_be_made(tmp_path, monkeypatch):
    config = with_settings(RunConfig(), [*BASE, "film.fps=2", "film.size_px=32"])
    report = run_zoom(config, story(), tmp_path, tools=Studio().tools())
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 2**20))
    assert prepare(config, story(), tmp_path, Studio().tools()).id == report.run.id
    report.run.workshop.store.path(report.results["video"].artifacts["zoom.mp4"]).unlink()
    with pytest.raises(RefusedError, match="Not enough disk"):
        prepare(config, story(), tmp_path, Studio().tools())


def test_a_place_that_cannot_hold_a_run_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RefusedError, match="--out"):
        prepared(tmp_path / "file" / "runs")


def test_everything_is_filled_in(tmp_path):
    run = prepared(tmp_path, "sampling.eta=1")
    assert (run.config.sampling["eta"], run.config.sampling["steps"], run.config.p) == (1.0, 4, 2.0)
    assert run.config.sampling["blending"] == "laplacian"
    assert run.config.model.device in ("cpu", "cuda", "mps")
    assert [stage.model for stage in run.cascade] == [{"id": "bundled", "factor": 2, "revision": "u1"}]
    assert run.folder == tmp_path / "test" / run.id


def test_a_film_no_larger_than_the_levels_needs_no_super_resolution(tmp_path):
    assert prepared(tmp_path, "film.size_px=32").cascade == ()
    assert prepared(tmp_path, "enlarge.model=none").cascade == ()


def test_a_looping_story_makes_the_method_loop(tmp_path):
    levels = [str(i) for i in range(6)]
    assert prepared(tmp_path, loop=True, levels=levels).config.sampling["loop"] is True


SAME = [(["model.device=cpu"], {}), (["model.rows=2"], {}), (["p=2"], {})]
SAME += [(["film.device=auto"], {}), (["film.codec=h264", "film.quality=18", "film.chroma=420"], {})]
OTHER = [
    (["seed=1"], {}),
    (["sampling.eta=0.5"], {}),
    (["film.fps=24"], {}),
    (["guidance.scale=3"], {}),
    (["model.name=other"], {}),
    ([], {"title": "Other"}),
    ([], {"levels": ["a", "b", "d"]}),
    ([], {"levels": ["a", "b"]}),
    ([], {"style": "ink"}),
]


@pytest.mark.parametrize(("settings", "changes"), SAME)
def test_the_machine_does_not_change_the_place(tmp_path, settings, changes):
    assert prepared(tmp_path, *settings, **changes).id == prepared(tmp_path).id


def test_other_work_has_another_place(tmp_path):
    ids = {prepared(tmp_path, *settings, **changes).id for settings, changes in OTHER}
    ids |= {prepared(tmp_path).id, prepared(tmp_path, studio=Studio(revision="r2")).id}
    assert len(ids) == len(OTHER) + 2
    assert all(len(identity) == 12 for identity in ids)


def test_a_photograph_counts_by_content_not_by_name(tmp_path):
    pictures = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for picture, tint in zip(pictures, ("red", "red", "blue"), strict=True):
        Image.new("RGB", (40, 30), tint).save(picture)
    ids = [prepared(tmp_path, f"photo={picture}").id for picture in pictures]
    assert ids[0] == ids[1] != ids[2]
