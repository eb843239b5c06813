"""When a keeper puts a flow run back, and when it must not: without a server, on a clock that is turned by hand."""

from itertools import count
from types import SimpleNamespace

import pytest

from flows import keeper_runs
from flows.keeper_names import Name
from flows.keeper_place import Process
from flows.keeper_runs import AWAY_S, GONE_S, RESTED_S, UNREPORTED_S, UNTAKEN_S, Ward

HERE, AWAY = "0" * 8, "f" * 8
OWN = Name("k", HERE, "000002")
EARLIER = Name("k", HERE, "000001")


class Server:
    """Stands for `flows.keeper_server`: what is in flight, who was heard of, and what was put back."""

    AGAIN = "Put back"

    def __init__(self):
        self.runs, self.crashes, self.workers, self.done, self.forgotten = [], [], {}, [], []
        self.away = False

    def in_flight(self, _client, _pool):
        if self.away:
            raise ConnectionError("no server")
        return list(self.runs)

    def crashed(self, _client, _pool):
        return list(self.crashes)

    def heartbeats(self, _client, _pool):
        return dict(self.workers)

    def sign_of_life(self, _client, run, worker):
        return run.heartbeat or worker

    def worker_of(self, run):
        return run.worker

    def has_parent(self, run):
        return run.parent

    def is_cancelling(self, run):
        return run.cancelling

    def forget(self, _client, _pool, worker):
        self.forgotten.append(worker)

    def put_back(self, _client, run, reason, *, most):
        if self.done.count(run.id) >= most:
            return "It is given up."
        self.done.append(run.id)
        return self.AGAIN


@pytest.fixture
def site(monkeypatch):
    server = Server()
    monkeypatch.setattr(keeper_runs, "server", server)
    killed = []
    monkeypatch.setattr(keeper_runs, "end", lambda run, _found: killed.append(run))
    clock = SimpleNamespace(now=1000.0)
    living = []
    ward = Ward(None, "pool", lambda: OWN, lambda _: None, clock=lambda: clock.now, look_at=lambda: list(living))
    ward.names = {str(EARLIER), str(OWN)}
    return SimpleNamespace(server=server, ward=ward, clock=clock, living=living, killed=killed)


numbers = count()


def run(worker, **more):
    number = next(numbers)
    facts = {"heartbeat": None, "parent": False, "cancelling": False, "state": None, "state_id": number} | more
    return SimpleNamespace(id=f"run {number}", name=f"run {number}", worker=str(worker), **facts)


def after(site, seconds):
    """Look now, and every five seconds for so many; returns whose runs were put back."""
    site.ward.look()
    while seconds > 0:
        site.clock.now += min(seconds, 5)
        seconds -= 5
        site.ward.look()
    return site.server.done


def test_of_a_dead_worker_on_this_machine_after_a_short_time(site):
    one = run(EARLIER)
    site.server.runs = [one]
    assert after(site, GONE_S - 1) == []
    site.clock.now += 1
    site.ward.look()
    assert site.server.done == [one.id]


def test_never_while_its_process_lives(site):
    one = run(EARLIER)
    site.server.runs = [one]
    site.living.append(Process(1, one.id, str(EARLIER), leads=True))
    assert after(site, 1000) == []


def test_offspring_that_outlives_the_process_is_killed_first(site):
    one = run(EARLIER)
    site.server.runs = [one]
    site.living.append(Process(2, one.id, str(EARLIER), leads=False))
    assert after(site, GONE_S) == [one.id] == site.killed


def test_one_that_changes_meanwhile_is_waited_for_anew(site):
    one = run(EARLIER)
    site.server.runs = [one]
    site.ward.look()
    one.state_id = "later"
    assert after(site, GONE_S - 1) == []


def test_a_living_worker_reports_itself_and_is_started_again_when_it_does_not(site):
    site.server.runs = [run(OWN)]
    assert after(site, UNREPORTED_S - 1) == []
    assert not site.ward.is_deaf
    site.clock.now += 1
    site.ward.look()
    assert site.ward.is_deaf
    assert site.server.done == []


def test_of_another_machine_only_when_nothing_was_heard(site):
    worker = str(Name("k", AWAY, "000001"))
    quiet, loud = run(worker), run(worker, heartbeat="first")
    site.server.runs, site.server.workers = [quiet, loud], {worker: 1}
    assert after(site, AWAY_S / 2) == []
    loud.heartbeat = "second"
    assert after(site, AWAY_S / 2) == [quiet.id]


def test_of_a_worker_without_a_keeper_by_its_signs_of_life(site):
    site.server.runs, site.server.workers = [run("somebody's own")], {"somebody's own": 1}
    for beat in range(2, 20):
        site.server.workers["somebody's own"] = beat
        assert after(site, 30) == []
    assert len(after(site, AWAY_S)) == 1


def test_taken_by_nobody_knows_whom(site):
    site.server.runs = [run("")]
    assert after(site, UNTAKEN_S - 1) == []
    assert len(after(site, 1)) == 1


def test_another_keeper_of_this_machine_sees_to_its_own(site, monkeypatch):
    site.server.runs = [run(Name("other", HERE, "000001"))]
    monkeypatch.setattr(keeper_runs, "is_held", lambda _pool, base: base == "other")
    assert after(site, 1000) == []
    monkeypatch.setattr(keeper_runs, "is_held", lambda _pool, _base: False)
    assert len(after(site, GONE_S)) == 1


def test_a_time_without_a_server_does_not_count(site):
    site.server.runs = [run(EARLIER)]
    assert after(site, 5) == []
    site.server.away = True
    for _ in range(100):
        site.clock.now += 5
        with pytest.raises(ConnectionError):
            site.ward.look()
    site.server.away = False
    assert after(site, GONE_S - 6) == []
    assert len(after(site, 1)) == 1


def test_an_answer_that_fails_now_and_then_does_not_put_it_off(site):
    site.server.runs = [run(EARLIER)]
    for turn in range(4):
        site.clock.now += 5
        site.server.away = turn % 2 == 1
        try:
            site.ward.look()
        except ConnectionError:
            continue
    site.server.away = False
    assert len(after(site, 0)) == 1


def test_cancelled_ones_whose_worker_is_dead_are_ended(site):
    one, other = run(EARLIER, cancelling=True), run(OWN, cancelling=True)
    site.server.runs = [one, other]
    site.living += [Process(1, one.id, str(EARLIER), True), Process(2, other.id, str(OWN), True)]
    site.ward.look()
    assert site.killed == [one.id]


def test_crashed_ones_are_tried_again_a_few_times_unless_a_parent_does_it(site):
    one, child, old = run(OWN), run(OWN, parent=True), run(Name("k", HERE, "aaaaaa"))
    site.server.crashes = [one, child, old]
    assert after(site, RESTED_S - 1) == []
    assert after(site, 1) == [one.id]
    for turn in range(5):
        one.state_id = f"crashed again {turn}"
        after(site, RESTED_S)
    assert site.server.done == [one.id] * 3
    assert site.ward.given_up == {one.id}


def test_earlier_starts_are_forgotten_once_they_have_no_runs(site):
    kept, idle = Name("k", HERE, "00000a"), Name("k", HERE, "00000b")
    others = [Name("k", AWAY, "00000c"), Name("other", HERE, "00000d"), OWN]
    site.server.runs = [run(kept)]
    site.server.workers = {str(name): 1 for name in (kept, idle, *others)}
    site.ward.look()
    assert site.server.forgotten == [str(idle)]
