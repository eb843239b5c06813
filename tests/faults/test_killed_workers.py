"""Nights in which workers, flow runs and the server itself are killed: `kill -9`, at random moments."""

import random
import time
from collections.abc import Collection, Mapping

import psutil
import pytest

from tests.doubles.outside_world import Clock, postgres
from tests.doubles.prefect_site import TENFOLD, wait_until
from tests.faults import batch_of_six as six
from tests.faults.night import FINAL, POOLS, Night
from tests.faults.test_killed_batch import seed

LIMIT = 2


def check(night: Night, expected: Mapping[str, str], kills: int) -> None:
    """All videos are right, the batch tells so, and no more was made twice than what a kill interrupted.

    expected: the files of the videos, as `batch_of_six.pictures_of` tells them.
    """
    night.assert_right(expected)
    videos = sum(name.endswith("zoom.mp4") for name in expected)
    outcomes = night.outcomes()
    assert len(outcomes) == videos
    assert {outcome["state"] for outcome in outcomes.values()} <= {"made", "reused"}, outcomes
    evaluations, again = night.ledger.evaluations().total(), night.ledger.again()
    print(
        f"{evaluations} evaluations, {again} of them again, {kills} kills; nothing for {night.longest_s:.0f} s at most"
    )
    assert len(night.ledger.evaluations()) == videos * six.STEPS
    assert night.ledger.again() <= kills * LIMIT
    assert not {stage: count for stage, count in night.ledger.made().items() if count > 1}


def flow_runs_of(pool_worker) -> list[psutil.Process]:
    """The processes in which a worker's flow runs do their work."""
    return [one for one in pool_worker.family() if "prefect.engine" in " ".join(_command(one))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def strike(night: Night, chance: random.Random) -> str:
    """Kill something of a worker that runs, as far as it is there; whoever sees to the machine starts again what is
    gone for good. Returns what it was."""
    pool = chance.choice((POOLS[0], *[POOLS[1]] * 3))
    keeper = night.workers[pool]
    under, flow_runs = keeper.family()[1:2], flow_runs_of(keeper)[:1]
    what = chance.choice(["machine", "keeper", *["worker"] * len(under), *["flow run"] * len(flow_runs)])
    if what == "machine":
        keeper.kill()
    elif what == "keeper":
        keeper.kill_alone()
    for one in {"worker": under, "flow run": flow_runs}.get(what, ()):
        one.kill()
    if not keeper.alive:
        night.hire(pool, ready=False)  # the work that is left goes on meanwhile
    return f"{what} of {pool}"


def ten_kills(night: Night, run: str, number: int, kills: int = 10) -> None:
    """Kill so many times: each at another evaluation, all of them before the last stories, at any moment of it."""
    chance = random.Random(number)
    moments = sorted(chance.sample(range(1, six.STEPS * len(six.TITLES) * 4 // 5), kills))
    for kill, moment in enumerate(moments, 1):
        wait_until(lambda n=moment: ended(night, run) or len(night.ledger.evaluations()) >= n, "a moment", 900)
        time.sleep(chance.uniform(0, 1))
        assert not ended(night, run), f"over before kill {kill}: {night.told()}"
        print(
            f"kill {kill} after {night.ledger.evaluations().total()} evaluations: {strike(night, chance)}", flush=True
        )


def ended(night: Night, run: str) -> bool:
    return night.runs.state(run) in FINAL


def of(stories: Collection[str], files: Mapping[str, str]) -> dict[str, str]:
    """The files of these stories' videos."""
    return {name: digest for name, digest in files.items() if name.split("/")[0] in stories}


@pytest.mark.slow
def test_the_worker_s_machine_and_the_server_are_killed_under_a_video(tmp_path, undisturbed):
    with Night(tmp_path, pause_s=0.6) as night:
        night.hire(*POOLS, limit=1)
        run = night.ask(six.stories(tmp_path / "stories")[:1])
        wait_until(lambda: len(night.ledger.lines("evaluated")) >= 2, "two evaluations", 600)
        night.workers[POOLS[1]].kill()
        night.site.restart()
        night.hire(POOLS[1], limit=1)
        assert night.until_done(run) == ["COMPLETED"], night.told()
        check(night, of(["bark"], undisturbed.files), 1)


@pytest.mark.slow
def test_ten_kills_of_workers_at_random_moments(tmp_path, undisturbed):
    number = seed()
    print(f"TENFOLD_FAULTS_SEED={number}")
    with Night(tmp_path, pause_s=2.0) as night:
        night.hire(*POOLS)
        run = night.ask(six.stories(tmp_path / "stories"))
        ten_kills(night, run, number)
        assert night.until_done(run) == ["COMPLETED"], night.told()
        check(night, undisturbed.files, 10)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_server_is_killed_and_started_again_in_the_middle(tmp_path, undisturbed, database):
    if database == "postgresql":
        with postgres() as server:
            restarts(tmp_path, undisturbed.files, server.url)
    else:
        restarts(tmp_path, undisturbed.files, "")


def restarts(home, expected, database: str) -> None:
    with Night(home, database=database, pause_s=1.0) as night:
        night.hire(*POOLS)
        run = night.ask(six.stories(home / "stories"))
        for count in (3, 12, 22):
            wait_until(lambda n=count: len(night.ledger.lines("evaluated")) >= n, f"{count} evaluations", 600)
            night.site.restart(away_s=6)
        assert night.until_done(run) == ["COMPLETED"], night.told()
        check(night, expected, 0)


@pytest.mark.slow
@pytest.mark.parametrize("moved_s", [-3600, 3600])
def test_the_clock_of_server_and_workers_is_moved_in_the_middle(tmp_path, undisturbed, moved_s):
    clock = Clock(tmp_path)
    with Night(tmp_path, pause_s=1.0, **clock.variables) as night:
        night.hire(*POOLS)
        run = night.ask(six.stories(tmp_path / "stories"))
        wait_until(lambda: len(night.ledger.lines("evaluated")) >= 8, "eight evaluations", 600)
        clock.move(moved_s)
        assert night.until_done(run) == ["COMPLETED"], night.told()
        check(night, undisturbed.files, 0)


@pytest.mark.slow
def test_two_batches_at_once_over_the_same_stories(tmp_path, undisturbed):
    with Night(tmp_path, pause_s=1.0) as night:
        night.hire(*POOLS, limit=1)
        stories = six.stories(tmp_path / "stories")
        settings = [part for name, value in six.SETTINGS.items() for part in ("--set", f"{name}={value}")]
        run = night.ask(stories)
        wait_until(lambda: night.ledger.lines("evaluated"), "an evaluation", 600)
        other = night.site.spawn(*TENFOLD, "batch", *stories, *settings, "--no-engine", log="other.log")
        assert night.until_done(run) == ["COMPLETED"], night.told()
        assert other.wait() == 0, other.text
        check(night, undisturbed.files, 0)
        both = {line["pid"] == other.pid for line in night.ledger.lines("evaluated")}
        assert both == {True, False}, "each of them has made a part"
