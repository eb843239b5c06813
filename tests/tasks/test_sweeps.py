"""Sweeps: reading, expansion as a pure function, planning that refuses before anything is made, and making."""

from pathlib import Path

import pytest

from evaluation.presets import PRESETS
from prompts import Story
from tasks import stopping
from tasks.errors import RefusedError
from tasks.events import RunEnded, RunStarted
from tasks.run import CONFIG
from tasks.selection import select
from tasks.sweep_file import SWEEP, read_sweep, write_sweep
from tasks.sweep_report import CSV, MARKDOWN, PAGE, conclude, findings, publish_to
from tasks.sweep_spec import SweepSpec, find_stories, parse_spec, spec_of
from tasks.sweeps import planned, recorded, run_sweep
from tests.doubles.painter import Studio

SMALL = {"sampling.steps": 2, "film.fps": 2, "film.seconds_per_level": 1, "film.size_px": 64}
SMALL |= {"scores.scorer": "none", "scores.video": False, "enlarge.model": "none"}


def story(title: str = "Test story") -> Story:
    return Story.model_validate({"title": title, "p": 2, "levels": [f"{title} a", "b"]})


STORIES = (story("One"), story("Two"))


def spec(**values) -> SweepSpec:
    return parse_spec({"title": "Test", "base": SMALL, **values}, "test", "test")


def plan(root: Path, *stories: Story, studio: Studio | None = None, **values):
    return planned(spec(**values), stories or STORIES, root, tools=(studio or Studio()).tools())


def test_planning_writes_nothing_and_the_id_follows_the_content(tmp_path):
    first = plan(tmp_path / "runs", grid={"sampling.eta": [0, 1]})
    assert not (tmp_path / "runs").exists()
    assert plan(tmp_path / "elsewhere", grid={"sampling.eta": [0, 1]}).id == first.id
    assert plan(tmp_path / "runs", grid={"sampling.eta": [0, 0.5]}).id != first.id
    assert first.folder.parent == tmp_path / "runs" / "_sweeps"
    assert len({one.run.id for one in first.points}) == len(first.points) == 4


def test_a_sweep_refines_no_stories(tmp_path):
    with pytest.raises(RefusedError, match="refines none"):
        plan(tmp_path, base={**SMALL, "plan.refine": 1})


def test_points_that_are_the_same_work_are_merged(tmp_path):
    """Joint sampling's own eta is 1: two names for one arm."""
    merged = plan(tmp_path, arms={"plain": {}, "eta": {"sampling.eta": 1.0}, "cold": {"sampling.eta": 0.0}})
    assert merged.arms == ("plain", "cold")
    assert len(merged.points) == 4
    assert merged.notes == ("eta asks for the same runs as plain, which are made once.",)
    assert len(plan(tmp_path, story("One"), story("One")).points) == 1
    assert len(plan(tmp_path, story("One"), grid={"film.fps": [4, 4]}).points) == 1


@pytest.mark.parametrize("name", PRESETS)
def test_every_arm_of_a_preset_can_be_made_with_the_bundled_model(tmp_path, name):
    sweep = planned(spec_of(PRESETS[name]), find_stories(["cosmic-leaf"]), tmp_path)
    assert sweep.arms == tuple(arm.name for arm in PRESETS[name].arms)
    assert (sweep.preset, sweep.baseline) == (PRESETS[name], PRESETS[name].baseline)
    assert sweep.folder.name == f"{name}-{sweep.id}"
    assert len(sweep.points) == 3 * len(sweep.arms)


def test_a_preset_with_other_arms_is_none(tmp_path):
    values = parse_spec({"preset": "table1", "arms": ["joint", "independent"], "base": SMALL}, "x", "x")
    sweep = planned(values, STORIES, tmp_path, tools=Studio().tools())
    assert (sweep.preset, sweep.baseline) == (None, "joint")


