"""Progress on Prefect's page: an artefact of a flow run on a real server, and what becomes of it without one."""

import asyncio
import threading
import time

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.runtime import flow_run

from flows import progress_artifacts
from flows.progress_artifacts import reporting
from tasks import stopping
from tasks.events import StageDone, StageMoved, StageStarted, listener, listening
from tests.doubles.prefect_site import wait_until

pytestmark = [
    pytest.mark.usefixtures("server"),
    # Prefect leaves the sockets of its clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
STARTED, MOVED = StageStarted("sampling", 10, "steps, 3 levels"), StageMoved("sampling", 5)


def bars(run: str) -> list:
    """The progress artefacts of a flow run."""
    with get_client(sync_client=True) as client:
        own = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        return [artifact for artifact in client.read_artifacts(artifact_filter=own) if artifact.type == "progress"]


def in_thread(body):
    """What a function returns in a thread of its own, where no flow is seen."""
    found = []
    thread = threading.Thread(target=lambda: found.append(body()))
    thread.start()
    thread.join()
    return found[0]


@flow(persist_result=False)
async def slow(every_s: float, seconds: float) -> tuple[str, list]:
    run, between = flow_run.id, []
    with reporting("A slow [one]", every_s=every_s):
        listener()(STARTED)
        listener()(MOVED)
        if seconds:
            between = wait_until(lambda: in_thread(lambda: bars(run)), "a bar")
        listener()(StageDone("sampling", True, seconds))
    return run, between


def test_a_run_that_takes_long_has_one_bar_that_ends_full():
    events = []
    with listening(events.append):
        run, between = asyncio.run(slow(0.1, 60.0))
    assert [(bar.key, bar.data) for bar in between] == [("progress-a-slow-one", 31.0)]
    assert between[0].description == "A slow [one]: sampling: 5 of 10 steps, 3 levels"
    assert [(bar.data, bar.description) for bar in bars(run)] == [(100.0, "A slow [one]: done")]
    assert events[:2] == [STARTED, MOVED]


def test_a_quick_run_has_none():
    run, _ = asyncio.run(slow(60.0, 0.0))
    assert bars(run) == []


def test_a_server_that_fails_does_no_harm(monkeypatch):
    class Away:
        tries = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def create_artifact(self, _):
            Away.tries += 1
            raise ConnectionError("away")

    monkeypatch.setattr(progress_artifacts, "get_client", lambda **_: Away())

    @flow(persist_result=False)
    async def unseen() -> str:
        with reporting("Unseen", every_s=0.05):
            listener()(STARTED)
            wait_until(lambda: Away.tries > 2, "tries")
        return "made"

    assert asyncio.run(unseen()) == "made"


def test_a_server_that_hangs_is_not_waited_for_long(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(progress_artifacts, "LAST_S", 0.2)
    monkeypatch.setattr(progress_artifacts, "get_client", lambda **_: released.wait(60))

    @flow(persist_result=False)
    async def unheard() -> float:
        began = time.monotonic()
        with reporting("Unheard", every_s=0.05):
            listener()(STARTED)
        return time.monotonic() - began

    assert asyncio.run(unheard()) < 5
    released.set()


def test_outside_flows_nothing_is_reported_and_nobody_listens_less():
    events = []
    with listening(events.append), reporting("Alone"):
        listener()(STARTED)
    assert events == [STARTED]


def test_work_in_a_flow_run_can_be_asked_to_stop():
    @flow(persist_result=False)
    async def stopped() -> str:
        with stopping.fresh(), reporting("Stopped"):
            listener()(STARTED)
            stopping.ask()
            try:
                listener()(MOVED)
            except KeyboardInterrupt:
                return "at its step"
        return "not at all"

    assert asyncio.run(stopped()) == "at its step"
