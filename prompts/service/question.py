"""What is asked of a language model and what it answers, as plain values."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from prompts.service.json_text import read_object

Message = dict[str, Any]
"""One entry of a conversation, as the protocol has it: role and content."""

OVERHEAD = 64  # tokens that a service's own template may put before and after a conversation, and around each entry


@dataclass(frozen=True)
class Form:
    """The form of a structured reply: a name of letters, digits, _ and -, and a JSON Schema of an object.

    Strict services refuse open maps and optional keys: every object says additionalProperties false and requires all.
    """

    name: str
    schema: Mapping[str, Any]

    def told(self) -> str:
        """The form in words, for a service that enforces none."""
        schema = json.dumps(self.schema, ensure_ascii=False)
        return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}"


@dataclass(frozen=True)
class Usage:
    """Tokens that a service counted: of the question, and of the reply with a model's unseen thoughts."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Reply:
    """What a model answered. Its text is never empty.

    finish: why it ended ("stop", "length" where it was cut off, or another word of the service). usage: None where the
    service counts nothing. cached: found in the kept replies, nothing was asked. digest: of the question.
    """

    text: str
    finish: str
    usage: Usage | None
    model: str
    cached: bool
    digest: str

    @property
    def cut_off(self) -> bool:
        """Whether it had as many tokens as it might have, and would have gone on."""
        return self.finish == "length"

    def object(self) -> dict[str, Any]:
        """The JSON object in the text. Raises ReplyError, which says so where the reply was cut off."""
        return read_object(self.text, cut_off=self.cut_off)


@dataclass(frozen=True)
class Question:
    """All that a reply depends on. `host` is the service's name without what an address may hide."""

    model: str
    host: str
    messages: tuple[Message, ...]
    form: Form | None
    max_tokens: int

    @cached_property
    def record(self) -> dict[str, Any]:
        """The question for a file: pictures are named by their SHA-256."""
        form = None if self.form is None else {"name": self.form.name, "schema": dict(self.form.schema)}
        messages = [_without_pictures(message) for message in self.messages]
        return {
            "model": self.model,
            "host": self.host,
            "max_tokens": self.max_tokens,
            "form": form,
            "messages": messages,
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the record, in hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()

    @cached_property
    def pictures(self) -> int:
        """How many pictures are shown."""
        return sum(_is_picture(part) for message in self.messages for part in _parts(message))

    @cached_property
    def text_tokens(self) -> int:
        """No fewer tokens than the words of the question have: a token is at least one byte."""
        form = len(self.form.told().encode()) if self.form else 0
        words = json.dumps([_without_pictures(message) for message in self.messages], ensure_ascii=False)
        return form + len(words.encode(errors="replace")) + OVERHEAD * (1 + len(self.messages))


def _parts(message: Message) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_picture(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "image_url"


def _without_pictures(message: Message) -> Message:
    if not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_named(part) if _is_picture(part) else part for part in _parts(message)]}


def _named(part: Any) -> dict[str, Any]:
    """A picture by the hash of its file, or of its address where it lies elsewhere."""
    url = str(part["image_url"]["url"])
    try:
        data = base64.b64decode(url.partition("base64,")[2] or url, validate=True)
    except (binascii.Error, ValueError):
        data = url.encode()
    told = {key: value for key, value in part["image_url"].items() if key != "url"}
    return {"type": "image_url", **told, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
