"""Work that is asked to stop: where it ends, what of it is kept, and that the next call knows nothing of it."""

import threading

import pytest

from prompts import Story
from tasks import stopping
from tasks.batch.making import run_batch
from tasks.batch.plan import plan_batch
from tasks.batch.spec import BatchSpec
from tasks.events import (
    OfRun,
    RunEnded,
    RunStarted,
    StageDone,
    StageMoved,
    StageNoted,
    StageStarted,
    StageWaiting,
    ignore,
    of_run,
)
from tasks.specs import RunConfig, with_settings
from tasks.stopping import Work
from tests.doubles.painter import Studio
from tests.doubles.slow_runs import SETTINGS, STEPS, STORY

STARTED, MOVED, DONE = StageStarted("sampling", 3, "steps"), StageMoved("sampling", 1), StageDone("sampling", True, 1.0)
RESTS = (STARTED, MOVED, DONE, RunStarted(1, 2, "one"), OfRun("one", MOVED))
OTHERS = (
    StageNoted("sampling", "x"),
    StageWaiting("sampling"),
    RunEnded(1, 2, "one", 1.0),
    OfRun("one", StageNoted("a", "b")),
)


@pytest.fixture(autouse=True)
def fresh():
    with stopping.fresh():
        yield


@pytest.mark.parametrize("event", RESTS)
def test_it_ends_where_nothing_is_lost_and_has_told_so_far(event):
    told = []
    listen = stopping.heeding(told.append)
    listen(event)
    stopping.ask()
    with pytest.raises(KeyboardInterrupt):
        listen(event)
    assert told == [event, event]


@pytest.mark.parametrize("event", OTHERS)
def test_it_goes_on_where_a_step_would_be_lost_or_nothing_is_left_to_do(event):
    stopping.ask()
    stopping.heeding(ignore)(event)


def test_what_is_made_is_known_by_the_name_of_its_run():
    here = threading.get_ident()
    listen = stopping.heeding(ignore)
    one = of_run("one", listen)
    listen(RunStarted(1, 2, "one"))
    assert stopping.at_work() == {"one": Work(here)}
    one(StageStarted("story", 1, "rounds"))
    assert (stopping.at_work(), stopping.is_worth_waiting()) == ({"one": Work(here, "story")}, False)
    one(DONE)
    one(STARTED)
    assert (stopping.at_work(), stopping.is_worth_waiting()) == ({"one": Work(here, "sampling")}, True)
    assert not stopping.others_work()
    listen(RunEnded(1, 2, "one", 1.0, "no room"))
    assert stopping.at_work() == {}


def test_what_left_by_an_error_takes_the_wish_along():
    def asked() -> None:
        with stopping.scope():
            stopping.ask()
            stopping.check()

    with pytest.raises(KeyboardInterrupt):
        asked()
    assert not stopping.is_asked()
    with stopping.scope():
        stopping.ask()
    assert stopping.is_asked()


def test_a_batch_that_a_program_interrupts_ends_its_threads_at_a_step_and_can_be_made_then(tmp_path):
    (tmp_path / "story.json").write_text(Story.model_validate(STORY).model_dump_json())
    config = with_settings(RunConfig(), SETTINGS)
    spec = BatchSpec(title="Twice", stories=[str(tmp_path / "story.json")], seeds=[0, 1], config=config)
    studio = Studio(seconds_per_step=0.01)

    def interrupt(event):
        if isinstance(event, OfRun) and isinstance(event.event, StageMoved) and event.event.done == 3:
            raise KeyboardInterrupt

    batch = plan_batch(spec, tmp_path / "runs", tools=studio.tools())
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, on_event=interrupt, tools=studio.tools())
    assert sum(painter.steps for painter in studio.painters) in (3, 4)
    assert run_batch(batch, tools=studio.tools()).exit_code == 0
    assert sum(painter.steps for painter in studio.painters) == 2 * STEPS
