"""Runs flows from the command: on the server that the user has named, or a quiet one for this run only."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from flows.interrupts import stoppable
from flows.server import ServerError, embedded_server
from tasks import environment
from tasks.events import Listener, StageDone, StageMoved, StageStarted, listening

SEND_TIMEOUT_S = 15


def has_server() -> bool:
    """Whether the user's settings of Prefect name a server."""
    environment.quiet_engine()
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() is not None


def run_flow(start: Callable[[], Any], listener: Listener) -> Any:
    """Call a flow, with a server, and return what it returns; its events go to `listener`.

    `start` imports and calls the flow. Raises ServerError where the server that Prefect's settings name cannot be
    reached, or an embedded one does not start, and KeyboardInterrupt where a signal ends it.
    """
    environment.quiet_engine()
    from prefect.exceptions import TerminationSignal
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with ExitStack() as stack:
        stack.enter_context(listening(listener))
        stack.enter_context(stoppable())
        if PREFECT_API_URL.value() is not None:
            asyncio.run(_check_server(str(PREFECT_API_URL.value())))
        else:
            began = time.monotonic()
            listener(StageStarted("engine", 1, "server"))
            url = stack.enter_context(embedded_server(PREFECT_HOME.value()))
            listener(StageMoved("engine", 1))
            listener(StageDone("engine", True, time.monotonic() - began))
            stack.enter_context(temporary_settings({PREFECT_API_URL: url}))
            stack.callback(_send_events)
        try:
            result = start()
            return asyncio.run(_finished(result)) if inspect.isawaitable(result) else result
        except TerminationSignal as error:  # how Prefect, while a flow runs, tells of SIGTERM
            raise KeyboardInterrupt from error


async def _check_server(url: str) -> None:
    from prefect.client.orchestration import get_client

    try:
        async with get_client() as client:
            fault = await client.api_healthcheck()
    except Exception as error:  # whatever a client can raise: the server is of no use
        fault = error
    if fault is not None:
        raise ServerError(f"Prefect's server at {url} cannot be reached: {fault}.")


def _send_events() -> None:
    """Give the server what is queued for it before it stops; the interpreter would try to at its end, for long."""
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=SEND_TIMEOUT_S)


async def _finished(result: Awaitable[Any]) -> Any:
    return await result
