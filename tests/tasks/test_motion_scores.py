"""The film of a run is measured, of whatever kind its file is; and only what can be measured is."""

import pyarrow.parquet as pq
import pytest

from evaluation.film_scores import score_film
from evaluation.motion import planned
from tasks.events import StageMoved, StageStarted
from tasks.film import film_of
from tasks.motion_scores import film_scores
from tasks.pipeline import Report
from tests.tasks.test_pipeline import made, run
from zoomlib.errors import InvalidInputError
from zoomlib.film.render import frames
from zoomlib.stack import ZoomStack

TABLE = "scores-video.parquet"
SEEN = {"flicker", "keyframe_pop", "log_speed_sd_measured"}


def values(report: Report) -> dict[str, float]:
    rows = pq.read_table(report.run.folder / TABLE).to_pylist()
    assert {(row["run_id"], row["scope"], row["level"], row["scorer"]) for row in rows} <= {
        (report.run.id, "video", None, None)
    }
    return {row["score"]: row["value"] for row in rows}


def test_scores_of_the_film_stand_in_a_table_of_their_own(tmp_path):
    events = []
    report = run(tmp_path, events=events)
    assert values(report).keys() == SEEN | {"log_speed_sd"}
    assert StageStarted("motion", 16, "frames") in events
    assert [event.done for event in events if isinstance(event, StageMoved) and event.stage == "motion"] == list(
        range(1, 17)
    )
    (report.run.folder / TABLE).unlink()
    again = run(tmp_path)
    assert (made(again), again.restored) == ([], (TABLE,))


@pytest.mark.parametrize("kind", ["mkv", "gif", "png", "webp", "webm"])
def test_films_of_all_formats_are_measured_holds_and_all(tmp_path, kind):
    """Lossless ones give what the drawn frames give. A webp holds equal frames as one that stays longer."""
    report = run(tmp_path, f"film.format={kind}", "film.hold_end_s=0.5", "film.easing=in-out", "film.fps=10")
    film, stack = film_of(report.run), ZoomStack.load(report.run.folder / "stack")
    camera = film.camera(stack.factors)
    drawn = score_film(frames(stack, camera, film.size), planned(stack, camera, film.size))
    found = values(report)
    assert found.keys() == SEEN | {"log_speed_sd"}
    if kind in ("mkv", "png"):
        assert all(found[score.score] == pytest.approx(score.value, rel=1e-6) for score in drawn)
    else:
        assert all(found[score.score] < 4 * score.value + 3 for score in drawn)


def test_the_end_of_a_loop_is_measured(tmp_path):
    assert values(run(tmp_path, loop=True, levels=list("abcdef"))).keys() == SEEN | {"log_speed_sd", "loop_error"}


@pytest.mark.parametrize("setting", ["film.captions=burnt", "film.scale_bar=true"])
def test_of_a_film_that_is_written_on_only_the_plan_is_scored(tmp_path, setting):
    levels = [{"prompt": prompt, "width_m": width} for prompt, width in zip("abc", (4, 2, 1), strict=True)]
    assert values(run(tmp_path, setting, levels=levels)).keys() == {"log_speed_sd"}


def test_a_still_film_has_no_scores(tmp_path):
    assert values(run(tmp_path, levels=["a"])) == {}


def test_films_need_not_be_measured_and_are_the_same_run(tmp_path):
    without = run(tmp_path, "scores.video=false")
    assert not (without.run.folder / TABLE).exists()
    assert "motion" not in made(without)
    with_them = run(tmp_path)
    assert (made(with_them), with_them.run.folder) == (["motion"], without.run.folder)


def test_a_film_of_another_length_is_refused(tmp_path):
    report = run(tmp_path)
    film, stack = film_of(report.run), ZoomStack.load(report.run.folder / "stack")
    other = run(tmp_path, "film.fps=4")
    with pytest.raises(InvalidInputError, match="8 frames, and the camera's plan is made for 16"):
        film_scores(film, stack, {film.name: other.video})
