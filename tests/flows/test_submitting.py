"""Children of a parent flow on a real server: found again, submitted again, given up; nobody waits for ever."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running, Scheduled, State
from prefect.types._datetime import now

from flows import submitting
from flows.desk import Desk
from flows.submitting import Order, Patience, Submission
from flows.telling import show_outcome
from flows.zoom import zoom
from tasks.batch.outcome import Outcome
from tasks.errors import RefusedError

POOL, STRICT, QUICKLY = "videos", "zoom", "unlooked"
STORY = {"title": "A", "p": 2, "levels": ["a", "b"]}
QUICK = Patience(poll_s=0.05, worker_s=60, whole_s=60, again_s=0.01)

pytestmark = [
    # Prefect leaves the sockets of its clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def deployed(server):
    """The deployment of videos, and no worker."""
    asyncio.run(_deploy())


async def _deploy() -> None:
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        flow_id = await client.create_flow(zoom)
        schema = zoom.parameters.model_dump_for_openapi()
        for name, strict in ((STRICT, True), (QUICKLY, False)):  # looking a schema over takes the server a while
            told = {"parameter_openapi_schema": schema, "enforce_parameter_schema": strict}
            await client.create_deployment(flow_id, name, work_pool_name=POOL, **told)


def order(name: str, **more) -> Order:
    return Order(name, {"story": STORY | {"title": name}, **more}, ("batch",))


class Acting:
    """Does to the runs of a submission what workers and people do: a state for each look at each order's latest run."""

    def __init__(self, **acts: list[State]) -> None:
        self.acts, self.seen, self.ends, self.begun, self.said = acts, {}, {}, [], []

    async def carry_out(self, *orders: Order, patience: Patience = QUICK, deployment: str = QUICKLY) -> Submission:
        async with get_client() as client:
            self.client = client
            desk = Desk(client)
            desk.runs, self.looked = self._acted, desk.runs
            desk.has_worker = self._has_worker
            submission = Submission(
                desk,
                f"zoom/{deployment}",
                on_begin=lambda one: self.begun.append(one.name),
                on_end=lambda one, outcome: self.ends.setdefault(one.name, outcome),
                patience=patience,
                say=self.said.append,
            )
            await submission.carry_out(orders)
            return submission

    worker = True

    async def _has_worker(self, _pool: str) -> bool:
        return self.worker

    async def _acted(self, ids) -> list[FlowRun]:
        for run in await self.looked(ids):
            self.seen.setdefault(run.name, []).append(run)
            left = self.acts.get(run.name, [])
            if left:
                act = left.pop(0)
                done = act(self.client, run) if callable(act) else self._set(run, act)
                await done
        return await self.looked(ids)

    async def _set(self, run: FlowRun, state: State) -> None:
        await self.client.set_flow_run_state(run.id, state, force=True)

    def runs(self, name: str) -> list[str]:
        """The keys of an order's runs, in the order of their being seen."""
        return list(dict.fromkeys(run.idempotency_key for run in self.seen[name]))


async def tells(client, run):
    """A video's flow that tells what it made, and ends."""
    with FlowRunContext.model_construct(flow_run=run):
        await show_outcome("told", Outcome("made", seconds=3, evaluations=7))
    await client.set_flow_run_state(run.id, Completed(), force=True)


def test_every_end_of_a_run_is_the_outcome_that_it_means():
    async def vanishes(client, run):
        await client.delete_flow_run(run.id)

    acting = Acting(
        told=[Pending(), Running(), tells],
        silent=[Completed()],
        broken=[Running(), Failed(message="out of memory")],
        stopped=[Cancelled()],
        gone=[vanishes],
    )
    asyncio.run(acting.carry_out(*map(order, acting.acts)))
    asyncio.run(acting.carry_out(order("wrong", config={"film": {"fsp": 3}}), deployment=STRICT))
    assert acting.ends["told"] == Outcome("made", seconds=3, evaluations=7)
    assert (acting.ends["silent"].state, acting.ends["broken"].error) == ("made", "out of memory")
    assert "cancelled" in acting.ends["stopped"].error
    assert "deleted" in acting.ends["gone"].error
    assert acting.ends["wrong"].state == "refused"
    assert "'fsp' was unexpected" in acting.ends["wrong"].error
    assert sorted(acting.begun) == sorted(acting.ends)