def test_a_sweep_makes_its_runs_and_finds_them_again(tmp_path):
    studio, events = Studio(), []
    sweep = plan(tmp_path, studio=studio, grid={"sampling.eta": [0, 1]})
    facts = run_sweep(sweep, tools=studio.tools(), on_event=events.append, in_flight=1)
    assert facts == {"sweep": sweep.id, "folder": str(sweep.folder), "runs": 4, "failed": {}}
    told = [event for event in events if isinstance(event, RunStarted)]
    assert [(one.number, one.total) for one in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    found = read_sweep(sweep.folder)
    assert (found.name, found.title, found.id, found.preset) == ("test", "Test", sweep.id, None)
    assert found.arms == ("eta=0", "eta=1")
    for point, one in zip(found.points, sweep.points, strict=True):
        assert (tmp_path / str(point.folder) / CONFIG).is_file()
        assert (point.arm, point.story, point.seed, point.run_id) == (
            one.point.arm,
            one.point.story.title,
            0,
            one.run.id,
        )
    samplings = studio.loaded.count("denoiser")
    run_sweep(plan(tmp_path, studio=studio, grid={"sampling.eta": [0, 1]}), tools=studio.tools())
    assert studio.loaded.count("denoiser") == samplings == 4
    assert write_sweep(found, tmp_path / "copy").read_text() == (sweep.folder / SWEEP).read_text()


def failing(studio: Studio, at: int):
    """Tools whose denoiser cannot be loaded the `at`-th time."""
    tools = studio.tools()

    def load(name, **options):
        if len(studio.loaded) == at - 1:
            studio.loaded.append("failed")
            raise RuntimeError("no  room\nfor it.")
        return studio.load_denoiser(name, **options)

    return type(tools)(describe=tools.describe, load_denoiser=load, load_upscaler=tools.load_upscaler)


def test_a_run_that_fails_does_not_stop_the_others_and_is_told(tmp_path):
    studio, events = Studio(), []
    sweep = plan(tmp_path, studio=studio, arms=["joint", "independent"])
    facts = run_sweep(sweep, tools=failing(studio, 2), on_event=events.append, in_flight=1)
    reason = "RuntimeError: no room for it"
    assert facts["failed"] == {"independent, One, seed 0": reason}
    ended = [event for event in events if isinstance(event, RunEnded)]
    assert [event.error for event in ended] == [None, reason, None, None]
    points = read_sweep(sweep.folder).points
    assert [(point.folder is None, point.error) for point in points[:2]] == [(False, None), (True, reason)]
    assert select([str(sweep.folder)], tmp_path).missing == (f"independent, One, seed 0: {reason}.",)
    again = run_sweep(plan(tmp_path, studio=studio, arms=["joint", "independent"]), tools=studio.tools())
    assert again["failed"] == {}
    assert all(point.folder for point in read_sweep(sweep.folder).points)


def test_the_file_is_there_from_the_beginning_and_tells_what_is_done(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path, studio=studio, seeds=3)
    recorded(sweep)
    assert [point.folder for point in read_sweep(sweep.folder).points] == [None] * 6

    def stop(event):
        if isinstance(event, RunStarted) and event.number == 3:
            raise KeyboardInterrupt

    with stopping.fresh(), pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, tools=studio.tools(), on_event=stop, in_flight=1)
    assert [point.folder is not None for point in read_sweep(sweep.folder).points] == [True] * 2 + [False] * 4
    run_sweep(plan(tmp_path, studio=studio, seeds=3), tools=studio.tools())
    assert studio.loaded.count("denoiser") == 6  # the two before the stop were found


def test_a_sweep_ends_in_a_ranking_a_table_and_a_page(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path / "runs", studio=studio, arms=["joint", "independent"])
    assert findings(sweep) is None
    assert conclude(sweep) is None
    run_sweep(sweep, tools=studio.tools())
    scored = [write_scores(one) for one in sweep.points]
    assert len(scored) == 4
    found = conclude(sweep, "tenfold sweep x.yaml")
    assert list(found.rankings["score"].unique()) == ["seam"]
    assert list(found.rankings["arm"]) == ["independent", "joint"]
    text = (sweep.folder / MARKDOWN).read_text()
    assert text == found.markdown
    assert "tenfold sweep x.yaml" in text
    assert "4 of 4 runs: 2 arms, 2 stories, seeds 0; drawn by bundled (r1)" in text
    assert (sweep.folder / CSV).read_text().startswith("score,scorer,scorer_revision,rank,arm,mean")
    assert "<html" in (sweep.folder / PAGE).read_text()
    copies = publish_to(sweep, tmp_path / "docs" / "x")
    assert {copy.name for copy in copies} == {MARKDOWN, CSV, PAGE, SWEEP}
    assert (tmp_path / "docs" / "x" / CSV).read_bytes() == (sweep.folder / CSV).read_bytes()


def test_a_damaged_table_of_scores_is_told_and_left_out(tmp_path):
    studio = Studio()
    sweep = plan(tmp_path, studio=studio, arms=["joint", "independent"])
    run_sweep(sweep, tools=studio.tools())
    paths = [write_scores(one) for one in sweep.points]
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    found = findings(sweep)
    assert any(paths[0].name in one and sweep.points[0].run.id in one for one in found.missing)
    joint = found.rankings[found.rankings["arm"] == "joint"]
    assert (joint["runs"].iloc[0], joint["stories"].iloc[0]) == (1, 1)


def write_scores(one) -> Path:
    """A score of a run, as its stage writes it: 1.5 for joint and 1.1 for others."""
    from evaluation import table

    run = one.run
    value = 1.5 if run.config.method == "joint" else 1.1
    origin = table.Run(run.id, run.story.title, run.config.method, one.point.arm, run.config.seed, "m", "r", "tenfold")
    return table.write_scores(table.rows([table.Score("seam", value, level=0)], origin), run.folder / "scores.parquet")
