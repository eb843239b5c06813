"""The language models that a command asks: one ceiling of costs and one cache of replies for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prompts.errors import ServiceError
from tasks import environment
from tasks.errors import RefusedError
from tasks.keys import api_key, has_service
from tasks.plan_spec import PlanSpec
from tasks.run import CACHE
from tasks.specs import RunConfig, VisionSpec
from tasks.stage import Json, Workshop

if TYPE_CHECKING:
    from prompts.service.asking import Service
    from prompts.service.budget import Account, Budget, Spent
    from prompts.service.replies import Replies

REPLIES = "replies"
"""Folder of the store that keeps what services replied, by the content of the question."""

Planner = Literal["offline", "model"]


def planner_of(spec: PlanSpec) -> Planner:
    """Who plans: `auto` is a language model where one is named and its service can be meant, else nobody but us.

    Raises RefusedError where a language model is wanted and none is named.
    """
    named = model_of(spec)
    if spec.planner == "auto":
        return "model" if named and has_service(spec.secret, spec.base_url) else "offline"
    if spec.planner == "model" and named is None:
        raise RefusedError(
            "No language model is named. Name one that the service has, with --llm, plan.model or TENFOLD_PLAN_MODEL, "
            "or plan without one: --planner offline."
        )
    return spec.planner


def model_of(spec: PlanSpec) -> str | None:
    """The language model's name: the configuration's, or that of the environment."""
    return spec.model or environment.read().plan_model


class Services:
    """The services of a configuration. Creating the object reads no key, opens no connection and writes nothing.

    `writer` and `vision` give a model to be asked; both spend from the same budget and find each other's replies.
    They raise RefusedError where a service is wanted that cannot be used, as without a key.
    """

    def __init__(self, config: RunConfig, root: Path) -> None:
        self.plan, self.look = _resolved(config)
        self.root = root

    def serve(self, config: RunConfig, root: Path) -> bool:
        """Whether they are those that another configuration means."""
        return (*_resolved(config), root) == (self.plan, self.look, self.root)

    @cached_property
    def budget(self) -> Budget:
        """What may still be spent. Raises RefusedError for prices that cannot be read."""
        from prompts.service.budget import Budget
        from prompts.service.prices import Prices

        try:
            prices = Prices.load(self.plan.prices)
            return Budget(prices, max_cost=self.plan.max_cost, max_tokens=self.plan.max_tokens)
        except ServiceError as error:
            raise RefusedError(str(error)) from error

    @cached_property
    def replies(self) -> Replies:
        """What was replied before."""
        from prompts.service.replies import Replies

        return Replies(self.root / CACHE / REPLIES)

    @cached_property
    def workshop(self) -> Workshop:
        """The store that the replies lie in."""
        return Workshop(self.root / CACHE)

    @property
    def has_writer(self) -> bool:
        """Whether a language model plans. Raises RefusedError where one is wanted and none is named."""
        return planner_of(self.plan) == "model"

    @cached_property
    def _writer(self) -> Service | None:
        if not self.has_writer:
            return None
        return self._connect(str(self.plan.model), "plan")

    @cached_property
    def _vision(self) -> Service | None:
        return None if self.look.model is None else self._connect(self.look.model, "vision")

    def writer(self) -> Service | None:
        """The language model that plans; None where the plan is made offline."""
        return self._writer

    def vision(self) -> Service | None:
        """The vision model; None where neither configuration nor environment names one."""
        return self._vision

    def seeing(self) -> Service:
        """The vision model for drafts to be refined. Raises RefusedError where none is named."""
        service = self.vision()
        if service is None:
            raise RefusedError(
                "Refining needs a vision model, and none is named. Name one that the service has, with "
                "--set vision.model=NAME or TENFOLD_VISION_MODEL, or leave --refine out."
            )
        return service

    @property
    def spent(self) -> Spent:
        """What was asked and what that has cost so far: in the body of `using`, in that body."""
        account = _ACCOUNT.get()
        return self.budget.spent if account is None else replace(account.spent, currency=self.budget.prices.currency)

    def ready(self) -> None:
        """Make what threads are to share, before there are any. Raises RefusedError for prices that cannot be read."""
        _ = self.budget, self.replies, self.workshop

    def _connect(self, model: str, settings: Literal["plan", "vision"]) -> Service:
        from prompts.service.client import connect

        spec: PlanSpec | VisionSpec = self.plan if settings == "plan" else self.look
        try:
            return connect(
                model,
                base_url=spec.base_url,
                key=api_key(self.plan.secret),
                timeout_s=spec.timeout_s,
                retries=spec.retries,
                budget=self.budget,
                replies=self.replies,
                settings=settings,
            )
        except ServiceError as error:
            raise RefusedError(str(error)) from error


def _resolved(config: RunConfig) -> tuple[PlanSpec, VisionSpec]:
    """What the services follow from, the models of the environment filled in."""
    plan = config.plan.model_copy(update={"model": model_of(config.plan), "refine": 0})
    look = config.vision.model_copy(update={"model": config.vision.model or environment.read().vision_model})
    return plan, look


def spent_since(before: Spent, after: Spent) -> dict[str, Json]:
    """What was spent between two looks at a budget; a cost that is unknown stays None."""
    first, last = asdict(before), asdict(after)
    counted = {name: last[name] - (first[name] or 0) for name in last if isinstance(last[name], int | float)}
    return {**last, **counted}


def spent_in_all(accounts: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """The sum of several accounts of `spent_since`; a cost is None where one of them is."""
    from prompts.service.budget import Spent

    total: dict[str, Json] = asdict(Spent())
    for account in accounts:
        for name, value in account.items():
            counts = isinstance(value, int | float) and total[name] is not None
            total[name] = total[name] + value if counts else value if isinstance(value, str) else None
    return total


_SERVICES: ContextVar[Services | None] = ContextVar("services", default=None)
_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


def services_for(config: RunConfig, root: Path) -> Services:
    """Those of the command in progress, where it asks the same services; else new ones."""
    found = _SERVICES.get()
    return found if found is not None and found.serve(config, root) else Services(config, root)


@contextmanager
def using(services: Services) -> Iterator[Services]:
    """Runs in the body spend from these services' budget, on whichever way they are begun."""
    from prompts.service.budget import accounting

    with accounting() as account:
        tokens = _SERVICES.set(services), _ACCOUNT.set(account)
        try:
            yield services
        finally:
            _SERVICES.reset(tokens[0])
            _ACCOUNT.reset(tokens[1])


def spent_here() -> dict[str, Json]:
    """What was asked in the innermost body of `using`; empty where nothing was, or outside of any."""
    services, account = _SERVICES.get(), _ACCOUNT.get()
    if services is None or account is None or account.spent == type(account.spent)():
        return {}
    return asdict(services.spent)
