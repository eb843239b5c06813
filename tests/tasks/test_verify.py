"""Damage is found wherever it is, told with whose it is, and put right or taken away so that it is made again."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tasks.cleaning import clean
from tasks.mending import LEFT, TAKEN, mend
from tasks.places import Here, There, place_of
from tasks.stage import Workshop
from tasks.verify import Damage, verify
from tests.tasks.kept import everything, kept_root, run_folder
from tests.tasks.test_pipeline import STAGES, flip, made, run


@pytest.fixture
def root(tmp_path) -> Path:
    return kept_root(tmp_path / "runs")


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def of_stage(root: Path, stage: str, name: str) -> Path:
    """A file in the store."""
    workshop = Workshop(root / ".cache")
    return workshop.store.path(workshop.manifests(stage)[0].artifacts[name])


def put_right(root: Path) -> list[Damage]:
    """What was found, with what was done; then there is nothing left, and a run makes what it lacks."""
    found = verify(Here(root)).damages
    mend(root, Here(root), found)
    return found


def test_a_whole_store_is_whole_and_everything_is_looked_at(root):
    before = everything(root)
    found = verify(Here(root))
    assert (found.damages, found.manifests, found.folders) == ([], len(STAGES), 1)
    told = json.loads((run_folder(root) / "config.json").read_text())["files"]
    assert found.files == len(list((root / ".cache" / "cas").glob("*/*"))) + len(told) + 1
    assert verify(Here(root), quick=True).damages == []
    name = run_folder(root).relative_to(root).as_posix()
    assert verify(Here(root), [name]).damages == verify(Here(root), [name], quick=True).damages == []
    assert everything(root) == before


@pytest.mark.parametrize(
    ("damage", "what", "quick"), [(flip, "changed", False), (shorten, "changed", True), (Path.unlink, "missing", True)]
)
@pytest.mark.parametrize("chosen", [False, True])
def test_damage_in_the_store_is_told_with_stage_and_run(root, damage: Callable[[Path], None], what, quick, chosen):
    file, folder = of_stage(root, "sampling", "sampled"), run_folder(root).relative_to(root).as_posix()
    damage(file)
    names = [folder] if chosen else []
    (found,) = verify(Here(root), names).damages
    assert (found.name, found.what) == (file.relative_to(root).as_posix(), what)
    assert (found.stages, found.runs) == ({"sampling"}, {folder})
    assert str(found) == f"{found.name}: {what} (stage sampling; run {folder})"
    assert len(verify(Here(root), names, quick=True).damages) == quick


@pytest.mark.parametrize("damage", [flip, shorten, Path.unlink])
def test_what_no_other_copy_has_is_taken_away_and_made_again(root, damage):
    file = of_stage(root, "sampling", "sampled")
    content = file.read_bytes()
    damage(file)
    (found,) = put_right(root)
    assert found.mended == TAKEN
    assert not file.exists()
    assert verify(Here(root)).damages == []
    assert made(run(root)) == ["sampling"]
    assert file.read_bytes() == content


@pytest.mark.parametrize("damage", [flip, shorten, Path.unlink])
@pytest.mark.parametrize("in_store", [False, True])
def test_store_and_run_folder_put_each_other_right(root, damage, in_store):
    before = everything(root)
    damage(of_stage(root, "video", "zoom.mp4") if in_store else run_folder(root) / "zoom.mp4")
    (found,) = put_right(root)
    assert found.mended.startswith("put back from ")
    assert everything(root) == before
    assert made(run(root)) == []


def test_what_is_damaged_on_both_sides_is_made_again_by_the_next_run(root):
    before = (run_folder(root) / "zoom.mp4").read_bytes()
    flip(of_stage(root, "video", "zoom.mp4"))
    flip(run_folder(root) / "zoom.mp4")
    assert [one.mended for one in put_right(root)] == [TAKEN, LEFT]
    assert made(run(root)) == ["video"]
    assert (run_folder(root) / "zoom.mp4").read_bytes() == before
    assert verify(Here(root)).damages == []


def test_a_truncated_manifest_is_taken_away_and_its_stage_made_again(root):
    workshop = Workshop(root / ".cache")
    path = workshop.root / "manifests" / f"{workshop.manifests('video')[0].key.digest}.json"
    shorten(path)
    (found,) = put_right(root)
    assert (found.name, found.what, found.mended) == (path.relative_to(root).as_posix(), "unreadable", TAKEN)
    assert found.runs == {run_folder(root).relative_to(root).as_posix()}
    assert made(run(root)) == ["video"]
    assert verify(Here(root)).damages == []


def test_a_manifest_under_another_ones_name_is_none(root):
    first, second = sorted((root / ".cache" / "manifests").glob("*.json"))[:2]
    first.write_bytes(second.read_bytes())
    assert first.relative_to(root).as_posix() in [one.name for one in verify(Here(root), quick=True).damages]


@pytest.mark.parametrize("name", ["config.json", "scores-video.parquet"])
def test_what_the_folder_itself_tells_is_made_again_from_the_store(root, name):
    before = everything(root)
    shorten(run_folder(root) / name)
    (found,) = put_right(root)
    assert found.what == "unreadable"
    assert "taken away" in found.mended
    assert {one.mended for one in put_right(root)} <= {LEFT}
    assert made(run(root)) == []
    assert everything(root).keys() == before.keys()
    assert verify(Here(root)).damages == []


def test_rows_of_scores_may_have_been_added(root):
    path = run_folder(root) / "scores-video.parquet"
    pd.read_parquet(path).iloc[:1].to_parquet(path)
    assert verify(Here(root)).damages == []


def test_mending_stopped_at_any_moment_is_begun_anew(root, monkeypatch):
    before = everything(root)
    for stage, name in (("video", "zoom.mp4"), ("pictures", "poster.png"), ("view", "view.html")):
        flip(of_stage(root, stage, name))
    with monkeypatch.context() as patch:
        patch.setattr("tasks.mending.copied", lambda *_args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            put_right(root)
    put_right(root)
    assert everything(root) == before


def test_gc_says_what_to_do_where_a_config_is_damaged_and_goes_after_that(root):
    shorten(run_folder(root) / "config.json")
    put_right(root)
    assert clean(root, dry_run=True).files > 0
    assert made(run(root)) == []
    assert clean(root).files == 0


def test_leftovers_and_other_files_are_no_damage(root):
    for name in (".cache/cas/aa/.half.part", ".cache/cas/aa/readme.txt", "notes/mine/config.json", "readme.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[1]")
    assert verify(Here(root)).damages == []


def test_nothing_is_put_where_a_config_leads_out_of_its_folder(root):
    path = run_folder(root) / "config.json"
    told = json.loads(path.read_text())
    told["files"]["../../../evil.mp4"] = told["files"]["zoom.mp4"]
    path.write_text(json.dumps(told))
    (found,) = put_right(root)
    assert (found.name, found.what) == (path.relative_to(root).as_posix(), "unreadable")
    assert not (root.parent / "evil.mp4").exists()
    assert made(run(root)) == []
    assert verify(Here(root)).damages == []


def test_a_depot_and_its_mirror_put_each_other_right(tmp_path, monkeypatch):
    """A depot in a local folder, as a store of fsspec."""
    from tasks.depot.roots import open_root

    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "cache"))
    there = tmp_path / "depot"
    root = open_root(f"file://{there}")
    run(root)
    place = place_of(root)
    assert isinstance(place, There)
    assert verify(place).damages == verify(Here(root)).damages == []
    before = {name: content for name, content in everything(there).items() if "/leases/" not in name}
    folder, sampled = run_folder(root).relative_to(root), of_stage(root, "sampling", "sampled").relative_to(root)
    flip(there / folder / "zoom.mp4")
    flip(there / sampled)
    shorten(there / folder / "config.json")
    found = verify(place).damages
    assert {one.name for one in found} == {str(sampled), f"{folder}/config.json"}  # whose files nobody knows now
    mend(root, place, found)
    (film,) = verify(place).damages
    mend(root, place, [film])
    assert {name: content for name, content in everything(there).items() if "/leases/" not in name} == before
    key = Workshop(root / ".cache").manifests("video")[0].key.digest
    shorten(there / ".cache" / "manifests" / f"{key}.json")
    (there / of_stage(root, "video", "zoom.mp4").relative_to(root)).unlink()  # which only that manifest names
    (found,) = verify(place).damages
    mend(root, place, [found])
    assert found.mended.startswith("put back from ")
    assert {name: content for name, content in everything(there).items() if "/leases/" not in name} == before
    flip(root / sampled)
    damages = verify(Here(root)).damages
    mend(root, Here(root), damages)
    assert damages[0].mended == f"put back from {sampled}"
    assert verify(Here(root)).damages == []
    assert made(run(root)) == []
