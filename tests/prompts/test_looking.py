"""Prompts written by looking, against a service on this machine."""

import base64
import io
import json
import logging
import traceback

import pytest
from PIL import Image

from prompts.checks import FORBIDDEN
from prompts.errors import ReplyError, ServiceError
from prompts.seeing.looking import MAX_CHARACTERS, TASK, cleaned, describer, look_with
from prompts.service.client import connect
from prompts.service.replies import Replies
from tests.doubles.openai_server import Reply, serving

SECRET = "sk-secret-0123456789"
AT_ONCE = {"retry-after-ms": "1"}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(buffer, format="PNG")
    return buffer.getvalue()


RED, BLUE = png("red"), png("blue")


def ask(replies, *, attempts: int | None = None, **options) -> str:
    """The prompt that comes of these replies; `attempts` is how many requests there must have been."""
    with serving(replies) as server:
        try:
            return describer("eye", base_url=server.url, **options)(RED, BLUE, 3)
        finally:
            assert attempts is None or len(server.asked) == attempts


def refused(replies, **options) -> str:
    with pytest.raises(ServiceError) as caught:
        ask(replies, **options)
    whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in whole
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "openai's error would carry the request, and with it the key"
    return str(caught.value)


def test_both_views_arrive_as_they_are_sent_with_the_task_and_the_key_in_the_header_alone(caplog):
    caplog.set_level(logging.DEBUG)
    with serving([Reply("A mossy stone, dew drops.\n")]) as server:
        assert describer("eye", base_url=server.url)(RED, BLUE, 3) == "A mossy stone, dew drops."
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert asked.body["model"] == "eye"
    system, user = asked.body["messages"]
    assert system == {"role": "system", "content": TASK}
    text, *images = user["content"]
    assert "level 3" in text["text"]
    sent = [base64.b64decode(image["image_url"]["url"].removeprefix("data:image/png;base64,")) for image in images]
    assert sent == [RED, BLUE]
    assert SECRET not in json.dumps(asked.body)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "takes pictures"),
        (401, "Check OPENAI_API_KEY"),
        (403, "Check OPENAI_API_KEY"),
        (404, "no model 'eye'"),
        (413, "status 413"),
        (422, "status 422"),
    ],
)
def test_what_will_not_pass_is_said_at_once(status, words):
    assert words in refused([Reply(f"no, {SECRET} is wrong", status=status)], attempts=1)


def test_no_part_of_a_key_is_left_where_a_long_message_is_cut():
    said = refused([Reply(f"{'no ' * 57}{SECRET} is wrong", status=401)])
    assert SECRET[:6] not in said


def test_a_reply_without_words_is_kept_for_audit_and_not_found_again(tmp_path):
    with serving([Reply("<think>Hm.</think>"), Reply("a leaf")]) as server:
        look = look_with(connect("eye", base_url=server.url, replies=Replies(tmp_path)))
        with pytest.raises(ReplyError, match="no words"):
            look(RED, BLUE, 3)
        assert [look(RED, BLUE, 3) for _ in range(2)] == ["a leaf"] * 2
        assert len(server.asked) == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("status", "words"), [(429, "quota"), (500, "status 500"), (503, "status 503")])
def test_what_may_pass_is_tried_again_a_bounded_number_of_times(status, words):
    said = refused([Reply("busy", status=status, headers=AT_ONCE)], retries=2, attempts=3)
    assert words in said
    assert "after 3 attempts" in said
    assert "busy" in said


@pytest.mark.parametrize("status", [429, 502])
def test_a_service_that_recovers_answers(status):
    assert ask([Reply("busy", status=status, headers=AT_ONCE), Reply("a leaf")], retries=1, attempts=2) == "a leaf"


def test_a_slow_service_is_given_up():
    assert "within 0.05 s at the only attempt" in refused([Reply("late", delay_s=0.3)], timeout_s=0.05, retries=0)