def test_a_process_that_dies_is_replaced_a_few_times_and_then_no_more():
    acting = Acting(once=[Crashed(message="killed"), Completed()], ever=[Crashed(message="killed")] * 9)
    asyncio.run(acting.carry_out(order("once"), order("ever")))
    assert acting.ends["once"].state == "made"
    assert [key[-2:] for key in acting.runs("once")] == ["-1", "-2"]
    assert "died 3 times: killed" in acting.ends["ever"].error
    assert len(acting.runs("ever")) == 3
    assert len([text for text in acting.said if "submitted again" in text]) == 3


def test_a_parent_that_is_started_again_finds_its_children():
    killed = Acting(both=[Running()])

    async def parent_that_is_killed():
        parent = asyncio.create_task(killed.carry_out(order("both")))
        while "both" not in killed.seen:
            await asyncio.sleep(0.05)
        parent.cancel()

    asyncio.run(parent_that_is_killed())
    again = Acting(both=[Completed()])
    asyncio.run(again.carry_out(order("both")))
    assert again.ends["both"].state == "made"
    assert again.seen["both"][0].id == killed.seen["both"][0].id
    once_more = Acting(both=[Completed()])  # what had ended says nothing of what is there now
    asyncio.run(once_more.carry_out(order("both")))
    assert [key[-2:] for key in once_more.runs("both")] == ["-2"]


def test_a_parent_that_died_is_told_what_its_children_have_made_meanwhile():
    wanted = replace(order("meanwhile"), by="night")
    asyncio.run(Acting(meanwhile=[tells]).carry_out(wanted))
    again = Acting()
    asyncio.run(again.carry_out(wanted))
    assert again.ends["meanwhile"] == Outcome("made", seconds=3, evaluations=7)
    next_night = Acting(meanwhile=[Completed()])
    asyncio.run(next_night.carry_out(replace(wanted, by="next night")))
    assert [key[-2:] for key in next_night.runs("meanwhile")] == ["-2"]


def test_two_parents_share_the_run_of_what_both_want():
    first, second = Acting(shared=[Running(), Running(), Completed()]), Acting()

    async def at_once():
        await asyncio.gather(first.carry_out(order("shared")), second.carry_out(order("shared")))

    asyncio.run(at_once())
    assert {run.id for run in first.seen["shared"]} == {run.id for run in second.seen["shared"]}
    assert (first.ends["shared"].state, second.ends["shared"].state) == ("made", "made")


def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr(submitting, "NOTICE_S", 0.1)
    lonely = Acting(running=[Running()])
    lonely.worker = False
    submission = asyncio.run(
        lonely.carry_out(order("running"), order("queued"), patience=Patience(0.05, worker_s=0.6, whole_s=60))
    )
    assert "no worker of the work pool videos was there" in lonely.ends["queued"].error
    assert lonely.ends["running"].error == lonely.ends["queued"].error
    assert submission.alone_s > 0.5
    assert any("tenfold worker" in text for text in lonely.said)
    slow = Acting(slow=[Running()])
    asyncio.run(slow.carry_out(order("slow"), patience=Patience(0.05, whole_s=0.5)))
    assert "not finished within" in slow.ends["slow"].error


def test_what_is_stuck_or_put_off_by_a_clock_is_due_again(monkeypatch):
    monkeypatch.setattr(submitting, "STUCK_S", 0.3)
    later = Scheduled(scheduled_time=now("UTC") + timedelta(hours=1))
    wait = [Pending()] * 12

    async def is_due(client, run):
        assert (run.state.state_details.scheduled_time - now("UTC")).total_seconds() < 5
        await client.set_flow_run_state(run.id, Completed(), force=True)

    async def is_scheduled(client, run):
        assert run.state.is_scheduled()
        await client.set_flow_run_state(run.id, Completed(), force=True)

    async def nothing(_client, _run):
        await asyncio.sleep(0.6)

    acting = Acting(moved=[later, is_due], stuck=[wait[0], nothing, is_scheduled])
    asyncio.run(acting.carry_out(order("moved"), order("stuck")))
    assert {one.state for one in acting.ends.values()} == {"made"}


def test_a_deployment_that_is_not_there_is_refused_with_the_remedy():
    with pytest.raises(RefusedError, match="setup-prefect"):
        asyncio.run(Acting().carry_out(order("any"), deployment="nowhere"))
