"""Costs of a command: counted as they are made, and stopped before a ceiling is exceeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock

from prompts.errors import BudgetError
from prompts.service.prices import Price, Prices
from prompts.service.question import Form, Message, Question, Usage

__all__ = ["Budget", "Price", "Prices", "Spent"]


@dataclass(frozen=True)
class Spent:
    """What was asked, and what it took.

    requests: that reached a model; cached: questions answered from the kept replies; bounded: requests of which the
    service told no tokens, so that the most they can have taken is counted. cost: in the currency of the prices, None
    where a model has no price.
    """

    requests: int = 0
    cached: int = 0
    bounded: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    currency: str = "USD"

    def __add__(self, more: Spent) -> Spent:
        """Both together, in this one's currency."""
        return Spent(
            self.requests + more.requests,
            self.cached + more.cached,
            self.bounded + more.bounded,
            self.prompt_tokens + more.prompt_tokens,
            self.completion_tokens + more.completion_tokens,
            _sum(self.cost, more.cost),
            self.currency,
        )


class Account:
    """What the questions that were asked in the body of `accounting` have taken, of a budget that others share."""

    def __init__(self, currency: str, outer: Account | None) -> None:
        self.spent, self.outer = Spent(currency=currency), outer
        self._lock = Lock()

    def add(self, asked: Spent) -> None:
        """Count it here and on the accounts of the bodies around this one."""
        with self._lock:
            self.spent = self.spent + asked
        if self.outer is not None:
            self.outer.add(asked)


_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def accounting(currency: str = "USD") -> Iterator[Account]:
    """Count what is asked in the body, and in threads that have its context, on an account of its own, too."""
    account = Account(currency, _ACCOUNT.get())
    token = _ACCOUNT.set(account)
    try:
        yield account
    finally:
        _ACCOUNT.reset(token)


class Budget:
    """Counts tokens and money of all services that share it, from any thread.

    Before a request the most that it can take is set aside, afterwards what the service tells. max_cost is in the
    currency of the prices, max_tokens counts questions and replies; None is no ceiling.
    """

    def __init__(
        self, prices: Prices | None = None, *, max_cost: float | None = None, max_tokens: int | None = None
    ) -> None:
        self.prices, self.max_cost, self.max_tokens = prices or Prices(), max_cost, max_tokens
        self._spent = Spent(currency=self.prices.currency)
        self._reserved: dict[int, tuple[str, Usage]] = {}
        self._count = 0
        self._lock = Lock()

    @property
    def spent(self) -> Spent:
        """So far, without what is set aside."""
        return self._spent

    def bound(
        self, model: str, messages: Sequence[Message], max_tokens: int, form: Form | None = None
    ) -> tuple[int, float | None]:
        """The most tokens and money that one request can take; no money is None where the model has no price."""
        usage = self.prices.bound(Question(model, "", tuple(messages), form, max_tokens))
        return usage.prompt_tokens + usage.completion_tokens, self._cost(model, usage)

    def admit(self, model: str) -> None:
        """Raises BudgetError for a model without a price under a ceiling of money, which could not be kept."""
        if self.max_cost is not None and self.prices.of(model) is None:
            raise BudgetError(
                f"The model {model!r} has no price, so that a ceiling of {self.max_cost:g} {self.prices.currency} "
                "cannot be kept. Add the model to a file of prices, or set a ceiling of tokens."
            )

    def reserve(self, question: Question) -> int:
        """Set aside the most that the question can take, and return the reservation's number.

        Raises BudgetError where that goes beyond a ceiling.
        """
        self.admit(question.model)
        bound = self.prices.bound(question)
        with self._lock:
            self._check(question.model, bound)
            self._count += 1
            self._reserved[self._count] = (question.model, bound)
            return self._count

    def settle(self, reservation: int, usage: Usage | None) -> None:
        """Count what the service told, or all that was set aside."""
        with self._lock:
            model, bound = self._reserved.pop(reservation)
            taken = usage or bound
            asked = Spent(
                1, 0, int(usage is None), taken.prompt_tokens, taken.completion_tokens, self._cost(model, taken)
            )
            self._count_up(asked)

    def release(self, reservation: int) -> None:
        """Nothing was taken: the service refused the request."""
        with self._lock:
            del self._reserved[reservation]

    def found(self) -> None:
        """A question was answered from the kept replies."""
        with self._lock:
            self._count_up(Spent(cached=1))

    def _count_up(self, asked: Spent) -> None:
        self._spent = self._spent + asked
        if (account := _ACCOUNT.get()) is not None:
            account.add(asked)

    def _cost(self, model: str, usage: Usage) -> float | None:
        price = self.prices.of(model)
        return None if price is None else price.cost(usage)

    def _check(self, model: str, bound: Usage) -> None:
        """Raises BudgetError where this would go beyond a ceiling with all that is spent and set aside."""
        spent, waiting = self._spent, [*self._reserved.values(), (model, bound)]
        tokens = spent.prompt_tokens + spent.completion_tokens
        ahead = sum(usage.prompt_tokens + usage.completion_tokens for _, usage in waiting)
        if self.max_tokens is not None and tokens + ahead > self.max_tokens:
            raise BudgetError(
                f"The next request can take up to {bound.prompt_tokens + bound.completion_tokens:,} tokens; "
                f"{tokens:,} of at most {self.max_tokens:,} are spent. It was not made. Raise the ceiling, or ask for "
                "less."
            )
        if self.max_cost is None:
            return
        cost, currency = spent.cost or 0.0, self.prices.currency
        ahead_cost = sum(self._cost(*each) or 0.0 for each in waiting)
        if cost + ahead_cost > self.max_cost:
            raise BudgetError(
                f"The next request can cost up to {self._cost(model, bound) or 0.0:.4f} {currency}; {cost:.4f} of at "
                f"most {self.max_cost:g} {currency} are spent. It was not made. Raise the ceiling, or ask for less."
            )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
