"""Two machines (processes with caches of their own) and one bucket of a real S3 service: nothing is made twice."""

import json
import sys
import time
from collections import Counter

import pytest

from tests.doubles.outside_world import S3_SERVICE, s3_bucket
from tests.doubles.prefect_site import ROOT, Process, variables, wait_until

ALL = "0,1,2,3"


class Machines:
    """Starts machines on one bucket, and reads what they have told."""

    def __init__(self, bucket, url, folder):
        self.bucket, self.url, self.folder = bucket, url, folder
        self.files = bucket.files()
        self.ledger = folder / "ledger"
        self.started = []

    def start(self, name, stages=ALL, seconds=0.4, timing="quick"):
        told = [self.url, str(self.ledger), stages, str(seconds), timing]
        command = [sys.executable, "-m", "tests.doubles.stage_maker", *told]
        env = variables(self.folder / name, self.bucket.variables)
        self.started.append(Process(command, env, ROOT, self.folder / f"{name}-{len(self.started)}.log"))
        return self.started[-1]

    def told(self, what):
        lines = self.ledger.read_text().split("\n")[:-1] if self.ledger.exists() else []
        return [line for line in map(json.loads, lines) if line["what"] == what]

    def times(self, what):
        return Counter(line["stage"] for line in self.told(what))

    def kept(self):
        """What the bucket holds, by name."""
        return {name: self.files.cat_file(name) for name in self.files.find(self.url)}

    def done(self):
        for process in self.started:
            wait_until(lambda process=process: not process.alive, "a machine's end", within_s=60)
        return [process.text.rstrip().endswith("done") for process in self.started]


@pytest.fixture
def machines(bucket, s3, tmp_path):
    made = Machines(bucket, s3, tmp_path)
    yield made
    for process in made.started:
        process.kill()


def test_machines_never_make_the_same_thing_at_the_same_time(machines):
    machines.start("a")
    machines.start("b")
    assert machines.done() == [True, True]
    assert machines.times("begun") == machines.times("ended") == dict.fromkeys(range(4), 1)
    assert machines.times("waits")  # they did meet
    files = [name.rpartition("/")[2] for name in machines.files.find(machines.url)]
    assert len(files) == 8  # four manifests, four pictures: no leases, no checkpoints
    assert not [name for name in files if name.endswith(".part")]


def test_a_holder_that_is_killed_is_taken_over_and_gone_on_from(machines):
    holder = machines.start("a", stages="0", seconds=60)
    wait_until(lambda: machines.told("begun"), "the first machine at work", 30)
    copied = f"{machines.url}/.cache/work"
    wait_until(lambda: machines.files.find(copied), "a copy of its checkpoint", 30)
    machines.start("b", stages="0", seconds=1)
    wait_until(lambda: machines.told("waits"), "the second machine waiting", 30)
    time.sleep(2)  # longer than a lease without life lasts
    assert len(machines.told("begun")) == 1

    killed_at = time.monotonic()
    holder.kill()
    wait_until(lambda: len(machines.told("begun")) == 2, "the work taken over", 30)
    assert machines.told("begun")[1]["at"] - killed_at < 15
    assert machines.told("begun")[1]["step"] > 0
    assert machines.done()[1]
    assert machines.times("ended") == {0: 1}


@pytest.mark.slow  # half a minute, in which the lease is waited for
def test_with_the_usual_times_a_killed_machine_is_followed_within_a_minute(machines):
    holder = machines.start("a", stages="0", seconds=600, timing="usual")
    wait_until(lambda: machines.told("begun"), "the first machine at work", 30)
    machines.start("b", stages="0", seconds=0.1, timing="usual")
    wait_until(lambda: machines.told("waits"), "the second machine waiting", 30)
    killed_at = time.monotonic()
    holder.kill()
    wait_until(lambda: len(machines.told("begun")) == 2, "the work taken over", 90)
    waited_s = machines.told("begun")[1]["at"] - killed_at
    print(f"followed after {waited_s:.1f} s")
    assert waited_s < 60


@pytest.mark.slow  # three starts of a machine; what it rests on is in test_leases.py
def test_a_process_that_is_killed_is_followed_at_once_on_its_own_machine(machines):
    holder = machines.start("a", stages="0", seconds=60)
    wait_until(lambda: machines.told("begun"), "the machine at work", 30)
    holder.kill()
    machines.start("a", stages="0", seconds=0.1)
    assert machines.done()[1]
    assert machines.times("waits") == {}


@pytest.mark.slow  # two S3 services, and half a minute of being away
def test_a_network_that_drops_in_the_middle_loses_nothing(tmp_path):
    """The service is stopped while a machine works and started again later: what was made meanwhile is sent then."""
    with s3_bucket(tmp_path) as bucket:
        machines = Machines(bucket, f"{bucket.url}/runs", tmp_path)
        try:
            machines.start("a", stages="0", seconds=0.1)
            assert machines.done() == [True]
            kept = machines.kept()
            machines.start("a", stages="1", seconds=10)
            wait_until(lambda: machines.times("begun")[1], "the second stage", 30)
            bucket.process.kill()
            assert machines.done() == [True, True]  # on its own, and well below two minutes
            assert "not yet in s3://" in machines.started[1].text

            restarted = _restarted(bucket, tmp_path, kept)
            try:
                machines.start("a", stages="0,1")
                assert machines.done() == [True] * 3
                machines.start("b", stages="0,1")
                assert machines.done() == [True] * 4
                assert machines.times("begun") == {0: 1, 1: 1}
            finally:
                restarted.kill()
        finally:
            for process in machines.started:
                process.kill()


def _restarted(bucket, folder, kept):
    """The service again on its port, with what it held: moto keeps that in memory only."""
    port = bucket.endpoint.rpartition(":")[2]
    process = Process([*S3_SERVICE, "-p", port], {**variables(folder)}, folder, folder / "s3-again.log")
    wait_until(lambda: "Running on" in process.text or not process.alive, "the S3 service")
    bucket.files().mkdir(bucket.name)
    for name, content in kept.items():
        bucket.files().pipe_file(name, content)
    return process
