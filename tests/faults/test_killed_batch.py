"""`kill -9` of the process that makes a batch, at random moments; and two processes at once over the same stories."""

import os
import random
import time

import pytest

from tests.doubles.ledger import Ledger
from tests.doubles.outside_world import Clock
from tests.doubles.painter import Studio
from tests.doubles.prefect_site import Process, wait_until
from tests.faults import batch_of_six as six

PAUSE_S = 0.1
IN_FLIGHT = 2


def start(home, ledger: Ledger, name: str, more=None) -> Process:
    """The batch of six, in a process of its own that the ledger watches."""
    return six.start(home, home / "runs", ledger, name, PAUSE_S, more)


def seed() -> int:
    """Another one each time; TENFOLD_FAULTS_SEED repeats one."""
    return int(os.environ.get("TENFOLD_FAULTS_SEED") or random.SystemRandom().randrange(2**32))


def kill_at_random(home, ledger: Ledger, kills: int, more=None) -> int:
    """Start the batch and kill it, so many times; then let it end. Returns how often it had begun to evaluate."""
    number = seed()
    print(f"TENFOLD_FAULTS_SEED={number}")
    chance, share = random.Random(number), 6 * six.STEPS / (kills + 1)
    for kill in range(kills):
        process = start(home, ledger, f"killed-{kill}", more)
        before = len(ledger.lines("begun"))
        wanted = int(share * (kill + chance.random()))  # by progress, not by time: the batch has more to do after it

        def far_enough(before: int = before, wanted: int = wanted, process: Process = process) -> bool:
            has_come = len(ledger.lines("begun")) > before and len(ledger.lines("evaluated")) >= wanted
            return has_come or not process.alive

        wait_until(far_enough, "the moment of a kill", every_s=0.01)
        time.sleep(chance.uniform(0, PAUSE_S))
        assert process.alive, f"seed {number}: over before kill {kill + 1}: {process.text[-2000:]}"
        process.kill()
    return number


def assert_made_once(ledger: Ledger, kills: int, undisturbed) -> None:
    """Nothing was made twice but the steps, one in each thread, that a kill interrupted; every stage counts once."""
    assert len(ledger.evaluations()) == undisturbed.evaluations
    assert ledger.again() <= kills * IN_FLIGHT
    twice = {stage: count for stage, count in ledger.made().items() if count > 1}
    assert not twice


def check_kills(home, kills: int, undisturbed) -> None:
    ledger = Ledger(home / "ledger")
    number = kill_at_random(home, ledger, kills)
    six.assert_whole(home / "runs")
    last = start(home, ledger, "last")
    assert last.wait() == 0, f"seed {number}: {last.text[-2000:]}"
    six.assert_right(home / "runs", undisturbed.files)
    assert_made_once(ledger, kills, undisturbed)
    assert not [*(home / "runs").rglob("*.part")], "what a killed process has half-written is tidied up"


def test_killed_twice_the_batch_ends_as_if_nothing_had_been(tmp_path, undisturbed):
    check_kills(tmp_path, 2, undisturbed)


@pytest.mark.slow
def test_killed_ten_times_the_batch_ends_as_if_nothing_had_been(tmp_path, undisturbed):
    check_kills(tmp_path, 10, undisturbed)


def test_two_batches_at_once_make_nothing_twice(tmp_path, undisturbed):
    ledger = Ledger(tmp_path / "ledger")
    both = [start(tmp_path, ledger, f"batch-{number}") for number in range(2)]
    assert [process.wait() for process in both] == [0, 0], [process.text[-2000:] for process in both]
    six.assert_right(tmp_path / "runs", undisturbed.files)
    assert ledger.again() == 0
    assert set(ledger.made().values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("moved_s", [-36 * 3600, 400 * 86400])
def test_the_clock_is_moved_while_a_batch_runs_and_is_killed(tmp_path, undisturbed, moved_s):
    ledger, clock = Ledger(tmp_path / "ledger"), Clock(tmp_path)
    process = start(tmp_path, ledger, "moved", clock.variables)
    wait_until(lambda: len(ledger.lines("evaluated")) >= six.STEPS or not process.alive, "a story", every_s=0.02)
    clock.move(moved_s)
    wait_until(lambda: len(ledger.lines("evaluated")) >= 3 * six.STEPS or not process.alive, "more", every_s=0.02)
    process.kill()
    last = start(tmp_path, ledger, "last", clock.variables)
    assert last.wait() == 0, last.text[-2000:]
    six.assert_right(tmp_path / "runs", undisturbed.files)
    assert_made_once(ledger, 1, undisturbed)
    studio = Studio()
    assert six.states(six.make(tmp_path / "runs", studio)) == {"reused": 6}, "by a clock that is right again"
    assert studio.loaded == []
