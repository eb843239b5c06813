"""Batches: what is made and reused, failures that stop nothing, stopping, and what is written of it all."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tasks import slots, stopping
from tasks.batch import making
from tasks.batch.making import run_batch
from tasks.batch.outcome import Outcome
from tasks.batch.plan import plan_batch
from tasks.batch.record import FILE, SUMMARY, Record, find_batch, plan_again, read_record, summary_of
from tasks.batch.spec import BatchSpec
from tasks.errors import RefusedError
from tasks.events import OfRun, RunEnded, RunStarted, StageMoved, StageStarted
from tasks.run import CONFIG
from tasks.stages import look_ahead
from tests.doubles.painter import Studio
from tests.tasks.test_batch_plan import write_story
from tests.tasks.test_sweeps import SMALL

STEPS = SMALL["sampling.steps"]


@pytest.fixture(autouse=True)
def nobody_has_asked_to_stop():
    with stopping.fresh():
        yield


@pytest.fixture
def stories(tmp_path):
    """A folder of three stories."""
    for name in ("one", "three", "two"):
        write_story(tmp_path / "stories", name)
    return tmp_path


def plan(folder: Path, studio: Studio, *stories: str, **values):
    spec = BatchSpec(stories=stories or ("stories",), settings=SMALL, **values)
    return plan_batch(spec, folder / "runs", folder=folder, tools=studio.tools())


def evaluations(studio: Studio) -> int:
    return sum(painter.steps for painter in studio.painters)


def failing_at(studio: Studio, number: int):
    """Tools whose denoiser cannot be loaded the `number`-th time."""
    tools, loads = studio.tools(), []

    def load(name, **options):
        loads.append(name)
        if len(loads) == number:
            raise RuntimeError("no  room\nfor it.")
        return studio.load_denoiser(name, **options)

    return replace(tools, load_denoiser=load)


def states(summary) -> list[str | None]:
    return [None if outcome is None else outcome.state for _, outcome in summary.jobs]


def test_one_that_fails_or_is_refused_stops_no_other_and_all_is_told(stories):
    studio, events = Studio(), []
    (stories / "stories" / "bad.json").write_text("{")
    batch = plan(stories, studio)
    summary = run_batch(batch, tools=failing_at(studio, 2), on_event=events.append, in_flight=1)
    assert states(summary) == ["refused", "made", "failed", "made"]
    assert summary.exit_code == 1
    assert summary.headline().startswith("4 videos: 2 made, 1 failed, 1 refused; ")
    made = summary.jobs[1][1]
    assert (made.evaluations, made.gpu_seconds, made.spent) == (STEPS * 2 * 2, 0.0, {})
    assert made.stages["sampling"]["made"]
    assert (stories / "runs" / made.folder / CONFIG).is_file()
    ended = [event for event in events if isinstance(event, RunEnded)]
    assert [(event.number, event.error) for event in ended] == [
        (2, None),
        (3, "RuntimeError: no room for it"),
        (4, None),
    ]
    assert {event.name for event in events if isinstance(event, OfRun)} == {event.name for event in ended}
    facts = json.loads((batch.folder / FILE).read_text())
    assert facts["counts"] == {"made": 2, "reused": 0, "failed": 1, "refused": 1, "left": 0}
    assert facts["state"] == "done"
    text = (batch.folder / SUMMARY).read_text()
    assert "| three, joint, seed 0 | failed |" in text
    assert "RuntimeError: no room for it" in text
    assert f"tenfold batch --failed {batch.id}" in text


def test_what_is_missing_is_made_again_and_nothing_else(stories):
    studio = Studio()
    (stories / "stories" / "bad.json").write_text("{")
    first = plan(stories, studio)
    run_batch(first, tools=failing_at(studio, 2), in_flight=1)
    write_story(stories / "stories", "bad", "Mended")
    folder = find_batch(first.id, stories / "runs")
    assert folder == first.folder == find_batch(folder.name[:8], stories / "runs") == find_batch(str(folder), stories)
    again, before = plan_again(folder, stories / "runs", tools=studio.tools()), evaluations(studio)
    assert (again.id, again.folder) == (first.id, first.folder)
    events = []
    summary = run_batch(again, tools=studio.tools(), on_event=events.append, only_failed=True, force=True)
    assert {event.name for event in events if isinstance(event, RunStarted)} == {
        "Mended, joint, seed 0",
        "three, joint, seed 0",
    }
    assert states(summary) == ["made"] * 4
    assert (summary.exit_code, evaluations(studio) - before) == (0, 2 * STEPS)
    assert "--failed" not in (folder / SUMMARY).read_text()
    assert summary_of(again).jobs == summary.jobs


@pytest.mark.parametrize("name", ["", "zzzz", "b"])
def test_a_batch_that_is_not_there_is_refused(stories, name):
    folder = stories / "runs" / "_batches" / "batch-0123abcd"
    folder.mkdir(parents=True)
    (folder / FILE).write_text("{}")
    with pytest.raises(RefusedError, match=r"there are: batch-0123abcd\."):
        find_batch(name, stories / "runs")


def test_a_damaged_record_is_refused_and_never_stands_in_the_way(stories):
    studio = Studio()
    batch = plan(stories, studio, "stories/one.json")
    run_batch(batch, tools=studio.tools())
    (batch.folder / FILE).write_bytes((batch.folder / FILE).read_bytes()[:-40])
    with pytest.raises(RefusedError, match="not usable as a batch"):
        read_record(batch.folder)
    assert states(run_batch(batch, tools=studio.tools(), only_failed=True)) == ["reused"]
    assert read_record(batch.folder).outcomes.keys() == {batch.jobs[0].key}


def test_finished_videos_are_found_at_once_and_what_was_lost_is_made(stories):
    studio = Studio()
    run_batch(plan(stories, studio), tools=studio.tools())
    batch, events = plan(stories, studio), []
    loaded = len(studio.loaded)
    summary = run_batch(batch, tools=studio.tools(), on_event=events.append)
    assert states(summary) == ["reused"] * 3
    assert len(studio.loaded) == loaded
    assert [type(event) for event in events] == [RunStarted, RunEnded] * 3
    video = batch.jobs[0].run.folder / "zoom.mp4"
    content = video.read_bytes()
    video.write_bytes(b"changed by hand")
    lost = batch.jobs[1].run
    manifest = lost.workshop.find(next(key for key in keys_of(lost) if key.stage == "video"))
    lost.workshop.store.path(manifest.artifacts["zoom.mp4"]).unlink()
    again = run_batch(plan(stories, studio), tools=studio.tools())
    assert states(again) == ["reused", "made", "reused"]
    assert again.jobs[1][1].made == ("video",)
    assert video.read_bytes() == content


def keys_of(run):
    return [manifest.key for manifest in look_ahead(run).values()]


def test_one_draws_while_another_is_rendered(stories, monkeypatch):
    """Films wait until two stories were begun to be drawn: in vain, if videos were made one after another."""
    studio, drawing, both = Studio(), [], threading.Event()
    real = making.run_zoom

    def run_zoom(*arguments, on_event, **options):
        def hear(event):
            on_event(event)
            if isinstance(event, StageStarted) and event.stage == "sampling":
                drawing.append(arguments[1].title)
                assert len(drawing) == 1 or not both.is_set()
                if len(drawing) == 2:
                    both.set()
            if isinstance(event, StageStarted) and event.stage == "video":
                assert both.wait(30), "nothing was drawn while a film was to be rendered"

        return real(*arguments, on_event=hear, **options)

    monkeypatch.setattr(making, "run_zoom", run_zoom)
    batch = plan(stories, studio, "stories/one.json", "stories/three.json")
    summary = run_batch(batch, tools=studio.tools())
    assert states(summary) == ["made", "made"], summary.missing


def test_models_draw_one_after_the_other(stories):
    studio, drawing, most = Studio(seconds_per_step=0.05), set(), []

    def hear(event):
        if isinstance(event, OfRun) and getattr(event.event, "stage", "") == "sampling":
            if isinstance(event.event, StageStarted):
                drawing.add(event.name)
                most.append(len(drawing))
            elif event.event == StageMoved("sampling", STEPS):
                drawing.discard(event.name)

    summary = run_batch(plan(stories, studio), tools=studio.tools(), on_event=hear, in_flight=3)
    assert (states(summary), most) == (["made"] * 3, [1, 1, 1])


def test_a_slot_that_the_caller_holds_is_held_too_and_only_while_a_model_draws(stories):
    held, told = [], []

    @contextmanager
    def slot():
        held.append(True)
        yield
        held.pop()

    def hear(event):
        if isinstance(event, OfRun) and isinstance(event.event, StageStarted):
            told.append((event.event.stage, bool(held)))

    studio = Studio()
    with slots.holding(slot):
        run_batch(plan(stories, studio, "stories/one.json"), tools=studio.tools(), on_event=hear)
    assert ("sampling", True) in told
    assert {stage for stage, was_held in told if was_held} == {"sampling"}


def test_a_batch_that_is_stopped_says_how_far_it_came_and_goes_on_from_there(stories):
    studio = Studio()
    batch, ended = plan(stories, studio), []

    def stop(event):
        if isinstance(event, RunEnded):
            ended.append(event.name)
        if ended and isinstance(event, OfRun) and event.event == StageMoved("sampling", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, tools=studio.tools(), on_event=stop, in_flight=1)
    facts = json.loads((batch.folder / FILE).read_text())
    assert facts["state"] == "stopped"
    assert facts["counts"] == {"made": 1, "reused": 0, "failed": 0, "refused": 0, "left": 2}
    assert "| left |" in (batch.folder / SUMMARY).read_text()
    with stopping.fresh():
        summary = run_batch(plan(stories, studio), tools=studio.tools())
    assert states(summary) == ["reused", "made", "made"]
    assert evaluations(studio) == 3 * STEPS  # the step that it was stopped at was kept


def test_who_died_over_a_batch_goes_on_with_what_is_told_of_it_and_nobody_else_does(stories):
    batch = plan(stories, Studio())
    made = Outcome("made", seconds=40.0, evaluations=12, stages={"sampling": {"made": True, "seconds": 30.0}})
    night = Record(batch, by="night")
    night.end(batch.jobs[0], made)
    night.end(batch.jobs[1], Outcome.failure(OSError("no room")))
    again = Record(batch, by="night")
    assert again.is_resumed
    assert again.left == batch.jobs[1:]
    assert again.summary().jobs[0][1] == made
    assert again.summary().started == night.summary().started.replace(microsecond=0)
    for others in ("next night", ""):
        other = Record(batch, by=others)
        assert not other.is_resumed
        assert other.left == batch.jobs
