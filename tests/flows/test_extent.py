"""How far a flow run is: one number that never falls, whatever events come, and words that fit a page."""

from hypothesis import given
from hypothesis import strategies as st

from flows.extent import MOST, Extent
from tasks.events import OfRun, RunEnded, RunStarted, StageDone, StageMoved, StageNoted, StageStarted

stages = st.sampled_from(["story", "sampling", "levels", "video", "motion", "other"])
stage_events = st.one_of(
    st.builds(StageStarted, stages, st.integers(0, 5), st.just("steps"), st.integers(0, 9)),
    st.builds(StageMoved, stages, st.integers(0, 9)),
    st.builds(StageDone, stages, st.booleans(), st.floats(0, 9)),
    st.builds(StageNoted, stages, st.text()),
)
names = st.sampled_from("abc")
events = st.one_of(
    stage_events,
    st.builds(OfRun, names, stage_events),
    st.builds(RunStarted, st.integers(1, 3), st.just(3), names),
    st.builds(RunEnded, st.integers(1, 3), st.just(3), names, st.floats(0, 9), st.sampled_from([None, "no"])),
)


@given(st.lists(events, max_size=40))
def test_it_never_falls_nor_leaves_the_scale_whatever_comes(told):
    extent, before = Extent("A title"), 0.0
    for event in told:
        extent.note(event)
        assert before <= extent.percent <= 100.0
        assert extent.text.startswith("A title: ")
        before = extent.percent
    extent.end()
    assert (extent.percent, extent.text) == (100.0, "A title: done")


def test_a_run_is_told_by_its_stage():
    extent = Extent("Leaf")
    assert (extent.percent, extent.text) == (0.0, "Leaf: begins")
    extent.note(StageStarted("sampling", 10, "steps, 3 levels"))
    extent.note(StageMoved("sampling", 5))
    assert (extent.percent, extent.text) == (31.0, "Leaf: sampling: 5 of 10 steps, 3 levels")
    extent.note(StageDone("sampling", True, 1.0))
    assert (extent.percent, extent.text) == (62.0, "Leaf: between stages")


def test_runs_in_flight_are_told_one_by_one_as_far_as_a_page_has_room():
    extent = Extent("Night")
    for number in range(1, MOST + 4):
        extent.note(RunStarted(number, 100, f"run {number}"))
    extent.note(RunEnded(1, 100, "run 1", 1.0, "no"))
    extent.note(OfRun("run 2", StageStarted("sampling", 4, "steps")))
    extent.note(OfRun("run 2", StageMoved("sampling", 2)))
    lines = extent.text.splitlines()
    assert lines[0].startswith("Night: 1 of 100 done, 1 failed, ")
    assert lines[2] == "- run 2: sampling: 2 of 4 steps"
    assert lines[-1] == "- and 2 more"
    assert extent.percent == 1.3


def test_runs_that_follow_each_other_need_not_say_whose_a_stage_is():
    extent = Extent("Sweep")
    extent.note(RunStarted(1, 2, "one"))
    extent.note(StageStarted("video", 100, "frames"))
    extent.note(StageMoved("video", 100))
    assert extent.text.splitlines()[-1] == "- one: video: 100 of 100 frames"
    assert extent.percent == 7.5
