"""A language model that can be asked: tries, repeats, counts and keeps, under one deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from prompts.errors import ReplyError, ServiceError
from prompts.service.budget import Budget
from prompts.service.faults import Fault, one_line, said
from prompts.service.flow import flow
from prompts.service.question import Form, Message, Question, Reply
from prompts.service.reading import Written, read
from prompts.service.replies import Replies
from prompts.service.secret import Secret
from prompts.service.ways import Ways

Send = Callable[[dict[str, Any], float], Iterable[bytes | Fault]]
"""From a request and the seconds left to the pieces of what the service sends, a Fault as the last."""

LETTERS = 16  # in a token at most, on average: some services pay no heed to max_tokens, and write on at our cost

OnText = Callable[[int], None]
NO_REPLY = ("garbage", "too long", "no UTF-8", "no choices")  # faults with which a service did answer


class Service:
    """A model at a service, under the name of its host."""

    def __init__(
        self,
        model: str,
        host: str,
        send: Send,
        *,
        secret: Secret,
        ways: Ways,
        timeout_s: float,
        retries: int,
        budget: Budget | None,
        replies: Replies | None,
        settings: str,
    ) -> None:
        self.model, self.host, self.timeout_s, self.retries = model, host, timeout_s, retries
        self.budget = budget or Budget()
        self.replies = replies
        self._send, self._secret, self._ways, self._settings = send, secret, ways, settings

    def __repr__(self) -> str:
        return f"Service({self.model!r} at {self.host})"

    def ask(
        self,
        messages: Sequence[Message],
        *,
        form: Form | None = None,
        max_tokens: int = 4096,
        on_text: OnText | None = None,
    ) -> Reply:
        """The model's reply to a conversation, or the one kept for the same question.

        form: what the reply should be; a service that cannot be bound to it is asked in words, so that the reply still
        needs `Reply.object` and a check. max_tokens: of the reply. on_text: told the number of characters as they come.
        All requests together take at most `timeout_s`. Raises ServiceError where there is no reply, ReplyError where it
        is empty or a refusal, BudgetError where a request could go beyond the ceiling.
        """
        question = Question(self.model, self.host, _sendable(messages, self._secret), form, max_tokens)
        if self.replies and (kept := self.replies.find(question)):
            self.budget.found()
            return kept
        return _Exchange(self, question, on_text).reply()

    def forget(self, digest: str) -> None:
        """Set the reply to a question aside that was of no use: the same question is asked anew."""
        if self.replies:
            self.replies.forget(digest)


def _sendable(messages: Sequence[Message], secret: Secret) -> tuple[Message, ...]:
    """A copy without the key, which somebody may have pasted, and without halves of characters from a command line."""
    sendable: tuple[Message, ...] = _each_text(
        tuple(messages), lambda text: secret.removed(text.encode("utf-8", "replace").decode())
    )
    return sendable


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of lists and objects with their texts changed, but not their keys."""
    if isinstance(value, dict):
        return {key: _each_text(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each_text(inner, change) for inner in value)
    return change(value) if isinstance(value, str) else value


class _Exchange:
    """One question until it is answered or given up."""

    def __init__(self, service: Service, question: Question, on_text: OnText | None) -> None:
        self.service, self.question, self.on_text = service, question, on_text
        self.deadline = time.monotonic() + service.timeout_s
        self.ways, self.attempts = service._ways, 0

    def reply(self) -> Reply:
        """The reply. Raises as `Service.ask`."""
        written, fault = self._asked()
        complaint = self._complaint(written, fault)
        text = self.service._secret.removed(written.text)
        model = written.model or self.service.model
        reply = Reply(text, written.finish, written.usage, model, False, self.question.digest)
        self._keep(reply, written, complaint)
        if complaint is not None:
            raise complaint
        return reply

    def _keep(self, reply: Reply, written: Written, complaint: ServiceError | None) -> None:
        """Write down what the model wrote, whether it is of use or not; without words of it, what the service sent."""
        secret, replies = self.service._secret, self.service.replies
        text = reply.text or secret.removed(written.refusal) or secret.hidden(written.raw.decode("utf-8", "replace"))
        if replies and text:
            replies.keep(self.question, replace(reply, text=text), fault=str(complaint or ""))

    def _asked(self) -> tuple[Written, Fault | None]:
        """Ask in the ways that the service may understand, and again where it may help."""
        while True:
            written, fault = self._once()
            if fault is None:
                self.service._ways = self.ways  # remembered only once they have worked
                return written, None
            if (ways := self.ways.otherwise(fault, self.question)) is not None:
                self.ways = ways
                continue
            self.attempts += 1
            if not fault.passes or self.attempts > self.service.retries or not self._wait(fault):
                return written, fault

    def _once(self) -> tuple[Written, Fault | None]:
        """One request, paid for."""
        budget, left_s = self.service.budget, self.deadline - time.monotonic()
        if left_s <= 0:
            return Written(), Fault("slow")
        reservation = budget.reserve(self.question)
        body = self.ways.body(self.question)
        try:
            coming = flow(lambda: self.service._send(body, left_s), self.deadline)
            written, fault = read(coming, self.on_text, LETTERS * self.question.max_tokens)
        except BaseException:  # somebody interrupts, while the service writes on
            budget.settle(reservation, None)
            raise
        if fault is None or fault.charged:
            budget.settle(reservation, written.usage)
        else:
            budget.release(reservation)
        return written, fault

    def _wait(self, fault: Fault) -> bool:
        """Sleep before the next attempt, as long as the service asks for; False where that is beyond the deadline."""
        growing = min(8.0, 0.5 * 2 ** (self.attempts - 1)) * random.uniform(0.75, 1)
        wait_s = growing if fault.wait_s is None else fault.wait_s
        if time.monotonic() + wait_s >= self.deadline:
            return False
        time.sleep(wait_s)
        return True

    def _complaint(self, written: Written, fault: Fault | None) -> ServiceError | None:
        """The error that says why this is no reply; None where it is one."""
        service = self.service
        if fault is not None:
            words = said(
                replace(fault, reason=service._secret.hidden(fault.reason)),
                model=service.model,
                host=service.host,
                timeout_s=service.timeout_s,
                attempts=max(1, self.attempts),
                settings=service._settings,
            )
            return self._no_use(words) if fault.kind in NO_REPLY else ServiceError(words)
        if written.refusal or (written.finish == "content_filter" and not written.text.strip()):
            why = f": {one_line(service._secret.hidden(written.refusal))}" if written.refusal else ""
            return self._no_use(f"The model {service.model!r} at {service.host} refused{why}. Put it in other words.")
        if not written.text.strip():
            cut_off = written.finish == "length"
            at = f": the {self.question.max_tokens} tokens that it may have went into its thoughts" if cut_off else ""
            return self._no_use(
                f"The model {service.model!r} at {service.host} gave an empty reply{at}. Try again, or another model.",
                cut_off=cut_off,
            )
        return None

    def _no_use(self, words: str, *, cut_off: bool = False) -> ReplyError:
        error = ReplyError(words)
        error.digest, error.cut_off = self.question.digest, cut_off
        return error
