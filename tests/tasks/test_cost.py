"""Estimates: counted exactly, never too small, judged by what the store has seen."""

from tasks.cost import cost
from tasks.plan import prepare
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import BASE, contents, run, story
from tests.tasks.test_plan import prepared


def test_the_time_of_sampling_is_judged_by_the_latest_run_with_the_same_weights(tmp_path):
    studio = Studio(seconds_per_step=0.05)
    report = run(tmp_path, studio=studio)
    pace = report.results["sampling"].facts["evaluation_s"]
    assert pace > 0.05 / 6
    config = with_settings(RunConfig(), [*BASE, "sampling.steps=50"])
    assert cost(prepare(config, story(), tmp_path, studio.tools())).sampling_s == 50 * 6 * pace
    assert cost(prepare(config, story(), tmp_path, Studio(revision="r2").tools())).sampling_s is None


def test_cost_counts_what_is_done(tmp_path):
    estimate = cost(prepared(tmp_path, "sampling.steps=10", "film.fps=10", "film.seconds_per_level=3"))
    assert (estimate.evaluations, estimate.frames, estimate.sampling_s) == (3 * 10 * 2, 2 * 30, None)
    assert cost(prepared(tmp_path, "guidance.scale=1")).evaluations == 3 * 4


def test_a_run_stays_within_the_room_that_it_asks_for(tmp_path):
    for settings in ((), ("film.size_px=32", "film.fps=1", "film.seconds_per_level=0.5")):  # large film, hardly any
        report = run(tmp_path / str(len(settings)), *settings)
        taken = sum(map(len, contents(tmp_path / str(len(settings))).values()))
        assert 0.1 * cost(report.run).disk_bytes < taken < cost(report.run).disk_bytes
