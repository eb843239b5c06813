"""Sweeping frees what no run folder shows, and nothing else."""

import os
import shutil
from pathlib import Path

from tasks.sweep import sweep
from tests.tasks.test_pipeline import contents, made, run


def stored(root: Path) -> set[str]:
    return {name for name in contents(root / ".cache") if name.startswith(("cas", "manifests"))}


def age(root: Path) -> None:
    for path in (root / ".cache").rglob("*"):
        os.utime(path, (0, 0))


def test_what_a_run_folder_shows_stays(tmp_path):
    run(tmp_path)
    before = contents(tmp_path)
    age(tmp_path)
    assert sweep(tmp_path).files == 0
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
    swept = sweep(tmp_path)
    assert (swept.files, swept.bytes) == (len(gone), sizes)
    assert stored(tmp_path) == before
    assert made(run(tmp_path)) == []
    assert kept.run.folder.exists()
    assert made(run(tmp_path, "film.fps=4")) == ["video"]


def test_leftovers_of_killed_processes_go_when_they_are_old(tmp_path):
    run(tmp_path)
    part = next((tmp_path / ".cache" / "cas").iterdir()) / ".abc.part"
    checkpoint = tmp_path / ".cache" / "work" / "0" / "state.safetensors"
    checkpoint.parent.mkdir()
    for leftover in (part, checkpoint):
        leftover.write_bytes(b"half")
    assert sweep(tmp_path).files == 0
    assert part.exists()
    assert checkpoint.exists()
    age(tmp_path)
    assert sweep(tmp_path).files == 1
    assert not part.exists()
    assert not checkpoint.exists()


def test_there_may_be_nothing_to_sweep(tmp_path):
    assert sweep(tmp_path / "none").files == 0
    assert list(tmp_path.iterdir()) == []
