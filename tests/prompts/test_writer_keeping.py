"""What the writer asks for twice, what it costs, what it keeps; and that any replies end in a story or our error."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.errors import BudgetError, PlanError, ReplyError
from prompts.library import load_story
from prompts.request import PlanRequest
from prompts.schedule import check_schedule
from prompts.service.budget import Budget
from prompts.service.client import connect
from prompts.service.question import Reply as Answer
from prompts.service.replies import Replies
from prompts.text import dump_story, parse_story
from prompts.writer import first_question, write
from tests.doubles.bad_replies import REPLIES
from tests.doubles.openai_server import Reply, serving
from tests.doubles.schedule_model import Model, schedule_of, wish_of

STORY = load_story("city-to-gear")
WISH = wish_of(STORY)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_what_was_answered_once_is_not_asked_again(tmp_path):
    model = Model(STORY, REPLIES["one level that looks up"])
    with serving(model) as server:
        first, second = (
            write(WISH, connect("writer", base_url=server.url, replies=Replies(tmp_path))) for _ in range(2)
        )
    assert len(model.asked) == 2, "a draft and a repair"
    assert first == second
    assert {path.stem for path in tmp_path.iterdir()} == {round.digest for round in first.rounds}


def test_a_useless_reply_is_kept_for_audit_and_asked_for_anew(tmp_path):
    listed = REPLIES["a Markdown list"](schedule_of(STORY))
    with serving([Reply(listed)]) as server:
        for _ in range(2):
            with pytest.raises(PlanError, match="no usable reply") as caught:
                write(WISH, connect("writer", base_url=server.url, replies=Replies(tmp_path)), rounds=1)
            assert caught.value.draft is None
        assert len(server.asked) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_another_seed_is_another_question(tmp_path):
    with serving(Model(STORY, REPLIES["right"])) as server:
        for seed in (0, 1):
            request = WISH.model_copy(update={"seed": seed})
            write(request, connect("writer", base_url=server.url, replies=Replies(tmp_path)))
        assert len(server.asked) == 2


@pytest.mark.parametrize("refused", [{"json_schema"}, {"json_schema", "json_object"}])
def test_a_service_without_structured_replies_is_asked_in_words(refused):
    with serving(Model(STORY, REPLIES["a fence"]), refuses=refused) as server:
        story = write(WISH, connect("writer", base_url=server.url)).story
        assert server.asked[-1].structure == ("json_object" if len(refused) == 1 else "plain")
        assert "additionalProperties" in server.asked[-1].text
    assert [level.prompt for level in story.levels] == [level.prompt for level in STORY.levels]


def test_nothing_is_sent_that_could_go_beyond_the_ceiling():
    with serving(Model(STORY, REPLIES["right"])) as server:
        service = connect("writer", base_url=server.url, budget=Budget(max_tokens=1000))
        with pytest.raises(BudgetError):
            write(WISH, service)
        assert server.asked == []


def test_a_ceiling_reached_on_the_way_keeps_the_best_draft():
    messages, most = first_question(WISH)
    bound, _ = Budget().bound("writer", messages, most)
    with serving(Model(STORY, REPLIES["one level that looks up"])) as server:
        service = connect("writer", base_url=server.url, budget=Budget(max_tokens=bound + 2000))
        with pytest.raises(PlanError) as caught:
            write(WISH, service)
        assert len(server.asked) == 1
    assert len(caught.value.draft.levels) == len(STORY.levels)
    assert [fault[:7] for fault in caught.value.faults] == ["level 4"]


def test_a_model_that_thinks_for_longer_than_its_reply_may_be_is_given_more_tokens():
    right = json.dumps(schedule_of(STORY))
    script = [
        Reply(None, finish="length"),
        Reply(right[:50], finish="length"),
        Reply("", finish="length"),
        Reply(right),
    ]
    rounds = []
    with serving(script) as server:
        write(WISH, connect("writer", base_url=server.url), on_round=rounds.append)
    _, most = first_question(WISH)
    assert [asked.body["max_tokens"] for asked in server.asked] == [most, 2 * most, 4 * most, 4 * most]
    assert "thoughts" in rounds[0].faults[0]
    assert "cut off" in rounds[1].faults[0]


def test_the_first_question_is_the_one_that_is_sent():
    messages, most = first_question(WISH)
    model = Model(STORY, REPLIES["right"])
    with serving(model) as server:
        write(WISH, connect("writer", base_url=server.url))
        (asked,) = server.asked
    assert asked.body["messages"][-1]["content"].startswith(messages[-1]["content"])
    assert most >= 100 * len(STORY.levels)


def test_a_first_width_from_which_the_levels_lead_below_everything_is_refused():
    tiny = json.dumps({"levels": [{"prompt": "a glow in the centre", "width_m": 1.0}]})
    right = json.dumps({"levels": [{"prompt": "a glow in the centre", "width_m": 1e24}]})
    with pytest.raises(PlanError) as caught:
        write(PlanRequest(text="a dream", levels=64, p=6), service_of([tiny, right]), rounds=2)
    assert len(caught.value.draft.levels) == 64


def service_of(texts: list[str]) -> SimpleNamespace:
    """A service that answers with these texts in turn, the last one again and again; "" is a refusal."""
    answers = iter(texts)
    last = texts[-1]

    def ask(messages, *, form, max_tokens):
        text = next(answers, last)
        if not text:
            raise ReplyError("The model refused.")
        return Answer(text, "stop", None, "m", False, "0" * 64)

    return SimpleNamespace(model="m", host="here", ask=ask, forget=lambda digest: None)


prompts = st.sampled_from([level.prompt for level in STORY.levels]) | st.text(max_size=40)
rows = st.fixed_dictionaries(
    {"prompt": prompts, "width_m": st.sampled_from([level.width_m for level in STORY.levels]) | st.floats()},
    optional={"level": st.integers(-2, 12), "subject": prompts},
)
schedules = st.fixed_dictionaries(
    {"levels": st.lists(rows, max_size=14)}, optional={"viewpoint": prompts, "style": prompts, "title": prompts}
)
texts = st.builds(json.dumps, schedules) | st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from([WISH, PlanRequest(text="a dream", p=2)]))
def test_whatever_is_replied_round_after_round_it_ends_in_a_sound_story_or_our_error(replies, request_):
    rounds, error = [], None
    try:
        story = write(request_, service_of(replies), rounds=4, on_round=rounds.append).story
    except PlanError as caught:
        error, story = caught, caught.draft
    assert len(rounds) == 4 or error is None
    assert rounds[-1].valid == (error is None)
    if error is None:
        assert check_schedule(story) == ()
    elif story is not None:
        assert parse_story(dump_story(story)) == story
        assert error.faults in [round.faults for round in rounds]
