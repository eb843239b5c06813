"""Sweeping frees what nothing names any more, beside runs in progress and whatever the clock says, and nothing else."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks import begun
from tasks.cleaning import Cleaned, clean
from tasks.errors import RefusedError
from tasks.events import StageDone, StageMoved, StageStarted
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tasks.stage import Made, StageKey, Workshop
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import BASE, contents, made, run, story

ROOT = Path(__file__).resolve().parents[2]
CONFIG = with_settings(RunConfig(), BASE)


def stored(root: Path) -> set[str]:
    return {name for name in contents(root / ".cache") if name.startswith(("cas", "manifests"))}


def move_clock(root: Path, to: float) -> None:
    """As if everything in the store had been written at that time."""
    for path in (root / ".cache").rglob("*"):
        os.utime(path, (to, to))


def stop_at(root: Path, kind: type, stage: str, *settings: str) -> None:
    """A run that is stopped with Ctrl-C."""

    def listen(event) -> None:
        if isinstance(event, kind) and event.stage == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_zoom(with_settings(CONFIG, settings), story(), root, tools=Studio().tools(), on_event=listen)


@pytest.mark.parametrize("moment", [0, 4e9])
def test_what_a_run_folder_shows_stays(tmp_path, moment):
    run(tmp_path)
    move_clock(tmp_path, moment)
    before = contents(tmp_path)
    assert clean(tmp_path) == Cleaned()
    assert contents(tmp_path) == before
    assert made(run(tmp_path)) == []


@pytest.mark.parametrize("moment", [0, 4e9])
def test_what_only_a_deleted_run_showed_goes_at_once(tmp_path, moment):
    kept = run(tmp_path)
    before = stored(tmp_path)
    other = run(tmp_path, "film.fps=4")
    gone = stored(tmp_path) - before
    sizes = sum((tmp_path / ".cache" / name).stat().st_size for name in gone)
    shutil.rmtree(other.run.folder)
    move_clock(tmp_path, moment)
    everything = contents(tmp_path)
    told = clean(tmp_path, dry_run=True)
    assert contents(tmp_path) == everything
    swept = clean(tmp_path)
    assert (swept.files, swept.bytes) == (len(gone), sizes) == (told.files, told.bytes)
    assert stored(tmp_path) == before
    assert made(run(tmp_path)) == []
    assert kept.run.folder.exists()
    assert made(run(tmp_path, "film.fps=4")) == ["video", "motion"]


@pytest.mark.parametrize("moment", [0, 4e9])
def test_what_a_stopped_run_needs_to_go_on_stays_until_it_is_given_up(tmp_path, moment):
    stop_at(tmp_path, StageMoved, "sampling")
    move_clock(tmp_path, moment)
    kept = clean(tmp_path)
    assert (kept.files, kept.stopped) == (0, 1)
    assert kept.kept_bytes > 0
    assert list(tmp_path.glob(".cache/work/*/state.safetensors"))
    given_up = clean(tmp_path, stopped=True)
    assert given_up.bytes >= kept.kept_bytes
    assert (stored(tmp_path), given_up.stopped) == (set(), 0)
    assert not list(tmp_path.glob(".cache/work/*"))


def test_a_stopped_run_that_has_gone_on_to_its_end_is_no_longer_one(tmp_path):
    stop_at(tmp_path, StageDone, "levels")
    assert clean(tmp_path).stopped == 1
    assert "sampling" not in made(run(tmp_path))
    before = stored(tmp_path)
    assert clean(tmp_path).stopped == 0
    assert not list(tmp_path.glob(".cache/begun/*"))
    assert stored(tmp_path) == before


def test_runs_in_progress_keep_what_they_use_and_others_garbage_goes(tmp_path):
    """Also what was garbage before the run in progress has found it."""
    first = run(tmp_path)
    shutil.rmtree(first.run.folder)
    other = run(tmp_path, "seed=5")
    shutil.rmtree(other.run.folder)
    swept = []

    def clean_meanwhile(event) -> None:
        if isinstance(event, StageStarted) and event.stage == "video":
            swept.append(clean(tmp_path, stopped=True))

    settings = with_settings(CONFIG, ["film.fps=4"])
    report = run_zoom(settings, story(), tmp_path, tools=Studio().tools(), on_event=clean_meanwhile)
    assert "sampling" not in made(report)
    assert swept[0].files > 0
    assert report.video.exists()
    assert made(run(tmp_path, "film.fps=4")) == []
    assert "sampling" in made(run(tmp_path, "seed=5"))


def test_sweeps_and_makers_at_once_never_lose_what_was_just_made(tmp_path):
    """Stages made, found and read by several threads while another sweeps all the time."""
    workshop, ended, faults = Workshop(tmp_path / ".cache"), threading.Event(), []

    def body(work: Path) -> Made:
        (work / "part.txt").write_text("the same in all of them")
        return Made({"part": work / "part.txt"})

    def work(number: int) -> None:
        for turn in range(40):
            with begun.in_progress(workshop.root):
                manifest, _ = workshop.make(StageKey("stage", "1", [number, turn % 3]), body)
                time.sleep(0.001)
                if not workshop.store.is_intact(manifest.artifacts["part"]):
                    faults.append((number, turn))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    sweeper = threading.Thread(target=lambda: [clean(tmp_path) for _ in iter(ended.is_set, True)])
    for thread in (*workers, sweeper):
        thread.start()
    for thread in workers:
        thread.join()
    ended.set()
    sweeper.join()
    assert faults == []


HOLDER = """
import sys
from pathlib import Path
from tasks import begun
with begun.in_progress(Path(sys.argv[1])):
    begun.note(Path(sys.argv[1]), "cas/aa/" + "a" * 64 + ".png")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_is_a_stopped_run_and_a_living_one_is_not(tmp_path):
    store = tmp_path / ".cache"
    file = store / "cas" / "aa" / f"{'a' * 64}.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"content")
    command = [sys.executable, "-c", HOLDER, str(store)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"ready\n"
        assert clean(tmp_path, stopped=True) == Cleaned()
        holder.kill()
        holder.wait()
    assert clean(tmp_path) == Cleaned(kept_files=1, kept_bytes=7, stopped=1)
    assert clean(tmp_path, stopped=True) == Cleaned(files=1, bytes=7)
    assert not file.exists()


def test_half_lines_of_a_killed_process_do_no_harm(tmp_path):
    record = tmp_path / ".cache" / "begun" / "1"
    record.parent.mkdir(parents=True)
    record.write_bytes(b"\ncas/aa/\xff\n" + b"a" * 64 + b"\n" + b"ca")
    assert clean(tmp_path) == Cleaned()
    assert not record.exists()


def test_leftovers_of_killed_processes_go_when_two_cleanings_find_them_the_same(tmp_path):
    run(tmp_path)
    part = next((tmp_path / ".cache" / "cas").iterdir()) / ".abc.part"
    part.write_bytes(b"ha")
    with begun.in_progress(tmp_path / ".cache"):
        assert clean(tmp_path).files == clean(tmp_path).files == 0  # somebody may be writing it
    part.write_bytes(b"half")
    assert clean(tmp_path).files == 0
    assert clean(tmp_path).files == 1
    assert not part.exists()


def test_a_sweep_killed_at_any_moment_is_ended_by_the_next(tmp_path, monkeypatch):
    shutil.rmtree(run(tmp_path).run.folder)
    run(tmp_path, "seed=5")
    unlink, left = Path.unlink, [0]

    def killed(path: Path, **options) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SystemExit
        unlink(path, **options)

    for moment in (0, 1, 5):
        left[0] = moment
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            with pytest.raises(SystemExit):
                clean(tmp_path)
    clean(tmp_path)
    assert clean(tmp_path).files == 0
    assert made(run(tmp_path, "seed=5")) == []


def test_there_may_be_nothing_to_clean(tmp_path):
    assert clean(tmp_path / "none").files == 0
    assert list(tmp_path.iterdir()) == []


def test_features_of_sets_go_when_nobody_has_used_them_between_two_cleanings(tmp_path):
    run(tmp_path)
    unused, used = (tmp_path / ".cache" / "features" / f"{name}.safetensors" for name in ("unused", "used"))
    for path in (unused, used):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"features")
    assert clean(tmp_path).files == 0
    os.utime(used)  # as a look at them does
    assert clean(tmp_path).files == 1
    assert (unused.exists(), used.exists()) == (False, True)


@pytest.mark.parametrize("name", ["config.json", "renders/film.mp4.json"])
def test_nothing_goes_while_nobody_knows_what_a_damaged_folder_needs(tmp_path, name):
    file = run(tmp_path).run.folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b'{"stages": {"sam')
    before = contents(tmp_path)
    with pytest.raises(RefusedError, match=r"Nothing was removed.*verify --mend"):
        clean(tmp_path)
    assert contents(tmp_path) == before


def test_other_programs_files_name_nothing_and_do_no_harm(tmp_path):
    run(tmp_path)
    for text in ("[]", '{"stages": [1]}', '{"stages": {"a": 1, "b": {"key": 2}}}'):
        config = tmp_path / "a-model" / str(len(text)) / "config.json"
        config.parent.mkdir(parents=True)
        config.write_text(text)
    assert clean(tmp_path).files == 0
