"""Kept replies: found by the content of the question, whole or not at all, readable for people, without pictures."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from prompts.errors import ReplyError, ServiceError
from prompts.service.budget import Budget
from prompts.service.client import Form, Usage, connect
from prompts.service.question import Question
from prompts.service.question import Reply as Answer
from prompts.service.reading import MAX_RAW
from prompts.service.replies import Replies
from tests.doubles.openai_server import Reply, serving

ASK = [{"role": "user", "content": "How many?"}]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(3000)


def looking(data: bytes, url: str | None = None) -> list:
    url = url or "data:image/png;base64," + base64.b64encode(data).decode()
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


@pytest.fixture
def replies(tmp_path):
    return Replies(tmp_path / "replies")


def test_the_same_question_is_answered_from_the_folder_and_costs_nothing(replies):
    budget = Budget()
    with serving([Reply('{"a": "Blätter"}', usage=(10, 2)), Reply("other")]) as server:
        ask = connect("m", base_url=server.url, budget=budget, replies=replies).ask
        first, again = ask(ASK), connect("m", base_url=server.url, replies=replies, budget=budget).ask(ASK)
        assert len(server.asked) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (again.text, again.usage, again.finish, again.digest) == (first.text, Usage(10, 2), "stop", first.digest)
    assert (budget.spent.requests, budget.spent.cached, budget.spent.prompt_tokens) == (1, 1, 10)


def test_whatever_changes_the_question_asks_anew(replies):
    form = Form("f", {"type": "object"})
    with serving([Reply("{}")]) as server:
        service, other = (connect(model, base_url=server.url, replies=replies) for model in ("m", "n"))
        service.ask(ASK)
        other.ask(ASK)
        service.ask(ASK, max_tokens=7)
        service.ask(ASK, form=form)
        service.ask([*ASK, {"role": "user", "content": "Now?"}])
        service.ask(looking(PICTURE))
        service.ask(looking(PICTURE + b"x"))
        service.ask(looking(b"", "http://127.0.0.1/picture.png"))
        assert len(server.asked) == 8
        service.ask(looking(PICTURE))
        service.ask(ASK, form=form)
        assert len(server.asked) == 8


def test_a_file_says_all_that_was_asked_and_answered_but_holds_no_picture_and_no_key(replies):
    with serving([Reply("a leaf", usage=(10, 2))]) as server:
        hidden = server.url.replace("//", "//me:password@")
        reply = connect("m", base_url=hidden, key="sk-0123456789", replies=replies).ask(looking(PICTURE))
    (file,) = replies.files(reply.digest)
    text = file.read_text(encoding="utf-8")
    record = json.loads(text)
    (part,) = record["question"]["messages"][0]["content"]
    assert (part["type"], part["bytes"]) == ("image_url", len(PICTURE))
    assert (record["text"], record["finish"], record["fault"]) == ("a leaf", "stop", "")
    assert record["question"]["host"].startswith("127.0.0.1:")
    assert len(text) < 2000
    assert not any(word in text for word in ("sk-0123456789", "password", "base64"))


USELESS = [
    (Reply(None, refusal="I will not."), "I will not."),
    (Reply("half of it", finish=None, done=False), "half of it"),
    (Reply(body=b'{"choices": null}'), '{"choices": null}'),
    (Reply(body=b'{"choices": "\xff"}'), '{"choices": "\ufffd"}'),
    (Reply(body=b"<html>" + b"x" * 10_000_000), "<html>" + "x" * (MAX_RAW - 6)),
    (Reply(None, stream=False), Reply(None, stream=False).parts(False)[0].decode()),
]


@pytest.mark.parametrize(("reply", "text"), USELESS)
def test_a_reply_of_no_use_is_kept_for_audit_and_asked_for_anew(replies, reply, text):
    with serving([reply, Reply("fine")]) as server:
        service = connect("m", base_url=server.url, replies=replies, retries=0)
        with pytest.raises(ServiceError) as caught:
            service.ask(ASK)
        found = service.ask(ASK)
    assert (found.text, found.cached, len(server.asked)) == ("fine", False, 2)
    aside, kept = (json.loads(path.read_text()) for path in replies.files(found.digest))
    assert (aside["text"], aside["fault"]) == (text, str(caught.value))
    assert kept["text"] == "fine"
    if isinstance(caught.value, ReplyError):
        assert caught.value.digest == found.digest


def test_a_reply_can_be_forgotten_and_stays_for_audit(replies):
    with serving([Reply("one"), Reply("two"), Reply("three")]) as server:
        service = connect("m", base_url=server.url, replies=replies)
        for text in ("one", "two"):
            reply = service.ask(ASK)
            assert reply.text == text
            service.forget(reply.digest)
        service.forget(reply.digest)
        assert service.ask(ASK).text == "three"
        assert len(server.asked) == 3
    assert [json.loads(path.read_text())["text"] for path in replies.files(reply.digest)] == ["one", "two", "three"]


def test_replies_of_no_use_that_come_at_once_are_all_kept(replies):
    question = Question("m", "h", tuple(ASK), None, 9)

    def keep(number: int) -> None:
        reply = Answer(str(number), "stop", None, "m", False, question.digest)
        replies.keep(question, reply, fault="of no use")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(keep, range(64)))
    kept = [json.loads(path.read_text())["text"] for path in replies.files(question.digest)]
    assert sorted(kept, key=int) == [str(number) for number in range(64)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"stop"', "7"),
        lambda text: text.replace('"format": 1', '"format": 0'),
        lambda text: text.replace("How many?", "How few?"),
        lambda text: text.replace('"text"', '"words"'),
    ],
)
def test_a_damaged_file_is_asked_for_anew_and_mended(replies, damage):
    with serving([Reply("one", usage=(1, 1))]) as server:
        service = connect("m", base_url=server.url, replies=replies)
        (file,) = replies.files(service.ask(ASK).digest)
        whole = file.read_text()
        file.write_text(damage(whole))
        assert damage(whole) != whole
        assert service.ask(ASK).cached is False
        assert service.ask(ASK).cached is True
    assert len(server.asked) == 2


def test_a_folder_that_takes_no_files_loses_no_reply(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with serving([Reply("one")]) as server:
        assert connect("m", base_url=server.url, replies=Replies(tmp_path / "file")).ask(ASK).text == "one"


def test_half_characters_in_a_reply_do_not_keep_it_from_a_file(replies):
    body = b'{"choices": [{"message": {"content": "a \\ud800 b"}, "finish_reason": "stop"}]}'
    with serving([Reply(body=body)]) as server:
        service = connect("m", base_url=server.url, replies=replies)
        assert (service.ask(ASK).text, service.ask(ASK).cached) == ("a ? b", True)


def test_no_file_is_left_half_written(replies):
    with serving([Reply("one")]) as server:
        connect("m", base_url=server.url, replies=replies).ask(ASK)
    assert [path.suffix for path in replies.folder.iterdir()] == [".json"]


def test_the_digest_is_of_the_content_alone():
    one = Question("m", "h", ({"role": "user", "content": "a"},), None, 5)
    two = Question("m", "h", ({"content": "a", "role": "user"},), None, 5)
    assert one.digest == two.digest
