"""What comes before a run: its story planned with a zoom factor that the method can do, refusals before any cost."""

import json

import pytest

from prompts import PlanRequest, load_story
from prompts.schedule import check_schedule
from tasks.errors import RefusedError
from tasks.pipeline import run_zoom
from tasks.services import Services
from tasks.specs import RunConfig, with_settings
from tasks.text_limit import text_limit
from tasks.told import drawn, suited
from tests.doubles.painter import Studio
from zoomlib.errors import InvalidInputError

PAINTER = ["model.name=painter", "scores.scorer=none", "sampling.steps=2", "film.fps=4", "film.size_px=64"]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Without the user's settings and without a key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TENFOLD_VISION_MODEL", "TENFOLD_PLAN_MODEL"):
        monkeypatch.delenv(name, raising=False)


def config(*settings: str) -> RunConfig:
    return with_settings(RunConfig(), [*PAINTER, *settings])


def fitted(tmp_path, request: PlanRequest, *settings: str) -> PlanRequest:
    asked = config(*settings)
    return suited(request, asked, Services(asked, tmp_path), Studio().tools())


def test_an_open_zoom_factor_becomes_one_that_the_method_can_do(tmp_path):
    wish = PlanRequest(text="from 81 m to 1 m", levels=5)  # planners would take 3
    assert fitted(tmp_path, wish).p == 4  # joint sampling divides its pictures
    said = fitted(tmp_path, PlanRequest(text="from 81 m to 1 m in 5 levels"))
    assert (said.levels, said.p) == (5, 4)
    assert fitted(tmp_path, wish, "method=independent").p in (None, 4)
    assert fitted(tmp_path, PlanRequest(text="from 16 m to 1 m", levels=5)).p is None
    assert fitted(tmp_path, PlanRequest(text="from a galaxy to a leaf")).p is None
    assert fitted(tmp_path, PlanRequest(text="from xyzzy to plugh")).p is None  # for the planner to refuse
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("request_", "settings", "words"),
    [
        (PlanRequest(text="a leaf", p=3), [], "must be multiples of 3"),
        (PlanRequest(text="a leaf, p = 3"), [], "must be multiples of 3"),
        (PlanRequest(text="a leaf"), ["model.device=toaster"], "Device"),
        (PlanRequest(text="a leaf"), ["method=jiont"], "joint"),
        (PlanRequest(text="a leaf"), ["sampling.stpes=3"], "steps"),
        (PlanRequest(text="a leaf"), ["photo=/no/such.png"], "picture"),
        (PlanRequest(text="a leaf"), ["plan.refine=1"], "needs a vision model"),
    ],
)
def test_what_no_story_could_mend_is_refused_before_planning(tmp_path, request_, settings, words):
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        fitted(tmp_path, request_, *settings)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_a_wish_tells_its_plan_and_continues_as_any(tmp_path):
    wish = PlanRequest(text="from a forest to a leaf", levels=3, p=4)
    report = run_zoom(config(), wish, tmp_path, tools=Studio().tools())
    story = load_story(report.run.folder / "story.yaml")
    assert check_schedule(story, text_limit(config())) == ()
    told = json.loads((report.run.folder / "config.json").read_text())
    assert told["plan"]["request"]["text"] == wish.text
    assert told["plan"] == report.as_json()["plan"]
    given = run_zoom(config(), story, tmp_path, tools=Studio().tools())
    assert given.run.id == report.run.id
    assert not any(stage.made for stage in given.stages)
    assert json.loads((report.run.folder / "config.json").read_text()) == told


def test_who_continues_a_refined_run_refines_nothing():
    asked = drawn(config("plan.refine=3", "plan.max_cost=1", "vision.model=eyes"))
    assert (asked.plan.refine, asked.plan.max_cost, asked.vision.model) == (0, 1, None)
    looking = drawn(config("plan.refine=3", "method=superres", "vision.model=eyes"))
    assert (looking.plan.refine, looking.vision.model) == (0, "eyes")
    assert drawn(config()) == config()
