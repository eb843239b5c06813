"""What a parent flow asks of Prefect's server about the runs of its children, patiently where the server is away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Scheduled
from prefect.types._datetime import now

from tasks.batch.outcome import Outcome
from tasks.errors import RefusedError, RunError

T = TypeVar("T")
PAGE = 200
"""Rows that the server gives at a time."""
OUTCOME = "video-"
"""Beginning of the keys of artefacts in which a video's flow tells what came of it."""
_BUSY = (408, 429, 500, 502, 503, 504)
_LONGEST_PAUSE_S = 10.0


@dataclass
class Desk:
    """Asks the server. outage_s: how long it may be away before RunError is raised. on_wait: told when it is away."""

    client: PrefectClient
    outage_s: float = 900.0
    on_wait: Callable[[str], None] = field(default=lambda _text: None)

    async def deployment(self, name: str) -> DeploymentResponse:
        """The deployment `flow/deployment`. Raises RefusedError where there is none."""
        try:
            return await self._asked(lambda: self.client.read_deployment_by_name(name))
        except ObjectNotFound as error:
            raise RefusedError(
                f"There is no deployment {name!r} on this server. `tenfold setup-prefect` makes those of Tenfold; or "
                "make the videos here, with engine: here."
            ) from error

    async def submit(self, deployment: UUID, *, delay_s: float = 0.0, **order: Any) -> FlowRun:
        """Submit a run, or find the one that was submitted with the same key. Raises RefusedError where the server
        refuses the parameters."""
        due = now("UTC") + timedelta(seconds=delay_s)
        try:
            return await self._asked(
                lambda: arun_deployment(deployment, client=self.client, timeout=0, scheduled_time=due, **order)
            )
        except PrefectHTTPStatusError as error:
            raise RefusedError(_reason(error)) from error

    async def runs(self, ids: Sequence[UUID]) -> list[FlowRun]:
        """Runs as they are now; those that somebody has deleted are missing."""
        found: list[FlowRun] = []
        for first in range(0, len(ids), PAGE):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(ids[first : first + PAGE])))
            found += await self._read(wanted)
        return found

    async def attempts(self, keys: Sequence[str]) -> list[FlowRun]:
        """Runs that were submitted with one of these keys, which are tags of theirs."""
        found: list[FlowRun] = []
        for first in range(0, len(keys), PAGE):
            wanted, page = FlowRunFilter(tags=FlowRunFilterTags(any_=list(keys[first : first + PAGE]))), 0
            while len(more := await self._read(wanted, page * PAGE)) == PAGE:
                found, page = found + more, page + 1
            found += more
        return found

    async def _read(self, wanted: FlowRunFilter, offset: int = 0) -> list[FlowRun]:
        return await self._asked(
            lambda: self.client.read_flow_runs(
                flow_run_filter=wanted, limit=PAGE, offset=offset, sort=FlowRunSort.ID_DESC
            )
        )

    async def has_worker(self, pool: str) -> bool:
        """Whether a worker of the pool has been heard of lately."""
        workers = await self._asked(lambda: self.client.read_workers_for_work_pool(pool))
        return any(worker.status == WorkerStatus.ONLINE for worker in workers)

    async def schedule_now(self, run: UUID) -> None:
        """Make a run due that waits for a time which a clock that was moved has put off."""
        await self._asked(lambda: self.client.set_flow_run_state(run, Scheduled(), force=True))

    async def outcome(self, run: UUID) -> Outcome | None:
        """What a video's flow has told of itself; None where it has told nothing."""
        wanted = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[run]), key=ArtifactFilterKey(like_=f"{OUTCOME}%")
        )
        artifacts = await self._asked(lambda: self.client.read_artifacts(artifact_filter=wanted))
        for artifact in artifacts:
            try:
                (row,) = json.loads(str(artifact.data))
                return Outcome.from_json(json.loads(row["outcome"]))
            except (ValueError, KeyError, TypeError):  # of another version, or of somebody else
                continue
        return None

    async def _asked(self, act: Callable[[], Awaitable[T]]) -> T:
        """What the server answers, asked again while it is away."""
        began, pause_s = time.monotonic(), 1.0
        while True:
            try:
                return await act()
            except (httpx.TransportError, PrefectHTTPStatusError) as error:
                if isinstance(error, PrefectHTTPStatusError) and error.response.status_code not in _BUSY:
                    raise
                away_s = time.monotonic() - began
                if away_s > self.outage_s:
                    raise RunError(f"Prefect's server has not answered for {away_s:.0f} s: {error!r:.200}.") from error
                self.on_wait(f"Prefect's server does not answer ({type(error).__name__}); asking again.")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _reason(error: PrefectHTTPStatusError) -> str:
    """What the server says of a request that it refuses."""
    try:
        told = error.response.json()
    except ValueError:
        told = {}
    detail = told.get("detail") or told.get("exception_detail") if isinstance(told, dict) else None
    words = detail if isinstance(detail, str) else json.dumps(detail) if detail else str(error)
    return " ".join(words.split())[:1000]