def test_a_service_that_is_not_there_is_named_without_what_its_address_hides():
    with serving([Reply()]) as server:
        pass
    hidden = server.url.replace("//", "//user:pass@")
    with pytest.raises(ServiceError, match="cannot be reached at the only attempt") as caught:
        describer("eye", base_url=hidden, retries=0)(RED, BLUE, 1)
    assert "127.0.0.1" in str(caught.value)
    assert "user" not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>welcome</html>", headers={"Content-Type": "text/html"}),
        Reply(body=b"{not json"),
        Reply(body=b"{}"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": [{"message": null}]}'),
        Reply(body=b'{"choices": [{"message": {"content": [1, 2]}}]}'),
        Reply(body=b"[]"),
        Reply(body=b"\xff\xfe\x00"),
        Reply(body=b""),
    ],
)
def test_garbage_is_no_prompt(reply):
    assert any(words in refused([reply], retries=0) for words in ("no reply of a chat model", "an empty reply"))


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_reply_is_no_prompt(text):
    assert "empty reply" in refused([Reply(text)], retries=0)


def test_a_refusal_is_said():
    body = {"choices": [{"message": {"role": "assistant", "content": None, "refusal": "I will not."}}]}
    assert "I will not." in refused([Reply(body=json.dumps(body).encode())], retries=0)


def test_a_reply_without_words_is_no_prompt():
    assert "no words" in refused([Reply("... 12 !")], retries=0)


@pytest.mark.parametrize(
    ("reply", "prompt"),
    [
        ('"Bark of an oak"', "Bark of an oak"),
        ("“Bark”\n\n", "Bark"),
        ("**Bark**", "Bark"),
        ("a\tleaf\r\nwith\x00 veins\x1b[31m", "a leaf with veins [31m"),
        ("right\u202eleft", "right left"),
        ("<think>\nperhaps a cat\n</think>\nA leaf", "A leaf"),
        ("葉の脈", "葉の脈"),
    ],
)
def test_a_reply_becomes_one_clean_line(reply, prompt):
    assert cleaned(reply) == prompt


def test_a_long_reply_is_cut_at_a_word():
    for reply in ("vein " * 1000, "x" * 10_000, "leaf, " * 500):
        text = cleaned(reply)
        assert len(text) <= MAX_CHARACTERS
        assert not FORBIDDEN.search(text)
        assert text == text.strip(" ,")
    assert cleaned("vein " * 1000).split() == ["vein"] * 60


def test_an_unfinished_thought_is_no_prompt():
    with pytest.raises(ServiceError, match="no words"):
        cleaned("<think> it could be a leaf")


def test_without_a_key_only_a_service_of_one_s_own_is_asked(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ServiceError, match="Set OPENAI_API_KEY"):
        describer("eye")
    assert ask([Reply("a leaf")]) == "a leaf"
    with serving([Reply("a leaf")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert describer("eye")(RED, BLUE, 1) == "a leaf"


@pytest.mark.parametrize(
    ("model", "base_url", "words"),
    [
        (" ", None, "No vision model"),
        ("eye", "localhost:8000/v1", "begin with http"),
        ("eye", "file:///etc/passwd", "begin with http"),
        ("eye", "http://", "name a host"),
        ("eye", "http://host:port/v1", "begin with http"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(model, base_url, words):
    with pytest.raises(ServiceError, match=words):
        connect(model, base_url=base_url)


@pytest.mark.parametrize("key", ["sk-\u00e4", "sk-a\nb"])
def test_a_key_that_is_none_is_refused_unsaid(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ServiceError, match="Copy the key again") as caught:
        connect("eye")
    assert key not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(21 * 2**20)])
def test_only_png_files_of_a_sensible_size_are_sent(data):
    with serving([Reply("a leaf")]) as server:
        with pytest.raises(ServiceError, match="PNG file"):
            describer("eye", base_url=server.url)(RED, data, 1)
        assert server.asked == []
