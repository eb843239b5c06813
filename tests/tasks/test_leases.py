"""Leases: one holder at a time, taken over from whoever shows no life, whatever the clocks of the machines say."""

import json
import threading
import time

import pytest

from tasks.depot import leases
from tasks.depot.depot import open_depot
from tasks.depot.failures import AwayError
from tasks.depot.leases import FOLDER, TIMING, Timing, leased

QUICK = Timing(beat_s=0.05, stale_s=0.4, poll_s=0.02)


@pytest.fixture
def depot(memory):
    return open_depot(memory)


def names(depot):
    return sorted(entry.name for entry in depot.entries(FOLDER))


def left_behind(depot, generation=1, **facts):
    """A lease whose holder was killed."""
    content = json.dumps({"token": "gone", "mirror": "m", "host": "elsewhere", "beat": 3} | facts).encode()
    depot.write(f"{FOLDER}/w/{generation}.json", content)


def test_the_usual_times_give_work_back_well_below_two_minutes():
    assert TIMING.stale_s + TIMING.beat_s + 2 * TIMING.poll_s < 60
    assert TIMING.stale_s > 4 * TIMING.beat_s  # a late beat or two is no death


def test_one_holder_at_a_time(depot):
    inside, most, waits = [], [], []

    def work(number):
        with leased(depot, "w", str(number), timing=QUICK, on_wait=lambda: waits.append(number)):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.15)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert most == [1, 1, 1, 1]
    assert len(waits) == len(set(waits)) == 3  # told once, however long one waits
    assert names(depot) == []


def test_different_work_is_not_waited_for(depot):
    with leased(depot, "one", timing=QUICK), leased(depot, "two", timing=QUICK):
        assert len(names(depot)) == 2


def test_a_holder_that_lives_is_not_taken_over_however_long_it_works(depot):
    done, began = [], time.monotonic()
    with leased(depot, "w", "a", timing=QUICK):
        waiting = threading.Thread(target=lambda: [done.append(time.monotonic()) for _ in [0] if taken(depot)])
        waiting.start()
        time.sleep(3 * QUICK.stale_s)
        assert not done
    waiting.join(timeout=30)
    assert done[0] - began >= 3 * QUICK.stale_s


def taken(depot, mirror="b"):
    with leased(depot, "w", mirror, timing=QUICK) as lease:
        return lease.generation


@pytest.mark.parametrize("generation", [1, 7])
def test_a_lease_without_life_is_taken_over(depot, generation):
    left_behind(depot, generation)
    began = time.monotonic()
    assert taken(depot) == generation + 1
    assert QUICK.stale_s <= time.monotonic() - began < QUICK.stale_s + 5
    assert names(depot) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"token": 3}'])
def test_a_damaged_lease_is_one_without_life(depot, content):
    depot.write(f"{FOLDER}/w/1.json", content)
    assert taken(depot) == 2


def test_files_of_other_names_are_no_leases(depot):
    for name in ("x.json", "-1.json", "1.txt", "²"):
        depot.write(f"{FOLDER}/w/{name}", b"{}")
    assert taken(depot) == 1


def test_what_the_clock_on_the_wall_says_is_of_no_account(depot, monkeypatch):
    clock = iter(range(10**9, 0, -(10**6)))  # set back by eleven days at every look
    monkeypatch.setattr(time, "time", lambda: next(clock))
    left_behind(depot)
    began = time.monotonic()
    assert taken(depot) == 2
    assert time.monotonic() - began >= QUICK.stale_s


def test_a_process_of_the_same_machine_that_is_gone_is_not_waited_for(depot, monkeypatch):
    """Whoever holds the kernel's lock knows that the lease of the same mirror is left behind."""
    left_behind(depot, mirror="mine", host=leases.platform.node())
    began = time.monotonic()
    assert taken(depot, "mine") == 2
    assert time.monotonic() - began < QUICK.stale_s

    left_behind(depot, mirror="mine", host="a-copy-of-this-machine")
    began = time.monotonic()
    assert taken(depot, "mine") == 2
    assert time.monotonic() - began >= QUICK.stale_s


def test_a_holder_that_was_taken_for_dead_learns_it_and_harms_nobody(depot):
    with leased(depot, "w", "slow", timing=QUICK) as lease:
        depot.delete([lease.name])  # another took it over, was done, and gave it back
        depot.write(f"{FOLDER}/w/2.json", b"of another")
        deadline = time.monotonic() + 10
        while not lease.lost and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lease.lost
    assert names(depot) == [f"{FOLDER}/w/2.json"]


def test_an_error_gives_the_lease_back(depot):
    with pytest.raises(ZeroDivisionError), leased(depot, "w", timing=QUICK):
        raise ZeroDivisionError
    assert names(depot) == []


def test_the_answer_to_creating_it_was_lost(depot, monkeypatch):
    """It is asked for again, and the file that is there is one's own."""
    create = depot.create

    def lost(name, content):
        assert create(name, content)
        return create(name, content)

    monkeypatch.setattr(depot, "create", lost)
    assert taken(depot) == 1


def test_who_waits_while_the_store_is_away_does_not_take_over_a_holder_that_was_cut_off_as_well(depot, monkeypatch):
    left_behind(depot)
    read, away = depot.read, [True]
    depot.was_reached = True
    began = time.monotonic()

    def cut_off(name):
        if 0.5 * QUICK.stale_s < time.monotonic() - began < 1.25 * QUICK.stale_s and away:
            raise AwayError("x")
        return read(name)

    monkeypatch.setattr(depot, "read", cut_off)
    assert taken(depot) == 2
    assert time.monotonic() - began >= 2.2 * QUICK.stale_s  # the wait began anew


def test_a_store_that_stays_away_is_not_waited_for_for_ever(depot, monkeypatch):
    left_behind(depot)
    depot.was_reached = True
    monkeypatch.setattr(depot, "read", lambda name: (_ for _ in ()).throw(AwayError("x")))
    began = time.monotonic()
    with pytest.raises(AwayError):
        taken(depot)
    assert time.monotonic() - began < QUICK.stale_s + 5


def test_one_that_was_never_reached_is_told_at_once(depot, monkeypatch):
    monkeypatch.setattr(depot, "entries", lambda prefix: (_ for _ in ()).throw(AwayError("x")))
    depot.was_reached = False
    began = time.monotonic()
    with pytest.raises(AwayError):
        taken(depot)
    assert time.monotonic() - began < QUICK.stale_s


def test_who_waits_can_be_asked_to_stop(depot, monkeypatch):
    from tasks import stopping

    with leased(depot, "w", "a", timing=QUICK):
        monkeypatch.setattr(stopping, "check", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            taken(depot)
