"""Runs the zoom flow from the command: on the server that the user has named, or a quiet one for this run only."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from prompts import Story
from tasks import environment
from tasks.events import Listener, listening
from tasks.specs import RunConfig


def has_server() -> bool:
    """Whether the user's settings of Prefect name a server."""
    environment.quiet_engine()
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() is not None


def run_flow(story: Story, config: RunConfig, root: Path, force: bool, listener: Listener) -> dict[str, Any]:
    """Run the flow and return its facts. Raises ServerError where an embedded server is needed but does not start."""
    environment.quiet_engine()
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    from flows.server import embedded_server

    with ExitStack() as stack:
        stack.enter_context(listening(listener))
        stack.enter_context(stoppable())
        if PREFECT_API_URL.value() is None:
            url = stack.enter_context(embedded_server(PREFECT_HOME.value()))
            stack.enter_context(temporary_settings({PREFECT_API_URL: url}))
        from flows.zoom import zoom

        return asyncio.run(zoom(story, config, root, force))


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C stop the body at once; asyncio's own handler, which does not replace ours, would await the stage."""
    before = signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
