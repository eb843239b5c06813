"""What a keeper asks of Prefect's server, and what it changes there."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from flows.pools import PARENTS, VIDEOS
from tasks.errors import RefusedError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State, StateType

WORKER_LABEL = "prefect.worker.name"
PUT_BACK = "Rescheduled"
"""Name of the state of a run that a keeper has put back."""
AGAIN = "Put back"
CHILD = "video-"
"""How the key begins of a run that a parent has submitted, and submits again itself."""
HEARTBEAT = "prefect.flow-run.heartbeat"
PAGE, NEWEST = 200, 50
TIMEOUT_S = 20.0


def connect(stack: ExitStack, *, patient: bool = False) -> SyncPrefectClient:
    """A client of the server. Unless it is patient it says soon when the server is away: who keeps a worker has no
    time to wait. Raises RefusedError where no server is named.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_API_URL,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    if PREFECT_API_URL.value() is None:
        raise RefusedError(
            "Workers and deployments need a server. Start one with `prefect server start`, and name it with "
            "`prefect config set PREFECT_API_URL=http://HOST:4200/api` on every machine."
        )
    if not patient:
        hurried = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: TIMEOUT_S}
        stack.enter_context(temporary_settings(hurried))
    return stack.enter_context(get_client(sync_client=True))


def check_pool(client: SyncPrefectClient, name: str) -> None:
    """Refuse a pool that the server does not have: Prefect's worker would make it, and wait there for nothing.

    A server that is away says nothing of its pools: its worker waits for it.
    """
    import httpx
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

    try:
        client.read_work_pool(name)
    except ObjectNotFound as error:
        raise RefusedError(
            f"There is no work pool {name!r} on this server. `tenfold setup-prefect` makes {VIDEOS} and {PARENTS}; "
            "`prefect work-pool create NAME --type process` makes others."
        ) from error
    except (httpx.TransportError, PrefectHTTPStatusError):
        return


def in_flight(client: SyncPrefectClient, pool: str) -> list[FlowRun]:
    """All runs of the pool that a worker has taken and that have not ended."""
    from prefect.client.schemas.objects import StateType

    found: list[FlowRun] = []
    while True:
        page = _runs(client, pool, StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, skip=len(found))
        found += page
        if len(page) < PAGE:
            return found


def crashed(client: SyncPrefectClient, pool: str) -> list[FlowRun]:
    """The newest runs of the pool that ended without a result."""
    from prefect.client.schemas.objects import StateType

    return _runs(client, pool, StateType.CRASHED, limit=NEWEST)


def _runs(client: SyncPrefectClient, pool: str, *states: StateType, skip: int = 0, limit: int = PAGE) -> list[FlowRun]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        WorkPoolFilter,
        WorkPoolFilterName,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        sort=FlowRunSort.END_TIME_DESC if StateType.CRASHED in states else FlowRunSort.ID_DESC,
        limit=limit,
        offset=skip,
    )


def worker_of(run: FlowRun) -> str:
    """The name of the worker that has taken a run; empty when none has said so."""
    return str((run.labels or {}).get(WORKER_LABEL, ""))


def has_parent(run: FlowRun) -> bool:
    """Whether another flow run waits for this one and submits it again where it must be."""
    return run.parent_task_run_id is not None or (run.idempotency_key or "").startswith(CHILD)


def is_cancelling(run: FlowRun) -> bool:
    """Whether somebody has cancelled it, and it has not ended yet."""
    return run.state is not None and run.state.is_cancelling()


def heartbeats(client: SyncPrefectClient, pool: str) -> dict[str, object]:
    """When the server has last heard of each worker of a pool, by the worker's name."""
    return {worker.name: worker.last_heartbeat_time for worker in client.read_workers_for_work_pool(pool)}


def forget(client: SyncPrefectClient, pool: str, worker: str) -> None:
    """Take a worker that is no more off the server's list; a list without it is as good."""
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

    with suppress(ObjectNotFound, PrefectHTTPStatusError):
        client.request(
            "DELETE",
            "/work_pools/{work_pool_name}/workers/{name}",
            path_params={"work_pool_name": pool, "name": worker},
        )


def sign_of_life(client: SyncPrefectClient, run: FlowRun, worker: object) -> object:
    """What changes as long as a run is alive: its own heartbeat if it has one, otherwise its worker's."""
    from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter

    asked = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]), resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"])
    )
    events = client.read_events(asked, limit=1).events
    own = run.state is not None and run.state.is_running() and events
    return events[0].id if own else worker


def put_back(client: SyncPrefectClient, run: FlowRun, reason: str, *, most: int) -> str:
    """Schedule a run again, or, where somebody has cancelled it, let it be cancelled; returns what was done, in words.

    A run that has changed since it was read is left as it is, and nothing is returned. One that was put back `most`
    times is given up as crashed.
    """
    from prefect.states import Cancelled, Crashed, Scheduled

    now = client.read_flow_run(run.id)
    if now.state is None or run.state is None or now.state.id != run.state.id:
        return ""
    if now.state.is_cancelling():
        client.set_flow_run_state(run.id, Cancelled(message=f"Cancelled; {reason}."), force=True)
        return "It was cancelled."
    count = _returns(client, run.id)
    if count >= most:
        if not now.state.is_crashed():
            client.set_flow_run_state(run.id, Crashed(message=f"Given up after {count} tries: {reason}."), force=True)
        return f"It is given up after {count} tries."
    # Its own time of long ago: one of this machine's clock might lie in the server's future.
    state: State[None] = Scheduled(name=PUT_BACK, scheduled_time=run.expected_start_time, message=f"{AGAIN}: {reason}.")
    client.set_flow_run_state(run.id, state, force=True)
    return f"{AGAIN}; it goes on from its last finished step."


def _returns(client: SyncPrefectClient, run: UUID) -> int:
    return sum(state.name == PUT_BACK for state in client.read_flow_run_states(run))
