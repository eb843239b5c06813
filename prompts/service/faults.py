"""What goes wrong between us and a language model, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import Literal

Kind = Literal["slow", "unreachable", "cut", "status", "failed", "garbage", "no choices", "too long", "no UTF-8"]

LATER = "Try again later"


@dataclass(frozen=True)
class Fault:
    """A request that brought no reply. reason: in the service's own words, or "". wait_s: how long it asks to wait."""

    kind: Kind
    reason: str = ""
    status: int = 0
    wait_s: float | None = None

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in ("unreachable", "cut", "failed") or self.status in (408, 409, 429) or self.status >= 500

    @property
    def charged(self) -> bool:
        """Whether the service may have written something, and count it."""
        return self.kind not in ("status", "unreachable")


def said(fault: Fault, *, model: str, host: str, timeout_s: float, attempts: int, settings: str) -> str:
    """What happened and what to do, for people. `settings` is the part of the configuration that names the model."""
    tried = f"after {attempts} attempts" if attempts > 1 else "at the only attempt"
    reason = f" ({one_line(fault.reason)})" if fault.reason.strip() else ""
    match fault.kind:
        case "slow":
            return f"{host} gave no reply within {timeout_s:g} s {tried}. {LATER}, or raise {settings}.timeout_s."
        case "unreachable":
            return (
                f"{host} cannot be reached {tried}{reason}. Check the network and the address in {settings}.base_url."
            )
        case "cut":
            return f"The connection to {host} broke in the middle of the reply {tried}. {LATER}."
        case "failed":
            return f"{host} reports a fault in place of a reply {tried}{reason}. {LATER}."
        case "too long":
            return f"{host} sent more than a reply may have ({fault.reason}), and was not read on. Use another model."
        case "no UTF-8":
            return f"{host} sent text that is no UTF-8. Check the service's settings, or use another one."
        case "no choices":
            return (
                f"{host} sent no reply of a chat model, but one without choices{reason}. {LATER}, or use another model."
            )
        case "status":
            return _status(fault, reason, model, host, tried, settings)
        case "garbage":
            return (
                f"{host} sent something that is no reply of a chat model{reason}. Check that {settings}.base_url ends "
                "in its API, as /v1."
            )


def _status(fault: Fault, reason: str, model: str, host: str, tried: str, settings: str) -> str:
    match fault.status:
        case 401 | 403:
            return (
                f"{host} refused the key{reason}. Check OPENAI_API_KEY, or the secret that holds the key, and that it "
                f"may use the model {model!r}."
            )
        case 404:
            return (
                f"{host} has no model {model!r} at this address{reason}. Check {settings}.model and "
                f"{settings}.base_url."
            )
        case 429:
            wait = f" It asks to wait {fault.wait_s:g} s." if fault.wait_s and fault.wait_s >= 1 else ""
            return f"{host} takes no more requests for now, {tried}{reason}.{wait} Wait, or look at your quota."
        case code if code >= 500:
            return f"{host} failed with status {code} {tried}{reason}. {LATER}."
        case code if code < 400:
            return f"{host} answers from another address (status {code}). Write that one in {settings}.base_url."
        case code:
            return (
                f"{host} refused the request with status {code}{reason}. Check that the model {model!r} "
                "takes pictures, and questions of this length."
            )


def one_line(text: str) -> str:
    """One line within a sentence, cut between words only: half of a key could not be told from other text any more."""
    short = shorten(text[:2000], 200, placeholder=" …")  # of endless words, it takes time that grows as the square
    return short.rstrip(" .") or short
