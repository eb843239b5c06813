"""Plans as stages: made once, kept with how they came about, drafts kept where they fail, the key nowhere."""

import json
import logging

import pytest
import yaml

import prompts
from prompts.errors import BudgetError, PlanError, ServiceError
from prompts.schedule import check_schedule
from tasks.cleaning import clean
from tasks.errors import RefusedError
from tasks.events import StageDone, StageMoved, StageStarted
from tasks.plan_made import PlanFailedError
from tasks.plan_rules import UNNAMED, limit_of
from tasks.planning import find_plan, plan_story
from tasks.run import is_story
from tasks.specs import RunConfig, with_settings
from tests.doubles.bad_replies import prompt, some, text
from tests.doubles.openai_server import Reply, serving
from tests.doubles.planners import KEY, STORY, asking, right_model, services, wish
from tests.doubles.schedule_model import Model


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Without the user's settings, with a key."""
    for name in ("OPENAI_BASE_URL", "TENFOLD_VISION_MODEL", "TENFOLD_PLAN_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def made(root, config, request=None, **options):
    return plan_story(request or wish(), config, services(config, root), for_run=False, **options)


def hidden(root, *texts: str) -> None:
    """The key is in no file under root and in none of the texts."""
    for file in root.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
        assert KEY not in file.name
    assert not any(KEY in text for text in texts)


def test_a_plan_offline_is_made_at_once_and_leaves_nothing(tmp_path, monkeypatch):
    config = RunConfig()
    request = wish(text="from a city to a leaf", widths_m=None, levels=None, p=2)
    plan = made(tmp_path, config, request)
    assert plan.facts["planner"] == "offline"
    assert plan.folder is None
    assert check_schedule(plan.story, limit_of(request, config)) == ()
    assert made(tmp_path, config, request).story == plan.story
    assert made(tmp_path, config, request.model_copy(update={"seed": 1})).story != plan.story
    assert list(tmp_path.iterdir()) == []


def test_a_key_without_a_model_is_told_of(tmp_path, monkeypatch):
    request = wish(text="from a city to a leaf", widths_m=None, levels=None, p=2)
    assert UNNAMED in made(tmp_path, RunConfig(), request).notes
    assert UNNAMED not in made(tmp_path, with_settings(RunConfig(), ["plan.planner=offline"]), request).notes
    monkeypatch.delenv("OPENAI_API_KEY")
    assert UNNAMED not in made(tmp_path, RunConfig(), request).notes


def test_a_model_is_asked_once_and_the_folder_tells_everything(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    events = []
    with serving(right_model()) as server:
        config = asking(server)
        plan = made(tmp_path, config, on_event=events.append)
        asked = len(server.asked)
        again = made(tmp_path, config)
        assert len(server.asked) == asked == 1
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert (plan.made, again.made) == (True, False)
    assert again.story == plan.story
    assert again.facts == plan.facts
    assert [level.prompt for level in plan.story.levels] == [level.prompt for level in STORY.levels]
    assert [type(event) for event in events] == [StageStarted, StageMoved, StageDone]

    assert plan.folder == tmp_path / "_plans" / plan.folder.name
    assert not is_story(plan.folder.parent)
    assert prompts.load_story(plan.folder / "story.yaml") == plan.story
    told = json.loads((plan.folder / "plan.json").read_text())
    assert told["planner"] == "model"
    assert told["writer"] == {"model": "writer", "host": server.url.split("/")[2]}
    assert [one["valid"] for one in told["rounds"]] == [True]
    assert told["spent"]["requests"] == 1
    assert told["spent"]["prompt_tokens"] > 0
    (reply,) = (plan.folder / "replies").iterdir()
    assert json.loads(json.loads(reply.read_text())["text"])["levels"][0]["prompt"] == STORY.levels[0].prompt
    hidden(tmp_path, caplog.text, repr(plan), repr(config), json.dumps(config.model_dump(mode="json")))


def test_force_asks_anew_and_what_was_said_before_is_kept(tmp_path):
    with serving(right_model()) as server:
        config = asking(server)
        first = made(tmp_path, config)
        again = made(tmp_path, config, force=True)
        assert len(server.asked) == 2
    assert (again.made, again.folder) == (True, first.folder)
    assert len([*(again.folder / "replies").iterdir()]) > 1


def test_a_lost_folder_comes_back_and_cleaning_leaves_what_it_names(tmp_path):
    with serving(right_model()) as server:
        config = asking(server)
        plan = made(tmp_path, config)
        (plan.folder / "story.yaml").unlink()
        assert clean(tmp_path).files == 0
        assert find_plan(wish(), config, services(config, tmp_path), for_run=False).story == plan.story
        assert not (plan.folder / "story.yaml").exists()  # a look writes nothing
        made(tmp_path, config)
        assert prompts.load_story(plan.folder / "story.yaml") == plan.story
        for file in [*plan.folder.rglob("*.*")]:
            file.unlink()
        assert clean(tmp_path).files > 0
        assert made(tmp_path, config).made  # of the replies, which stay: they have cost money
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"title": "Another"}, {"text": "another wish"}],
)
def test_another_wish_is_another_plan(tmp_path, change):
    with serving(right_model()) as server:
        config = asking(server)
        first, other = made(tmp_path, config), made(tmp_path, config, wish(**change))
    assert first.folder != other.folder
    assert other.made


