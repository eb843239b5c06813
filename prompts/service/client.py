"""The only meeting with openai: a language model at any service that speaks its protocol."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import openai

from prompts.errors import ServiceError
from prompts.service.asking import Service
from prompts.service.budget import Budget
from prompts.service.faults import Fault
from prompts.service.question import Form, Message, Reply, Usage
from prompts.service.reading import message_of
from prompts.service.replies import Replies
from prompts.service.secret import Secret
from prompts.service.ways import LIMITS, Ways

__all__ = ["BASE_URL", "KEY", "Form", "Message", "Reply", "Service", "Usage", "connect"]

KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
MAX_ERROR = 2**16  # bytes of the body of a refusal that are read


def connect(
    model: str,
    *,
    base_url: str | None = None,
    key: str | None = None,
    timeout_s: float = 60.0,
    retries: int = 3,
    budget: Budget | None = None,
    replies: Replies | None = None,
    settings: str = "vision",
) -> Service:
    """A model at the service of that address, by default that of OPENAI_BASE_URL, or else OpenAI's.

    The key, if none is given, comes from OPENAI_API_KEY; a service of one's own may do without. Nothing is sent yet. A
    request that fails for a reason that may pass (no connection, rate limit, a fault of the service) is made again up
    to `retries` times, after growing pauses or those that the service asks for, all within `timeout_s`. budget: what
    it may cost; replies: where replies are kept and found. settings: the part of the configuration that names the model
    ("vision", "plan"), for messages. Raises ServiceError for no model, no key or no address, BudgetError for a model
    without a price under a ceiling of money.
    """
    base_url = base_url or os.environ.get(BASE_URL) or None
    secret = Secret((os.environ.get(KEY, "") if key is None else key).strip())
    kind = {"vision": "vision model", "plan": "language model"}.get(settings, "model")
    if not model.strip():
        raise ServiceError(f"No {kind} is named. Name one that the service has, with {settings}.model.")
    if not secret.reveal() and base_url is None:
        raise ServiceError(
            f"There is no key for the {kind}. Set {KEY}, or {BASE_URL} for a service of your own without one."
        )
    if not (secret.reveal().isascii() and secret.reveal().isprintable()):
        raise ServiceError(f"{KEY} holds characters that no key has. Copy the key again.")
    host, address, login = _address(base_url)
    if login:
        secret = Secret(secret.reveal(), login.reveal(), b64encode(login.reveal().encode()).decode())
    if budget:
        budget.admit(model)
    ways = Ways(limit=LIMITS[host in ("OpenAI", "api.openai.com")])
    send = partial(_send, address, login, secret)
    return Service(
        model,
        host,
        send,
        secret=secret,
        ways=ways,
        timeout_s=timeout_s,
        retries=retries,
        budget=budget,
        replies=replies,
        settings=settings,
    )


def _address(base_url: str | None) -> tuple[str, str | None, Secret | None]:
    """The service's name for messages, its address without what that may hide, and `name:password` of it."""
    if base_url is None:
        return "OpenAI", None, None
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServiceError("The service's address must begin with http:// or https:// and name a host. Correct it.")
    if parts.query or parts.fragment:
        raise ServiceError("The service's address must end with its path, as /v1, without '?' or '#'. Correct it.")
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if "@" in parts.netloc else None
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return f"{parts.hostname}{port}", address, None if login is None else Secret(login)


class _RefusedError(openai.OpenAIError):
    """A status that is no reply: raised through openai, which hands on its own errors as they are."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__()


def _send(
    address: str | None, login: Secret | None, secret: Secret, body: dict[str, Any], left_s: float
) -> Iterator[bytes | Fault]:
    """What the service sends to this request, a Fault as the last."""
    came = False
    try:
        with (
            secret.unlogged(),
            openai.DefaultHttpxClient(
                auth=_pair(login),
                follow_redirects=False,  # the key is for this address
                event_hooks={"response": [_refuse]},
            ) as http,
            openai.OpenAI(
                api_key=secret.reveal() or "none",
                base_url=address,
                timeout=max(left_s, 0.001),
                max_retries=0,
                http_client=http,
                default_headers={"Accept-Encoding": "identity"},
            ) as client,
            client.chat.completions.with_streaming_response.create(**body) as response,
        ):
            came = True
            yield from response.iter_bytes()
    except _RefusedError as refused:
        yield refused.fault
    except Exception as error:
        yield _fault(error, came)


def _pair(login: Secret | None) -> tuple[str, str] | None:
    name, _, password = login.reveal().partition(":") if login else ("", "", "")
    return (name, password) if login else None


def _fault(error: Exception, came: bool) -> Fault:
    if isinstance(error, openai.APITimeoutError) or "Timeout" in type(error).__name__:
        return Fault("slow")
    return Fault("cut") if came else Fault("unreachable", str(error.__cause__ or ""))


def _refuse(response: Any) -> None:
    """Raise what a status says that is no reply, before openai reads its body without bounds."""
    if response.status_code < 300:
        return
    text = bytearray()
    for piece in response.iter_bytes():
        text += piece
        if len(text) > MAX_ERROR:
            break
    words = text[:MAX_ERROR].decode("utf-8", "replace")
    try:
        reason = message_of(json.loads(words))
    except (ValueError, RecursionError):
        reason = "" if words.lstrip().startswith("<") else words  # a page is for people with a browser
    raise _RefusedError(Fault("status", reason, response.status_code, _wait_s(response.headers)))


def _wait_s(headers: Any) -> float | None:
    """How long the service asks to wait before the next request: seconds, or until a date."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
