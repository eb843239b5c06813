"""Batches on a disk that is full, and in a store where nothing may be written."""

import json
import shutil

import pytest

from tasks.errors import RefusedError
from tasks.stages import is_made
from tests.doubles.outside_world import read_only, small_disk
from tests.doubles.painter import Studio
from tests.faults import batch_of_six as six

FILLER = "something-else"
IN_FLIGHT = 2


def fill(disk, left_kb: int) -> None:
    """Another program takes all room but so much."""
    free_kb = shutil.disk_usage(disk).free // 1024
    (disk / FILLER).write_bytes(bytes(1024) * max(0, free_kb - left_kb))


@pytest.mark.parametrize("left_kb", [0, 60, pytest.param(150, marks=pytest.mark.slow), 400])
def test_a_disk_that_fills_up_fails_jobs_with_the_reason_and_the_batch_goes_on_when_there_is_room(
    tmp_path, undisturbed, left_kb
):
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:

        def fill_up(event) -> None:
            if "StageStarted" in str(event) and not (disk / FILLER).exists():
                fill(disk, left_kb)

        full = Studio()
        summary = six.make(disk / "runs", full, on_event=fill_up)
        assert summary.exit_code == 1
        reasons = [outcome.error for _, outcome in summary.jobs if not outcome.is_done]
        assert reasons
        assert all("No space left" in reason or "Not enough disk" in reason for reason in reasons), reasons
        assert any("No space left" in reason for reason in reasons), reasons
        six.assert_whole(disk / "runs")
        done = {job.key for job, outcome in summary.jobs if outcome.is_done}

        (disk / FILLER).unlink()
        there = {job.key for job, _ in summary.jobs if job.run is not None and is_made(job.run)}
        assert done <= there, "one that had no room but for its folder is there, and not done"
        roomy = Studio()
        summary = six.make(disk / "runs", roomy)
        assert summary.exit_code == 0
        assert {job.key for job, outcome in summary.jobs if outcome.state == "reused"} == there
        six.assert_right(disk / "runs", undisturbed.files)
        assert six.evaluations(full) + six.evaluations(roomy) <= undisturbed.evaluations + IN_FLIGHT * six.STEPS


def test_a_full_disk_gives_what_is_there(tmp_path, undisturbed):
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        shutil.copytree(undisturbed.root.parent, disk, dirs_exist_ok=True)
        fill(disk, 0)
        studio = Studio()
        assert six.states(six.make(disk / "runs", studio)) == {"reused": 6}
        assert studio.loaded == []
        six.assert_right(disk / "runs", undisturbed.files)


def test_a_store_that_may_only_be_read_gives_what_is_there(finished, undisturbed):
    with read_only(finished):
        studio = Studio()
        summary = six.make(finished, studio)
        assert six.states(summary) == {"reused": 6}
        assert studio.loaded == []
    six.assert_right(finished, undisturbed.files)


def test_a_store_that_may_only_be_read_makes_nothing_and_says_why(finished, undisturbed):
    for path in (finished / ".cache" / "manifests").iterdir():
        path.unlink()
    with read_only(finished):
        studio = Studio()
        with pytest.raises(RefusedError, match="Nothing can be written to"):
            six.make(finished, studio)
        assert studio.loaded == [], "no model is run for what cannot be kept"
    assert six.make(finished, Studio()).exit_code == 0
    six.assert_right(finished, undisturbed.files)


def test_a_store_that_may_only_be_read_gives_what_is_there_and_says_what_cannot_be_made(finished, undisturbed):
    (drop,) = finished.glob("drop/*/config.json")
    key = json.loads(drop.read_text())["stages"]["sampling"]["key"]
    (finished / ".cache" / "manifests" / f"{key}.json").unlink()
    with read_only(finished):
        studio = Studio()
        summary = six.make(finished, studio)
        assert six.states(summary) == {"reused": 5, "refused": 1}
        assert next(outcome.error for _, outcome in summary.jobs if not outcome.is_done).startswith("Nothing can be")
        assert studio.loaded == []
    six.assert_right(finished, undisturbed.files)
