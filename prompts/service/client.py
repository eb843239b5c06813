"""The only meeting with openai: one question to a language model at any service that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any
from urllib.parse import urlsplit

import openai

from prompts.errors import ServiceError

KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"

Message = dict[str, Any]
"""One entry of a conversation, as the protocol has it: role and content."""


@dataclass(frozen=True)
class Service:
    """A model at a service. `ask` sends a conversation and returns the reply's text."""

    model: str
    host: str
    retries: int
    ask: Callable[[Sequence[Message]], str]


def connect(model: str, *, base_url: str | None = None, timeout_s: float = 60.0, retries: int = 3) -> Service:
    """A model at the service of that address, by default that of OPENAI_BASE_URL, or else OpenAI's.

    The key comes from OPENAI_API_KEY; a service of one's own may do without. Nothing is sent yet. A request that fails
    for a reason that may pass (no connection, no reply within `timeout_s`, rate limit, a fault of the service) is made
    again up to `retries` times, after growing pauses. Raises ServiceError for no model, no key or no address.
    """
    base_url = base_url or os.environ.get(BASE_URL) or None
    key = os.environ.get(KEY, "").strip()
    if not model.strip():
        raise ServiceError("No vision model is named. Name one that the service has, with vision.model.")
    if not key and base_url is None:
        raise ServiceError(
            f"There is no key for the vision model. Set {KEY}, or {BASE_URL} for a service of your own without one."
        )
    if not (key.isascii() and key.isprintable()):
        raise ServiceError(f"{KEY} holds characters that no key has. Copy the key again.")
    host = _host(base_url)

    def ask(messages: Sequence[Message]) -> str:
        with openai.OpenAI(
            api_key=key or "none", base_url=base_url, timeout=timeout_s, max_retries=retries
        ) as client:  # and its connections end
            reply, fault = _reply(client, model, messages)
        # Raised here and not where it was caught: openai's own errors hold the request, and with it the key.
        if reply is None:
            said = _said(fault, model, host, timeout_s, retries)
            raise ServiceError(said.replace(key, "[key]") if key else said)
        return reply

    return Service(model, host, retries, ask)


def _host(base_url: str | None) -> str:
    """The service's name for messages: an address can hold a password."""
    if base_url is None:
        return "OpenAI"
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError("The service's address must begin with http:// or https:// and name a host. Correct it.")
    return f"{parts.hostname}{port}"


def _reply(client: openai.OpenAI, model: str, messages: Sequence[Message]) -> tuple[str | None, Exception | None]:
    """The text of the first choice, or the fault."""
    try:
        completion: Any = client.chat.completions.create(model=model, messages=list(messages))  # type: ignore[arg-type]
        message = completion.choices[0].message
        text = message.content
    except (openai.OpenAIError, AttributeError, IndexError, TypeError, ValueError) as error:
        return None, error
    if isinstance(text, str) and text.strip():
        return text, None
    return None, PermissionError(str(getattr(message, "refusal", None) or ""))


def _said(fault: Exception | None, model: str, host: str, timeout_s: float, retries: int) -> str:
    """What happened and what to do, for people."""
    tried = f"after {retries + 1} attempts" if retries else "at the only attempt"
    if isinstance(fault, openai.APITimeoutError):
        return f"{host} gave no reply within {timeout_s:g} s {tried}. Try again later, or raise vision.timeout_s."
    if isinstance(fault, openai.APIConnectionError):
        return f"{host} cannot be reached {tried}. Check the network and the address in vision.base_url."
    if isinstance(fault, openai.APIStatusError):
        return _status(fault, model, host, tried)
    if isinstance(fault, PermissionError):
        why = f": {_brief(str(fault))}" if str(fault) else ""
        return f"The model {model!r} at {host} gave an empty reply{why}. Try again, or another model."
    return (
        f"{host} sent something that is no reply of a chat model. Check that vision.base_url ends in its API, as /v1."
    )


def _status(fault: openai.APIStatusError, model: str, host: str, tried: str) -> str:
    reason = f" ({_brief(fault.message)})"
    match fault.status_code:
        case 401 | 403:
            return f"{host} refused the key{reason}. Check {KEY}, and that it may use the model {model!r}."
        case 404:
            return f"{host} has no model {model!r} at this address{reason}. Check vision.model and vision.base_url."
        case 429:
            return f"{host} takes no more requests for now, {tried}{reason}. Wait, or look at your quota."
        case code if code >= 500:
            return f"{host} failed with status {code} {tried}{reason}. Try again later."
        case code:
            return (
                f"{host} refused the request with status {code}{reason}. Check that the model {model!r} takes pictures."
            )


def _brief(text: str) -> str:
    """One line, cut between words only: half of a key could not be told from other text any more."""
    return shorten(text, 200, placeholder=" …")
