"""A photograph opens a plan: captioned once by a vision model, or left out of the planning, which is said."""

import json

import pytest
from PIL import Image

from prompts.request import PlanRequest
from prompts.schedule import check_schedule
from tasks.plan_rules import UNSEEN, limit_of, opening_photo
from tasks.planning import plan_story
from tasks.services import Services
from tasks.specs import RunConfig, with_settings
from tests.doubles.openai_server import Reply, serving
from tests.doubles.planners import KEY

CAPTION = {
    "prompt": "a green forest of tall trees under soft light",
    "subject": "a broad oak tree",
    "width_m": 400,
    "viewpoint": "seen from above",
    "style": "photograph, soft daylight",
}
WISH = PlanRequest(text="from a forest to a leaf", p=4)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Without the user's settings, with a key."""
    for name in ("OPENAI_BASE_URL", "TENFOLD_VISION_MODEL", "TENFOLD_PLAN_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.new("RGB", (40, 30), "green").save(path)
    return path


def made(root, *settings: str):
    config = with_settings(RunConfig(), settings)
    plan = plan_story(WISH, config, Services(config, root), for_run=False)
    assert check_schedule(plan.story, limit_of(WISH, config)) == ()
    return plan


def test_the_caption_opens_the_story_and_is_asked_for_once(tmp_path, photo):
    with serving([Reply(json.dumps(CAPTION))]) as server:
        settings = [f"photo={photo}", "vision.model=eyes", f"vision.base_url={server.url}"]
        plan = made(tmp_path / "runs", *settings)
        assert made(tmp_path / "runs", *settings).story == plan.story
        assert len(server.asked) == 1
        Image.new("RGB", (40, 30), "blue").save(photo)
        made(tmp_path / "runs", *settings)
        assert len(server.asked) == 2
    assert plan.story.levels[0].prompt.startswith(CAPTION["prompt"])
    assert (plan.story.viewpoint, plan.story.style) == (CAPTION["viewpoint"], CAPTION["style"])
    assert plan.story.levels[0].width_m == pytest.approx(CAPTION["width_m"], rel=0.05)
    assert plan.facts["caption"]["subject"] == CAPTION["subject"]
    assert (plan.facts["planner"], plan.facts["vision"]["model"]) == ("offline", "eyes")


def test_the_bundled_image_model_gets_the_nearest_of_its_words(tmp_path, photo):
    with serving([Reply(json.dumps(CAPTION))]) as server:
        config = with_settings(RunConfig(), [f"photo={photo}", "vision.model=eyes", f"vision.base_url={server.url}"])
        plan = plan_story(PlanRequest(), config, Services(config, tmp_path / "runs"))
        assert len(server.asked) == 1
    limit = limit_of(PlanRequest(vocabulary="bundled"), config)
    assert check_schedule(plan.story, limit) == ()
    assert all(limit.count(prompt) <= limit.tokens for prompt in plan.story.prompts())


def test_without_a_vision_model_the_text_says_what_the_photograph_shows(tmp_path, photo):
    plan = made(tmp_path / "runs", f"photo={photo}")
    assert UNSEEN in plan.notes
    assert plan.story == made(tmp_path / "runs").story
    assert not (tmp_path / "runs").exists()


def test_a_photograph_of_the_deepest_level_opens_nothing(photo):
    assert opening_photo(with_settings(RunConfig(), [f"photo={photo}"])).path == photo
    assert opening_photo(with_settings(RunConfig(), [f"photo={photo}", "method=outpaint-direct"])) is None
    assert opening_photo(RunConfig()) is None
