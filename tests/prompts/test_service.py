"""Asking a language model: how services are found out, streams, structure, deadlines; over real HTTP."""

import base64
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from prompts.errors import ServiceError
from prompts.seeing import caption, judging
from prompts.service.client import Form, Usage, connect
from prompts.service.faults import Fault
from prompts.service.flow import flow
from prompts.service.question import Question
from prompts.service.reading import read
from prompts.service.secret import Secret
from prompts.service.ways import Ways
from prompts.writer import brief
from tests.doubles.openai_server import Reply, serving

FORM = Form("leaf", {"type": "object", "properties": {"veins": {"type": "integer"}}})
QUESTION = [{"role": "system", "content": "You count."}, {"role": "user", "content": "How many veins?"}]
JSON = '{"veins": 7}'


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_a_reply_comes_with_all_that_the_service_says_of_it():
    with serving([Reply(JSON, usage=(30, 5))]) as server:
        service = connect("m", base_url=server.url)
        reply = service.ask(QUESTION, form=FORM, max_tokens=50)
    assert (reply.text, reply.finish, reply.usage, reply.model, reply.cached) == (
        JSON,
        "stop",
        Usage(30, 5),
        "m",
        False,
    )
    assert reply.object() == {"veins": 7}
    assert len(reply.digest) == 64
    (asked,) = server.asked
    form = {"name": "leaf", "schema": FORM.schema, "strict": True}
    assert asked.body == {
        "model": "m",
        "messages": QUESTION,
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_schema", "json_schema": form},
    }
    assert asked.headers["authorization"] == "Bearer sk-of-the-environment"


def test_a_key_that_is_given_goes_before_that_of_the_environment_and_may_be_none():
    with serving([Reply("a")]) as server:
        connect("m", base_url=server.url, key="sk-given").ask(QUESTION)
        connect("m", base_url=server.url, key="").ask(QUESTION)
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer sk-given", "Bearer none"]


def test_name_and_password_of_an_address_are_sent_as_such_and_not_in_the_address():
    with serving([Reply("a")]) as server:
        service = connect("m", base_url=server.url.replace("//", "//me:pass%20word@"))
        service.ask(QUESTION)
    login = base64.b64encode(b"me:pass word").decode()
    assert server.asked[0].headers["authorization"] == f"Basic {login}"
    assert "pass" not in repr(vars(service))


def test_the_letters_so_far_are_told_in_the_caller_s_thread():
    told = []
    with serving([Reply("x" * 40, pieces=10)]) as server:
        connect("m", base_url=server.url).ask(QUESTION, on_text=lambda n: told.append((n, threading.current_thread())))
    assert sorted({n for n, _ in told}) == [10, 20, 30, 40]
    assert {thread for _, thread in told} == {threading.current_thread()}


def test_a_caller_who_stops_in_the_middle_is_let_go():
    def stop(_):
        raise KeyboardInterrupt

    with serving([Reply("x" * 100, pieces=1, trickle_s=0.01)]) as server:
        service = connect("m", base_url=server.url)
        with pytest.raises(KeyboardInterrupt):
            service.ask(QUESTION, on_text=stop)
    assert service.budget.spent.bounded == 1, "the service may have written all of it"


@pytest.mark.parametrize(
    ("unknown", "lacks"),
    [
        (["stream_options"], "stream_options"),
        (["max_tokens"], "max_tokens"),
        (["json_schema"], None),
        (["json_schema", "json_object"], "response_format"),
        (["json_schema", "json_object", "stream_options", "max_tokens"], "max_tokens"),
        (["stream"], "stream"),
        (["stream", "json_schema", "json_object", "max_tokens", "stream_options"], "stream"),
    ],
)
def test_what_a_service_does_not_know_is_found_out_once_and_remembered(unknown, lacks):
    with serving([Reply(JSON)], refuses=unknown) as server:
        service = connect("m", base_url=server.url)
        assert service.ask(QUESTION, form=FORM).object() == {"veins": 7}
        tries = len(server.asked)
        service.ask(QUESTION, form=FORM)
    assert 1 < tries <= 1 + 5, "one refusal for each thing that is unknown, and no more"
    assert len(server.asked) == tries + 1
    assert (server.asked[-1].structure == "json_schema") == ("json_schema" not in unknown)
    last = server.asked[-1].body
    assert lacks not in last
    assert last.get("max_tokens") == 4096 or last.get("max_completion_tokens") == 4096


def test_a_key_that_is_named_by_its_place_alone_is_left_out():
    detail = [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]
    refusal = Reply(body=json.dumps({"object": "error", "message": {"detail": detail}}).encode(), status=422)
    with serving(lambda asked: refusal if "stream_options" in asked.body else Reply(JSON)) as server:
        assert connect("m", base_url=server.url).ask(QUESTION, form=FORM).object() == {"veins": 7}
    assert [asked.structure for asked in server.asked] == ["json_schema"] * 2


def test_openai_itself_is_asked_in_its_newer_words():
    assert connect("m")._ways.limit == "max_completion_tokens"
    assert connect("m", base_url="http://127.0.0.1:1/v1")._ways.limit == "max_tokens"


def test_a_form_that_is_not_enforced_is_told_in_words_beside_the_instructions():
    with serving([Reply(JSON)], refuses=["json_schema"]) as server:
        connect("m", base_url=server.url).ask(QUESTION, form=FORM)
        connect("m", base_url=server.url).ask(QUESTION[1:], form=FORM)
    _, told, _, alone = server.asked
    assert told.structure == alone.structure == "json_object"
    assert told.body["messages"][0]["role"] == alone.body["messages"][0]["role"] == "system"
    for asked in (told, alone):
        assert "JSON Schema" in asked.text
        assert '"veins"' in asked.text
    assert told.text.startswith("You count.")
    assert [message["role"] for message in alone.body["messages"]] == ["system", "user"]


