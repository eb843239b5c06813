"""Planning as Prefect flows on a real server: a wish is drawn, and the key is a secret of Prefect."""

import asyncio
import json

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client

import prompts
from flows.plan import plan
from flows.zoom import zoom
from prompts.request import PlanRequest
from tasks.errors import RefusedError
from tasks.keys import api_key
from tasks.services import Services, using
from tasks.specs import RunConfig, with_settings
from tests.doubles.openai_server import Reply, serving
from tests.doubles.planners import KEY, SHORT, STORY, asking, right_model, short_model, wish

pytestmark = [
    pytest.mark.usefixtures("server", "alone"),
    # Prefect leaves the sockets of its clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def alone(monkeypatch):
    """Without the user's settings and without a key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TENFOLD_VISION_MODEL", "TENFOLD_PLAN_MODEL"):
        monkeypatch.delenv(name, raising=False)


def small(model_folder, *settings: str) -> list[str]:
    base = [f"model.name={model_folder}", "scores.scorer=none", "sampling.steps=2", "film.fps=4", "film.size_px=64"]
    return [*base, *settings]


def latest_flow() -> str:
    async def read() -> str:
        async with get_client() as client:
            (latest,) = await client.read_flow_runs(limit=1, sort="START_TIME_DESC")
            return latest.name

    return asyncio.run(read())


def test_the_key_can_be_a_secret_of_prefect_and_is_kept_nowhere(tmp_path, monkeypatch):
    Secret(value=KEY).save("the-key")
    with serving(right_model()) as service:
        config = asking(service, "plan.secret=the-key")
        facts = asyncio.run(plan(wish(), config, tmp_path))
        assert service.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert prompts.parse_story(facts["story"]).title == STORY.title
    assert (facts["plan"]["planner"], facts["made"]) == ("model", True)
    assert KEY not in json.dumps(facts)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    assert latest_flow() == f"plan {STORY.title}"
    assert api_key("the-key") == KEY
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    assert api_key("the-key") == "another"


def test_a_secret_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="no secret 'nobody'") as caught:
        Services(with_settings(RunConfig(), ["plan.model=m", "plan.secret=nobody"]), tmp_path).writer()
    assert caught.value.__cause__ is None
    Secret(value={"key": KEY}).save("a-mapping")
    with pytest.raises(RefusedError, match="holds no text") as caught:
        api_key("a-mapping")
    assert KEY not in str(caught.value)


def test_the_main_flow_makes_the_story_of_a_wish_first(tmp_path, model_folder):
    request = PlanRequest(text="from 8 m to 4 m", p=2)
    with serving(short_model()) as service:
        config = asking(service, *small(model_folder))
        report = asyncio.run(zoom(request, config, tmp_path))
        again = asyncio.run(zoom(request, config, tmp_path))
        assert len(service.asked) == 1
    assert latest_flow() == "zoom from 8 m to 4 m"
    told = json.loads((tmp_path / "tree" / report["run_id"] / "config.json").read_text())
    assert told["plan"] == report["plan"] == again["plan"]
    assert told["prompts"] == [*SHORT.prompts()]
    assert not any(stage["made"] for stage in again["stages"].values())


def test_planning_and_looking_spend_from_one_budget(tmp_path, model_folder):
    request = PlanRequest(text="from 8 m to 4 m", p=2)
    planner = short_model()

    def answer(asked):
        return Reply("veins") if asked.body["model"] == "eyes" else planner(asked)

    with serving(answer) as service:
        config = asking(service, *small(model_folder, "method=superres", "vision.model=eyes"))
        config = with_settings(config, [f"vision.base_url={service.url}"])
        with using(Services(config, tmp_path)) as services:
            report = asyncio.run(zoom(request, config, tmp_path))
        assert services.spent.requests == len(service.asked) == 2
    told = json.loads((tmp_path / "tree" / report["run_id"] / "config.json").read_text())
    assert (told["spent"]["requests"], told["plan"]["spent"]["requests"]) == (1, 1)
