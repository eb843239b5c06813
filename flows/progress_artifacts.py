"""How far a flow run is, on Prefect's page: an artefact with a bar, and lines in its log.

A thread of its own sends them, every few seconds at most, so that no step waits for a server that is slow or away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import FlowRunContext

import prompts
from flows.extent import Extent
from flows.lines import IN_FLIGHT_EVERY_S, Lines
from tasks.events import Event, listener, listening
from tasks.stopping import heeding

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

SEND_EVERY_S = 5.0
LAST_S = 5.0
"""How long the end of a flow run waits for its last news to be sent."""


@contextmanager
def reporting(title: str, *, every_s: float = SEND_EVERY_S) -> Iterator[None]:
    """Tell the events of the body on Prefect's page, too, where a flow runs it; who listens already hears them as well.

    A run that ends before the first time that something is sent has no bar. What is told is told at most every few
    seconds, and what cannot be sent is left out: no run fails because of its news.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        yield
        return
    extent, to = Extent(title), listener()
    lines = Lines(get_run_logger().info, every_s=IN_FLIGHT_EVERY_S)

    def listen(event: Event) -> None:
        to(event)
        extent.note(event)
        lines(event)

    with listening(heeding(listen)), _sending(_Bar(context.flow_run.id, extent).send, every_s):
        yield
        extent.end()


@contextmanager
def _sending(send: Callable[[SyncPrefectClient, bool], None], every_s: float) -> Iterator[None]:
    """Call `send` every few seconds, and once more at the end, in a thread that has a client of the server."""
    ended = threading.Event()

    def loop() -> None:
        try:
            with get_client(sync_client=True) as client:
                while not ended.wait(every_s):
                    _try(send, client, False)
                _try(send, client, True)
        except Exception:
            ended.wait()  # nobody to talk to

    thread = threading.Thread(target=copy_context().run, args=(loop,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(LAST_S)


def _try(send: Callable[[SyncPrefectClient, bool], None], client: SyncPrefectClient, last: bool) -> None:
    try:
        send(client, last)
    except Exception as error:  # whatever a server that is away makes of it: the next news may reach it
        get_run_logger().debug("Progress was not sent: %r", error)


class _Bar:
    """The progress artefact of a flow run: made with the first news, then brought up to date."""

    def __init__(self, flow_run: UUID, extent: Extent) -> None:
        self.flow_run, self.extent = flow_run, extent
        self.artifact: UUID | None = None
        self.sent: tuple[float, str] | None = None

    def send(self, client: SyncPrefectClient, last: bool) -> None:
        """Send what is new. The last news alone make no bar: the state of the flow run tells as much."""
        share, text = news = self.extent.percent, self.extent.text
        if news == self.sent or (last and self.artifact is None):
            return
        if self.artifact is None:
            key = f"progress-{prompts.slug(self.extent.title)}"
            made = ArtifactCreate(key=key, type="progress", description=text, data=share, flow_run_id=self.flow_run)
            self.artifact = client.create_artifact(made).id
        else:
            client.update_artifact(self.artifact, ArtifactUpdate(description=text, data=share))
        self.sent = news
