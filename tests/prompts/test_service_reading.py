"""From bytes to what the model wrote: whatever comes is read or is a fault, and never an exception."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prompts.service.faults import Fault, said
from prompts.service.question import Usage
from prompts.service.reading import MAX_TEXT, message_of, read
from tests.doubles.openai_server import Reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "finish_reason",
                    "usage",
                    "error",
                    "text",
                    "refusal",
                    "model",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def sound(pieces) -> None:
    written, fault = read(iter(pieces))
    assert isinstance(written.text, str)
    written.text.encode()
    if fault is not None:
        assert said(fault, model="m", host="h", timeout_s=1, attempts=1, settings="plan")


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=40), max_size=5))
@example([b'{"choices": [{"message": {"content": [{"text": {"text": 1}}]}}]}'])
@example([b'{"error": ' * 900 + b"1" + b"}" * 900])
@example([b"data: {\n\n"])
def test_any_bytes_are_read_or_a_fault(pieces):
    sound(pieces)
    sound([b"data: ", *pieces, b"\n\n"])


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["choices", "usage", "error", "model"]), JSON), st.lists(JSON, max_size=3))
def test_any_json_is_read_or_a_fault(whole, choices):
    sound([json.dumps(whole).encode()])
    event = json.dumps({"choices": choices}).encode()
    sound([b"data: " + json.dumps(whole).encode() + b"\n\ndata: " + event + b"\n\n"])


@given(st.text(min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 50))
def test_a_text_comes_out_as_it_went_in(text, pieces, size):
    reply = Reply(text, usage=(1, 2), pieces=pieces)
    for body in (b"".join(reply.events()), b"".join(reply.parts(streamed=False))):
        written, fault = read(body[at : at + size] for at in range(0, len(body), size))
        assert (written.text, written.usage, fault) == (text, Usage(1, 2), None)


@given(st.integers(0, 2000))
def test_a_stream_that_ends_anywhere_is_whole_or_cut(at):
    body = b"".join(Reply("a leaf with dark veins", usage=(1, 2)).events())
    written, fault = read(iter([body[:at]]))
    if fault is None:
        assert written.text == "a leaf with dark veins"
    else:
        assert fault.kind in ("cut", "garbage", "no choices")


def test_a_text_beyond_all_measure_is_left():
    reply = Reply("x" * (MAX_TEXT + 1), pieces=MAX_TEXT // 4)
    assert read(iter(reply.events()))[1].kind == "too long"
    assert read(iter(reply.events()), most=MAX_TEXT // 2)[0].finish == "length"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("busy", "busy"),
        ({"message": "busy"}, "busy"),
        ({"error": {"message": "busy", "code": 1}}, "busy"),
        ({"detail": [{"msg": "busy", "loc": ["body", "n", 0]}]}, "body.n: busy"),
        ({"detail": [{"msg": "busy", "loc": None}]}, "busy"),
        ({"error": {"code": 1}}, ""),
        ([], ""),
        (7, ""),
        (None, ""),
    ],
)
def test_the_words_of_an_error_are_found_however_it_is_wrapped(error, words):
    assert message_of(error) == words


def test_the_end_that_a_service_told_counts_more_than_how_the_connection_ended():
    events = Reply("a leaf", done=False).events()
    assert read(iter([*events, Fault("cut")])) == read(iter(events))
    assert read(iter([*events[:-1], Fault("cut")]))[1] == Fault("cut")
