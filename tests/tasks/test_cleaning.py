"""Sweeping frees what no run folder shows, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from tasks.cleaning import clean
from tasks.errors import RefusedError
from tasks.events import StageStarted
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import BASE, contents, made, run, story


def stored(root: Path) -> set[str]:
    return {name for name in contents(root / ".cache") if name.startswith(("cas", "manifests"))}


def age(root: Path) -> None:
    for path in (root / ".cache").rglob("*"):
        os.utime(path, (0, 0))


def test_what_a_run_folder_shows_stays(tmp_path):
    run(tmp_path)
    before = contents(tmp_path)
    age(tmp_path)
    assert clean(tmp_path).files == 0
    assert contents(tmp_path) == before
    assert made(run(tmp_path)) == []


def test_what_only_a_deleted_run_showed_goes(tmp_path):
    kept = run(tmp_path)
    before = stored(tmp_path)
    other = run(tmp_path, "film.fps=4")
    gone = stored(tmp_path) - before
    sizes = sum((tmp_path / ".cache" / name).stat().st_size for name in gone)
    shutil.rmtree(other.run.folder)
    age(tmp_path)
    swept = clean(tmp_path)
    assert (swept.files, swept.bytes) == (len(gone), sizes)
    assert stored(tmp_path) == before
    assert made(run(tmp_path)) == []
    assert kept.run.folder.exists()
    assert made(run(tmp_path, "film.fps=4")) == ["video", "motion"]


def test_leftovers_of_killed_processes_go_when_they_are_old(tmp_path):
    run(tmp_path)
    part = next((tmp_path / ".cache" / "cas").iterdir()) / ".abc.part"
    checkpoint = tmp_path / ".cache" / "work" / "0" / "state.safetensors"
    checkpoint.parent.mkdir()
    for leftover in (part, checkpoint):
        leftover.write_bytes(b"half")
    assert clean(tmp_path).files == 0
    assert part.exists()
    assert checkpoint.exists()
    age(tmp_path)
    assert clean(tmp_path).files == 1
    assert not part.exists()
    assert not checkpoint.exists()


def test_nothing_is_swept_under_a_run_in_progress(tmp_path):
    def clean_meanwhile(event) -> None:
        if isinstance(event, StageStarted) and event.stage == "video":
            age(tmp_path)
            with pytest.raises(RefusedError, match="in progress"):
                clean(tmp_path)

    config = with_settings(RunConfig(), BASE)
    report = run_zoom(config, story(), tmp_path, tools=Studio().tools(), on_event=clean_meanwhile)
    assert report.video.exists()
    shutil.rmtree(report.run.folder)
    age(tmp_path)
    assert clean(tmp_path).files > 0


def test_there_may_be_nothing_to_clean(tmp_path):
    assert clean(tmp_path / "none").files == 0
    assert list(tmp_path.iterdir()) == []


def test_features_of_sets_go_when_nobody_has_used_them(tmp_path):
    run(tmp_path)
    old, fresh = (tmp_path / ".cache" / "features" / f"{name}.safetensors" for name in ("old", "fresh"))
    for path in (old, fresh):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"features")
    os.utime(old, (0, 0))
    assert clean(tmp_path).files == 1
    assert (old.exists(), fresh.exists()) == (False, True)
