"""Refinement by looking: what is rewritten, who wins, what is kept, and that nothing is asked or drawn twice."""

import json

import pytest
from PIL import Image

from evaluation import read_scores
from prompts import Story, load_story
from prompts.errors import ServiceError
from prompts.schedule import TextLimit
from tasks.cleaning import clean
from tasks.drafts import STEPS, draft_config
from tasks.errors import RefusedError
from tasks.events import StageDone
from tasks.refine import refine
from tasks.services import Services
from tasks.specs import RunConfig, with_settings
from tests.doubles.openai_server import Reply, serving
from tests.doubles.palette import PaletteStudio

SECRET = "sk-secret-0123456789"
STORY = Story.model_validate(
    {"title": "Small wood", "p": 2, "levels": ["verdant hills with a wood in the centre", "green wood with one oak"]}
)
GREEN = "green hills with a wood in the centre"
FAULT = "grey hills with a wood in the centre"
FINE = {"matches": True, "problem": "", "prompt": None}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("OPENAI_BASE_URL", "TENFOLD_VISION_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


def wrong(prompt):
    return {"matches": False, "problem": "The hills are grey.", "prompt": prompt}


def eye(*proposals, usage=(100, 10)):
    """Proposes these for the hills in turn, whenever they are not green; all else is fine."""
    left = list(proposals)

    def answer(asked):
        hills = '"level": 0' in asked.text
        said = wrong(left.pop(0)) if hills and left and f'"prompt": "{GREEN}' not in asked.text else FINE
        return Reply(json.dumps(said), usage=usage)

    return answer


def config(server, *settings):
    base = [f"vision.base_url={server.url}", "vision.model=eye", "vision.retries=0", "sampling.steps=4"]
    return with_settings(RunConfig(), [*base, "plan.refine=2", "scores.scorer=beholder", "guidance.scale=1", *settings])


def refined(server, root, *settings, studio=None, story=STORY, events=None, **options):
    made = config(server, *settings)
    listen = {} if events is None else {"on_event": events.append}
    tools = (studio or PaletteStudio()).tools()
    return refine(story, made, root, Services(made, root), tools=tools, **listen, **options)


def everything(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def facts(found):
    return json.loads((found.folder / "refinement.json").read_text())


def test_better_words_win_and_every_version_is_kept(tmp_path):
    with serving(eye(GREEN)) as server:
        found = refined(server, tmp_path)
    assert found.story.levels[0].prompt == GREEN
    assert (found.winner, found.stopped) == (1, "no level is to be rewritten")
    assert found.versions[1].draft.marks.first[0] > found.versions[0].draft.marks.first[0] + 10
    names = {"story.yaml", "contact_sheet.png", "scores.parquet", "judgements.json"}
    for version in found.versions:
        folder = found.folder / f"version-{version.number}"
        assert {path.name for path in folder.iterdir()} == names
        assert load_story(folder / "story.yaml") == version.story
    assert {path.name for path in found.folder.iterdir()} == {
        "version-0",
        "version-1",
        "versions.png",
        "refinement.json",
    }
    told = facts(found)
    assert [version["rewritten"] for version in told["versions"]] == [[], [0]]
    spent = {"requests": 4, "cached": 0, "bounded": 0, "prompt_tokens": 400, "completion_tokens": 40}
    assert told["spent"] == {**spent, "cost": None, "currency": "USD"}
    (look,) = json.loads((found.folder / "version-0" / "judgements.json").read_text())
    assert look["levels"] == [wrong(GREEN) | {"problem": "The hills are grey"}, FINE]


def test_words_that_only_describe_the_fault_do_not_win(tmp_path):
    with serving(eye(FAULT)) as server:
        found = refined(server, tmp_path)
    assert found.story == STORY
    loser = found.versions[1]
    assert loser.draft.marks.own > found.versions[0].draft.marks.own + 10
    assert not loser.verdict.better
    assert "first prompts no better" in loser.verdict.reason


def test_what_lost_is_told_in_the_next_round_and_another_proposal_can_win(tmp_path):
    with serving(eye(FAULT, GREEN)) as server:
        found = refined(server, tmp_path)
        again = [asked.text for asked in server.asked if "tried without success" in asked.text]
    assert (found.winner, len(found.versions)) == (2, 3)
    assert found.versions[2].parent == 0
    assert all(FAULT in text and "no better" in text for text in again)
    assert len(again) == 1


def test_nothing_is_asked_or_drawn_twice(tmp_path):
    with serving(eye(FAULT, GREEN)) as server:
        first = refined(server, tmp_path)
        before, asked, studio = everything(first.folder), len(server.asked), PaletteStudio()
        events = []
        again = refined(server, tmp_path, studio=studio, events=events)
        assert len(server.asked) == asked
    assert (studio.loaded, studio.scored) == ([], [])
    assert not any(event.made for event in events if isinstance(event, StageDone))
    assert again.as_json() == first.as_json()
    assert everything(first.folder) == before


def test_cleaning_spares_what_a_refinement_was_made_of(tmp_path):
    with serving(eye(FAULT, GREEN)) as server:
        refined(server, tmp_path)
        clean(tmp_path)
        studio, asked = PaletteStudio(), len(server.asked)
        refined(server, tmp_path, studio=studio)
        assert (studio.loaded, len(server.asked)) == ([], asked)


def test_a_draft_that_matches_ends_it(tmp_path):
    with serving(eye()) as server:
        found = refined(server, tmp_path)
        assert len(server.asked) == len(STORY.levels)
    assert (found.story, len(found.versions), found.stopped) == (STORY, 1, "no level is to be rewritten")


@pytest.mark.parametrize("bad", ["a blue lake", "hills and a wood with a watermark", "verdant hills " * 10 + "wood"])
def test_a_proposal_that_breaks_a_check_is_not_drawn_and_the_reason_is_kept_and_told(tmp_path, bad):
    limit = TextLimit("words", 20, lambda text: len(text.split()))
    with serving(eye(bad, GREEN)) as server:
        found = refined(server, tmp_path, limit=limit)
        assert any(bad in asked.text and "not taken" in asked.text for asked in server.asked)
    assert found.story.levels[0].prompt == GREEN
    assert len(found.versions) == 2
    assert list(found.looks[0].refused) == [0]
    assert facts(found)["looks"][0]["refused"]["0"] == found.looks[0].refused[0]


def test_of_prompts_that_lose_together_those_that_helped_are_tried_alone(tmp_path):
    proposals = {0: GREEN, 1: "red wood with one oak"}

    def answer(asked):
        level = int(asked.text.partition('"level": ')[2][0])
        return Reply(json.dumps(wrong(proposals[level]) if "without success" not in asked.text else FINE))

    with serving(answer) as server:
        found = refined(server, tmp_path, "plan.refine=1")
    assert [version.rewritten for version in found.versions] == [(), (0, 1), (0,)]
    assert (found.winner, found.looks[0].made) == (2, (1, 2))
    assert found.story.levels[0].prompt == GREEN
    assert found.story.levels[1] == STORY.levels[1]


def test_a_level_that_is_a_given_picture_is_not_asked_about(tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), "green").save(photo)
    with serving(eye(GREEN)) as server:
        found = refined(server, tmp_path, "method=outpaint-direct", f"photo={photo}", "plan.refine=1")
        asked = [request.text for request in server.asked]
    assert len(asked) == 1  # outpainting begins with the deepest level
    assert found.judgements(found.looks[0])[1] == FINE


def test_the_same_proposal_again_ends_it(tmp_path):
    with serving(eye(FAULT, FAULT, FAULT)) as server:
        found = refined(server, tmp_path, "plan.refine=5")
    assert (len(found.versions), found.stopped) == (2, "the vision model proposes what was drafted already")


def test_no_more_rounds_than_asked_for(tmp_path):
    with serving(eye("red hills with a wood", "blue hills with a wood", GREEN)) as server:
        found = refined(server, tmp_path)
    assert (len(found.versions), found.winner, found.stopped) == (3, 0, "")


@pytest.mark.parametrize(
    "reply", [Reply("lovely"), Reply(None, refusal="no"), Reply("{"), Reply(body=b'{"choices": null}')]
)
def test_a_level_without_a_usable_answer_is_left_as_it_is(tmp_path, reply):
    with serving([reply]) as server:
        found = refined(server, tmp_path)
    assert found.story == STORY
    assert found.stopped == "no level is to be rewritten (2 without a usable answer)"


def test_a_service_that_fails_is_said_and_the_next_attempt_goes_on(tmp_path):
    replies = [Reply(json.dumps(wrong(GREEN))), Reply("busy", status=500)]
    with serving(replies) as server, pytest.raises(ServiceError):
        refined(server, tmp_path)
    with serving(eye(FAULT)) as server:
        server_at = server.url.removeprefix("http://").removesuffix("/v1")
        assert server_at  # another host: its answers are not those of the one before
        assert refined(server, tmp_path).winner == 0


def test_after_a_failure_only_what_is_missing_is_asked(tmp_path):
    state = {"down": True}

    def answer(asked):
        if '"level": 1' in asked.text and state["down"]:
            return Reply("busy", status=500)
        return Reply(json.dumps(FINE))

    with serving(answer) as server:
        with pytest.raises(ServiceError):
            refined(server, tmp_path)
        (left,) = tmp_path.glob("_refinements/*/refinement.json")
        assert "status 500" in json.loads(left.read_text())["stopped"]
        state["down"], before = False, len(server.asked)
        found = refined(server, tmp_path)
        assert len(server.asked) == before + 1
    assert found.winner == 0


def test_a_ceiling_of_costs_ends_it_with_the_best_so_far(tmp_path):
    with serving(eye(GREEN)) as server:
        found = refined(server, tmp_path, "plan.max_tokens=20")
        assert server.asked == []
    assert (found.story, found.winner) == (STORY, 0)
    assert "20" in found.stopped
    assert facts(found)["spent"]["requests"] == 0


def test_what_cannot_be_refined_is_refused_before_any_work(tmp_path):
    with serving(eye(GREEN)) as server:
        for settings, words in ((["vision.model=null"], "vision model"), (["scores.scorer=none"], "Scores decide")):
            with pytest.raises(RefusedError, match=words):
                refined(server, tmp_path, *settings)
        assert server.asked == []
    assert everything(tmp_path) == {}


def test_scores_of_versions_are_no_runs(tmp_path):
    with serving(eye(GREEN)) as server:
        found = refined(server, tmp_path)
    assert read_scores(tmp_path).empty
    frame = read_scores(found.folder / "version-1")
    assert set(frame.run_id) == {found.versions[1].draft.run.id}


def test_the_key_is_nowhere(tmp_path, caplog):
    caplog.set_level("DEBUG")
    with serving(eye(FAULT, GREEN)) as server:
        refined(server, tmp_path)
        assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
    assert not [name for name, content in everything(tmp_path).items() if SECRET.encode() in content]
    assert SECRET not in caplog.text


def test_a_draft_is_cheap_and_otherwise_the_same_run():
    full = with_settings(RunConfig(), ["sampling.eta=0.5", "seed=7", "film.size_px=1024", "plan.refine=3"])
    draft = draft_config(full)
    assert draft.sampling == {"eta": 0.5, "steps": STEPS}
    assert (draft.enlarge.model, draft.seed, draft.plan.refine) == ("none", 7, 0)
    few = with_settings(RunConfig(), ["sampling.steps=3"])
    assert draft_config(few).sampling == {"steps": 3}
    assert draft_config(few, 100).sampling == {"steps": 3}
    assert draft_config(RunConfig(), 4).sampling == {}  # a model that takes four takes no more in a draft
    assert draft_config(RunConfig(), 100).sampling == {"steps": STEPS}
    assert draft_config(with_settings(RunConfig(), ["method=superres", "vision.model=eye"])).vision.model == "eye"
