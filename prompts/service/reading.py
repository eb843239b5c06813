"""From the bytes of a service to what the model wrote: a stream of events, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeGuard

from prompts.service.faults import Fault
from prompts.service.flow import Flow
from prompts.service.question import Usage

MAX_TEXT = 2**20  # bytes of what the model writes
MAX_EVENT = 2 * MAX_TEXT  # of one event, or of a reply in one piece: JSON takes more bytes than the text in it
MAX_STREAM = 64 * MAX_TEXT  # of a stream, in which a few letters are wrapped in some hundred bytes
MAX_RAW = 2**16  # of what a service sent that is no reply: enough to see what it was
MAX_TOKENS = 10**9
UNFINISHED = ("cut", "slow", "too long")  # faults after which a service writes on, or not: what it counted is not all


@dataclass
class Written:
    """What the model wrote, as far as it came.

    refusal: its words for refusing. choices: whether there were any. raw: what the service sent, the beginning of it.
    """

    pieces: list[str] = field(default_factory=list)
    size: int = 0
    refusal: str = ""
    finish: str = ""
    usage: Usage | None = None
    model: str = ""
    choices: bool = False
    raw: bytes = b""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces)


class _BadReplyError(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__()


def read(
    flow: Flow, on_text: Callable[[int], None] | None = None, most: int = MAX_TEXT
) -> tuple[Written, Fault | None]:
    """What came, and what was wrong with it.

    on_text: told the number of characters so far. most: characters after which a stream is left, as if the service had
    cut the reply off itself.
    """
    written = Written()
    fault = None
    lines = _Lines(flow)
    try:
        for event in _events(lines):
            _add(written, event)
            if on_text and written.size:
                on_text(written.size)
            if written.size > most and not written.finish:
                written.finish, written.usage = "length", None
                break
    except _BadReplyError as bad:
        fault = bad.fault
        written.usage = None if fault.kind in UNFINISHED and not written.finish else written.usage
    written.raw = b"".join(lines.begun)
    if lines.done and written.choices:
        written.finish = written.finish or "stop"
    if written.finish:  # it is complete, though the connection may not have ended as it should
        return written, None if fault and fault.kind == "cut" else fault
    if fault is None:
        fault = Fault("cut") if written.choices else Fault("no choices")
    return written, fault


class _Lines:
    """The lines of a flow, without their ends; at most `limit` bytes of them.

    done: a stream said that it ended. begun: the first pieces as they came.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow, self.limit, self.came, self.done = flow, MAX_EVENT, 0, False
        self.begun: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        rest: list[bytes] = []
        held = 0
        for piece in self.flow:
            if isinstance(piece, Fault):
                raise _BadReplyError(piece)
            self.begun += [piece[: MAX_RAW - self.came]] if self.came < MAX_RAW else []
            self.came += len(piece)
            if self.came > self.limit or held > MAX_EVENT:
                raise _BadReplyError(Fault("too long", f"{MAX_TEXT >> 20} MiB"))
            *whole, last = piece.split(b"\n")
            for line in whole:
                yield b"".join([*rest, line]).rstrip(b"\r")
                rest, held = [], 0
            rest.append(last)
            held += len(last)
        if any(rest):
            yield b"".join(rest)


def _events(lines: _Lines) -> Iterator[dict[str, Any]]:
    """The objects of a stream of events, or the one object that is no stream."""
    coming = iter(lines)
    first = next((line for line in coming if line.strip()), b"").removeprefix(b"\xef\xbb\xbf")
    if not first.startswith((b"data:", b":", b"event:", b"id:", b"retry:")):
        whole = _object(b"\n".join([first, *coming]))
        if "choices" not in whole:
            raise _BadReplyError(Fault("garbage"))
        yield whole
        return
    lines.limit = MAX_STREAM
    data: list[bytes] = []
    for line in chain([first], coming, [b""]):
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif not line and data:
            event, data = b"\n".join(data).strip(), []
            if event == b"[DONE]":
                lines.done = True
                return
            yield _object(event)


def _object(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises _BadReplyError."""
    found, fault = None, Fault("garbage")
    try:
        found = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        fault = Fault("no UTF-8" if data.lstrip().startswith(b"{") else "garbage")
    except json.JSONDecodeError as error:
        begins = data.lstrip().startswith(b"{")
        fault = Fault("cut") if begins and error.pos >= len(error.doc.rstrip()) else Fault("garbage")
    except (ValueError, RecursionError):
        fault = Fault("garbage", "numbers or brackets without measure")
    if not isinstance(found, dict):
        raise _BadReplyError(fault)
    if found.get("error"):
        raise _BadReplyError(_told(found["error"]))
    return found


def _told(error: Any) -> Fault:
    """A fault that the service reports where a reply was due."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        return Fault("status", message_of(error), code)
    return Fault("failed", message_of(error))


def message_of(error: Any) -> str:
    """The words in what a service sends as the error, however it is wrapped, and before them what they are about."""
    place = ""
    for _ in range(8):
        if isinstance(error, dict):
            loc = error.get("loc")
            place = ".".join(part for part in loc if isinstance(part, str)) if isinstance(loc, list) else place
            error = next((error[key] for key in ("error", "message", "detail", "msg") if error.get(key)), "")
        elif isinstance(error, list):
            error = error[0] if error else ""
    words = error if isinstance(error, str) else ""
    return f"{place}: {words}" if place and words else words


def _add(written: Written, event: dict[str, Any]) -> None:
    """Take over what one event says. Raises _BadReplyError when it becomes too much."""
    written.usage = _usage(event.get("usage")) or written.usage
    written.model = written.model or _words(event.get("model"))
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return
    message = choice.get("delta") or choice.get("message")
    if not isinstance(message, dict):
        message = {}
    written.choices = written.choices or bool(message) or "delta" in choice
    written.refusal += _words(message.get("refusal"))
    written.finish = _words(choice.get("finish_reason")) or ("stop" if "message" in choice else written.finish)
    if text := _words(message.get("content")):
        written.pieces.append(text)
        written.size += len(text)
    if written.size + len(written.refusal) > MAX_TEXT:
        raise _BadReplyError(Fault("too long", f"{MAX_TEXT >> 20} MiB"))


def _words(value: Any) -> str:
    """A text, or the texts in a list of parts; without halves of characters, which no file can hold."""
    parts = [part.get("text") for part in value if isinstance(part, dict)] if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str)).encode("utf-8", "replace").decode()


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    question, reply = value.get("prompt_tokens"), value.get("completion_tokens")
    return Usage(question, reply) if _is_count(question) and _is_count(reply) and question else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MAX_TOKENS
