"""Two machines with one bucket of a real S3 service: at once, one of them killed, the service away for a while."""

import time

import pytest

from tasks.depot.roots import open_root, pull_runs
from tests.doubles.ledger import Ledger
from tests.doubles.outside_world import Clock, s3_bucket
from tests.doubles.painter import Studio
from tests.doubles.prefect_site import wait_until
from tests.faults import batch_of_six as six

PAUSE_S = 0.2


@pytest.fixture
def bucket(tmp_path):
    with s3_bucket(tmp_path) as bucket:
        yield bucket


class Machines:
    """Machines with nothing in common but the bucket; a ledger watches them all."""

    def __init__(self, home, bucket) -> None:
        self.home, self.bucket, self.ledger = home, bucket, Ledger(home / "ledger")
        self.url = f"{bucket.url}/runs"

    def start(self, name: str, clock: Clock | None = None):
        """The batch on the machine of that name, which may have a clock of its own."""
        (self.home / name).mkdir(exist_ok=True)
        more = self.bucket.variables | ({} if clock is None else clock.variables)
        return six.start(self.home / name, self.url, self.ledger, "log", PAUSE_S, more)

    def wait_for(self, evaluations: int, *processes) -> None:
        """Until so many evaluations were made."""
        wait_until(
            lambda: len(self.ledger.lines("evaluated")) >= evaluations or not all(p.alive for p in processes),
            f"{evaluations} evaluations",
            every_s=0.02,
        )
        assert all(process.alive for process in processes), [process.text[-2000:] for process in processes]

    def assert_right(self, monkeypatch, undisturbed) -> None:
        """A machine that has made nothing finds all six videos, and has nothing to do."""
        for name, value in self.bucket.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TENFOLD_CACHE", str(self.home / "third" / "cache"))
        root, studio = open_root(self.url), Studio()
        pull_runs(root)
        six.assert_right(root, undisturbed.files)
        assert six.states(six.make(self.url, studio)) == {"reused": 6}
        assert studio.loaded == []


@pytest.mark.slow  # 36 s of a processor; run 2026-11-22, green; tests/tasks/test_two_machines.py is alike
def test_two_machines_at_once_make_nothing_twice_though_their_clocks_are_moved(
    tmp_path, bucket, undisturbed, monkeypatch
):
    machines = Machines(tmp_path, bucket)
    back, forward = (Clock(tmp_path / name) for name in ("first", "second"))
    both = [machines.start("first", back), machines.start("second", forward)]
    machines.wait_for(six.STEPS + 2, *both)
    back.move(-36 * 3600)
    forward.move(36 * 3600)
    assert [process.wait() for process in both] == [0, 0], [process.text[-3000:] for process in both]
    assert machines.ledger.again() == 0
    assert len(machines.ledger.evaluations()) == undisturbed.evaluations
    assert set(machines.ledger.made().values()) == {1}
    machines.assert_right(monkeypatch, undisturbed)


@pytest.mark.slow
def test_one_of_two_machines_is_killed_and_the_other_makes_the_rest(tmp_path, bucket, undisturbed, monkeypatch):
    machines = Machines(tmp_path, bucket)
    both = [machines.start(name) for name in ("first", "second")]
    machines.wait_for(2 * six.STEPS + 2, *both)
    both[0].kill()
    began = time.monotonic()
    assert both[1].wait() == 0, both[1].text[-3000:]
    print(f"the other one was done {time.monotonic() - began:.0f} s after the kill")
    assert machines.ledger.again() <= 2 * six.STEPS, "two videos were in flight, whose levels another machine begins"
    machines.assert_right(monkeypatch, undisturbed)


@pytest.mark.slow
def test_the_bucket_is_away_for_a_while(tmp_path, bucket, undisturbed, monkeypatch):
    machines = Machines(tmp_path, bucket)
    both = [machines.start(name) for name in ("first", "second")]
    machines.wait_for(2 * six.STEPS, *both)
    bucket.freeze()
    time.sleep(5)
    bucket.thaw()
    assert [process.wait() for process in both] == [0, 0], [process.text[-3000:] for process in both]
    assert machines.ledger.again() == 0
    machines.assert_right(monkeypatch, undisturbed)


@pytest.mark.slow
def test_objects_of_the_bucket_that_are_damaged_or_gone_are_made_again(tmp_path, bucket, undisturbed, monkeypatch):
    machines = Machines(tmp_path, bucket)
    assert machines.start("first").wait() == 0
    files = bucket.files()
    stored = sorted(files.glob(f"{bucket.name}/runs/.cache/cas/*/*.safetensors"))
    assert len(stored) == len(six.TITLES)
    damaged, gone = stored[0], stored[-1]
    content = bytearray(files.cat_file(damaged))
    content[len(content) // 2] ^= 1
    files.pipe_file(damaged, bytes(content))
    files.rm_file(gone)
    for path in files.glob(f"{bucket.name}/runs/[!._]*/*/zoom.mp4")[:2]:
        files.pipe_file(path, files.cat_file(path)[:100])
    second = machines.start("second")
    assert second.wait() == 0, second.text[-3000:]
    assert machines.ledger.again() <= 2 * six.STEPS
    machines.assert_right(monkeypatch, undisturbed)
