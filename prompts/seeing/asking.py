"""A question about pictures whose answer is a JSON object, asked again with the reason where the answer is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from prompts.checks import FORBIDDEN
from prompts.errors import ReplyError
from prompts.service.asking import Service
from prompts.service.question import Form, Message, Reply

T = TypeVar("T")

ROUNDS = 3
MAX_TOKENS = 4096
"""Of an answer: a model that thinks before it answers needs most of them for that. One that was cut off is asked again
with twice as many."""
ECHO = 2_000
"""Characters of an unusable reply that the model is shown again."""
_QUOTES = "\"'`*“”‘’«» "  # with what else decorates a line


def ask(service: Service, messages: Sequence[Message], form: Form, read: Callable[[dict[str, Any]], T]) -> T:
    """What `read` makes of the model's answer.

    An answer that is refused, empty, no JSON object, or that `read` raises ReplyError for, is asked for again with the
    reason, up to `ROUNDS` times in all. Raises ReplyError then, ServiceError for a service that cannot be used, and
    BudgetError before a ceiling would be exceeded.
    """
    useless: list[Reply] = []
    conversation, fault = list(messages), ReplyError("The vision model was not asked.")
    most = MAX_TOKENS
    for _ in range(ROUNDS):
        said = None
        try:
            said = service.ask(conversation, form=form, max_tokens=most)
            return read(said.object())
        except ReplyError as error:
            fault = error
        most *= 2 if (said.cut_off if said else fault.cut_off) else 1
        useless += [said] if said else []
        conversation += _again(said, str(fault))
    for reply in useless:  # found again, they would keep the next attempt from asking
        service.forget(reply.digest)
    raise ReplyError(f"The vision model gave no usable answer in {ROUNDS} attempts. {fault}")


def _again(said: Reply | None, why: str) -> list[Message]:
    told = f"That answer could not be used: {why} Answer again, with nothing but the JSON object."
    return [*([{"role": "assistant", "content": said.text[:ECHO]}] if said else []), {"role": "user", "content": told}]


def bare(text: str) -> str:
    """A text in one line, without control characters and the quotes around it."""
    return " ".join(FORBIDDEN.sub(" ", text).split()).strip(_QUOTES)


def line(reply: dict[str, Any], name: str, *, words: int, required: bool = True) -> str:
    """A text of a reply as one clean line of at most so many words: whatever a model writes, it is only ever a prompt.

    Raises ReplyError for a text that is missing or no text, or where one is required and has no letters.
    """
    value = reply.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ReplyError(f"{name!r} must be a text.")
    text = bare(value[:10_000]).rstrip(".;, ")
    if required and not any(c.isalpha() for c in text):
        raise ReplyError(f"{name!r} has no words.")
    if len(text.split()) > words or len(text) > 12 * words:
        raise ReplyError(f"{name!r} is too long: {len(text.split())} words, and at most {words} are wanted.")
    return text