def test_a_plan_that_fails_keeps_its_best_draft_and_what_was_said(tmp_path):
    spoil = some((2,), prompt("a watermark over {}"))
    with serving(Model(STORY, spoil, skill=0)) as server:
        config = asking(server, "plan.rounds=2")
        with pytest.raises(PlanFailedError, match="best draft is kept; mend it by hand") as caught:
            made(tmp_path, config)
        assert caught.value.__cause__ is None
    draft = prompts.load_story(caught.value.draft)
    assert len(draft.levels) == len(STORY.levels)
    folder = caught.value.draft.parent
    told = json.loads((folder / "plan.json").read_text())
    assert any("level 2" in fault for fault in told["faults"])
    assert [one["valid"] for one in told["rounds"]] == [False, False]
    assert len([*(folder / "replies").iterdir()]) >= 1
    assert not (folder / "story.yaml").exists()
    assert "- level 2, banned" in str(caught.value)
    assert f"{caught.value.draft} --edit" in str(caught.value)
    hidden(tmp_path, str(caught.value), repr(caught.value))


def test_a_plan_that_failed_fails_again_for_nothing_and_force_asks_anew(tmp_path):
    model = Model(STORY, some((2,), prompt("a watermark over {}")), skill=0)
    with serving(model) as server:
        config = asking(server, "plan.rounds=1")
        with pytest.raises(PlanFailedError):
            made(tmp_path, config)
        with pytest.raises(PlanFailedError, match="--force asks anew") as caught:
            made(tmp_path, config)
        assert len(server.asked) == 1
        model.spoil = text
        plan = made(tmp_path, config, force=True)
    assert plan.story.prompts() == STORY.prompts()
    assert not caught.value.draft.exists()


def test_a_wish_that_is_none_is_refused_as_such_and_nothing_is_asked(tmp_path):
    with pytest.raises(PlanError, match="xyzzy"):
        made(tmp_path, RunConfig(), wish(text="from a xyzzy to a plugh", widths_m=None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply("no", status=401), ServiceError), (Reply("broken", status=500), ServiceError)],
)
def test_a_service_that_fails_says_so_and_leaves_no_plan(tmp_path, reply, error):
    with serving([reply]) as server, pytest.raises(error) as caught:
        made(tmp_path, asking(server))
    assert not (tmp_path / "_plans").exists()
    hidden(tmp_path, str(caught.value), repr(caught.value))


def test_a_ceiling_stops_before_the_first_request(tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text(yaml.safe_dump({"currency": "EUR", "models": [{"model": "writer", "input": 10, "output": 30}]}))
    with serving(right_model()) as server:
        for ceiling in (["plan.max_tokens=100"], [f"plan.prices={prices}", "plan.max_cost=0.001"]):
            with pytest.raises(BudgetError, match="not made"):
                made(tmp_path / "runs", asking(server, *ceiling))
        assert server.asked == []
        with pytest.raises(RefusedError, match="no price"):
            made(tmp_path / "runs", asking(server, "plan.max_cost=1"))
        plan = made(tmp_path / "runs", asking(server, f"plan.prices={prices}", "plan.max_cost=1"))
    spent = plan.facts["spent"]
    assert spent["cost"] == pytest.approx((spent["prompt_tokens"] * 10 + spent["completion_tokens"] * 30) / 1e6)
    assert spent["currency"] == "EUR"


def test_prices_that_are_none_are_refused(tmp_path):
    config = with_settings(RunConfig(), ["plan.planner=model", "plan.model=m", f"plan.prices={tmp_path / 'no.yaml'}"])
    with pytest.raises(RefusedError, match="prices"):
        made(tmp_path, config)


def test_the_bundled_image_model_gets_its_own_words_and_no_language_model_is_asked(tmp_path):
    with serving(right_model()) as server:
        config = asking(server)
        request = wish(text="from a planet to a leaf", widths_m=None, levels=None, p=None)
        plan = plan_story(request, config, services(config, tmp_path))
        assert server.asked == []
    assert plan.facts["planner"] == "offline"
    assert any("few words" in note for note in plan.notes)
    limit = limit_of(request.model_copy(update={"vocabulary": "bundled"}), config)
    assert limit.tokens < 77
    assert all(limit.count(text) <= limit.tokens for text in plan.story.prompts())
