"""How a service wants to be asked, found out by trying: services differ in what they understand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from prompts.service.faults import Fault
from prompts.service.question import Form, Message, Question

Structure = Literal["json_schema", "json_object", "plain"]
_NEXT: dict[Structure, Structure] = {"json_schema": "json_object", "json_object": "plain"}
LIMITS = ("max_tokens", "max_completion_tokens")
_UNKNOWN = (400, 404, 405, 415, 422, 501)  # with which services refuse what they do not understand
_OTHERWISE = (401, 402, 403, 408, 409, 413, 429)  # that have to do with something else, whatever their words are
_FORM_WORDS = ("response_format", "json", "schema", "grammar")


@dataclass(frozen=True)
class Ways:
    """What of the protocol is used. structure: how a form is asked for; limit: the name of the bound on tokens,
    renamed after a refusal or not."""

    structure: Structure = "json_schema"
    limit: str = "max_tokens"
    counted: bool = True
    stream: bool = True
    renamed: bool = False

    def body(self, question: Question) -> dict[str, Any]:
        """The request."""
        body: dict[str, Any] = {"model": question.model, "messages": list(question.messages)}
        body[self.limit] = question.max_tokens
        if self.stream:
            body["stream"] = True
            if self.counted:
                body["stream_options"] = {"include_usage": True}
        if question.form is None:
            return body
        if self.structure != "json_schema":
            body["messages"] = _with_form(question.messages, question.form)
        if self.structure == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif self.structure == "json_schema":
            form = {"name": question.form.name, "schema": dict(question.form.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    def otherwise(self, fault: Fault, question: Question) -> Ways | None:
        """How to ask next after a refusal; None where it does not come from how it was asked."""
        words = fault.reason.lower() if fault.kind in ("status", "failed") else ""
        looser = _NEXT.get(self.structure) if question.form else None
        if looser and any(word in words for word in _FORM_WORDS) and fault.status not in _OTHERWISE:
            return replace(self, structure=looser)
        if fault.status not in _UNKNOWN:
            return None
        if self.stream and self.counted and ("stream_options" in words or "include_usage" in words):
            return replace(self, counted=False)
        if not self.renamed and any(limit in words for limit in LIMITS):
            return replace(self, limit=LIMITS[LIMITS[0] == self.limit], renamed=True)
        if self.stream and "stream" in words:
            return replace(self, stream=False)
        return replace(self, structure=looser) if looser else None  # most do not say what they did not understand


def _with_form(messages: tuple[Message, ...], form: Form) -> list[Message]:
    """The conversation with the form in words, in its first entry: some services take only one of instructions."""
    first, *rest = messages
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{form.told()}"}, *rest]
    return [{"role": "system", "content": form.told()}, *messages]