def test_ways_end_whatever_a_service_says():
    question = Question("m", "h", tuple(QUESTION), FORM, 10)
    everything = "max_tokens max_completion_tokens stream stream_options response_format"
    for status in (400, 404, 422):
        ways, steps = Ways(), 0
        while (following := ways.otherwise(Fault("status", everything, status), question)) is not None:
            ways, steps = following, steps + 1
        assert steps == 5
    for status in (401, 403, 413, 429):
        assert Ways().otherwise(Fault("status", everything, status), question) is None
    for kind in ("slow", "unreachable", "cut"):
        assert Ways().otherwise(Fault(kind, "max_tokens stream json"), question) is None
    assert Ways().otherwise(Fault("status", "overloaded", 500), question) is None


def test_a_service_that_fails_over_a_schema_is_asked_without_one():
    broken = Reply("failed to parse grammar", status=500)
    with serving(lambda asked: broken if asked.structure == "json_schema" else Reply(JSON)) as server:
        assert connect("m", base_url=server.url, retries=0).ask(QUESTION, form=FORM).object() == {"veins": 7}
    assert len(server.asked) == 2


def test_pictures_arrive_as_they_are():
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nfile").decode()
    content = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url}}]
    with serving([Reply("a leaf")]) as server:
        connect("m", base_url=server.url).ask([{"role": "user", "content": content}])
    assert server.asked[0].pictures == [b"\x89PNG\r\n\x1a\nfile"]


def test_halves_of_characters_from_a_command_line_are_no_obstacle():
    with serving([Reply("fine")]) as server:
        assert connect("m", base_url=server.url).ask([{"role": "user", "content": "caf\udce9"}]).text == "fine"
    assert server.asked[0].text == "caf?"


def test_two_questions_at_once_do_not_meet():
    def answer(asked):
        return Reply(asked.text, delay_s=0.05)

    texts = [f"question {n}" for n in range(4)]
    found = {}
    with serving(answer) as server:
        service = connect("m", base_url=server.url)

        def ask(text):
            found[text] = service.ask([{"role": "user", "content": text}]).text

        threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {text: text for text in texts}
    assert service.budget.spent.requests == 4


@pytest.mark.parametrize("address", ["http://h/v1?key=secret", "http://h/v1#secret"])
def test_an_address_that_hides_something_behind_its_path_is_refused_unsaid(address):
    with pytest.raises(ServiceError, match="without '\\?' or '#'") as caught:
        connect("m", base_url=address)
    assert "secret" not in str(caught.value)


def test_messages_name_the_settings_of_the_part_that_asks():
    with pytest.raises(ServiceError, match=r"No language model is named.*plan\.model"):
        connect("", settings="plan")
    with serving([Reply("x", status=404)]) as server, pytest.raises(ServiceError, match=r"plan\.model and plan\."):
        connect("m", base_url=server.url, settings="plan").ask(QUESTION)


def test_a_deadline_holds_while_nothing_comes_and_what_fails_in_the_thread_is_a_fault():
    began = time.monotonic()

    def never():
        time.sleep(0.5)
        yield b"late"

    assert list(flow(never, began + 0.05)) == [Fault("slow")]
    assert time.monotonic() - began < 0.4

    def breaks():
        yield b"data: "
        raise RuntimeError("with a key in it")

    assert list(flow(breaks, time.monotonic() + 5)) == [b"data: ", Fault("cut")]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces_may_end_anywhere_also_within_a_character(size):
    reply = Reply("Blätter 葉 🍃", usage=(3, 4))
    whole = b": a comment\r\n\r\n" + b"".join(reply.events()).replace(b"\n", b"\r\n").replace(b"\\u8449", "葉".encode())
    written, fault = read(whole[at : at + size] for at in range(0, len(whole), size))
    assert (written.text, written.usage, written.finish, fault) == ("Blätter 葉 🍃", Usage(3, 4), "stop", None)


def test_a_key_shows_itself_to_nobody_and_is_not_stored():
    secret = Secret("sk-0123456789abcdef")
    assert repr(secret) == str(secret) == f"{secret}" == "[key]"
    assert secret.hidden("sk-0123456789abcdef and 456789ab, sk-01**********cdef!") == "[key] and [key], [key]"
    assert secret.removed("it is sk-0123456789abcdef, 456789ab") == "it is [key], 456789ab"
    assert Secret("").hidden("words") == Secret("").removed("words") == "words"
    with pytest.raises(TypeError, match="not stored"):
        secret.__reduce__()


def test_only_connecting_loads_the_client_library():
    code = "import sys, prompts.service.asking, prompts.service.budget; assert 'openai' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def loose(schema, path="$"):
    """Where a schema allows what strict services refuse: open objects, optional keys."""
    if isinstance(schema, list):
        return [fault for each in schema for fault in loose(each, path)]
    if not isinstance(schema, dict):
        return []
    strict = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(
        schema.get("properties", ())
    )
    found = [] if strict or "object" not in str(schema.get("type")) else [path]
    return found + [fault for key, each in schema.items() for fault in loose(each, f"{path}.{key}")]


@pytest.mark.parametrize("form", [brief.SCHEDULE, brief.LEVELS, caption.FORM, judging.FORM], ids=lambda form: form.name)
def test_our_forms_are_such_as_strict_services_take(form):
    assert loose(form.schema) == []
    assert form.name.isidentifier()
    assert loose(FORM.schema) == ["$"], "what the test would find"
