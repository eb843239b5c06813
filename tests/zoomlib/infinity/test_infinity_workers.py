"""Property 6 of the specification: tiles painted by several processes are bitwise those of one."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.painting.painter import PlainPainter
from zoomlib.infinity.painting.plane import Plane

WINDOW = (-121, -333, 150, 300)


FAR = (10**9, 0, 9, 99)


class Touchy(PlainPainter):
    """Fails far from the origin."""

    def paint(self, origins, n):
        if origins[0][0] > 10**7:
            raise RuntimeError("no paint left")
        return super().paint(origins, n)


@pytest.fixture(scope="module")
def plane():
    """One for all: each process that is made loads torch."""
    with Plane(Touchy(random_networks(), Latents(SMALL, 11)), cells=11, batch=2) as made:
        yield made


def children():
    return [process for process in multiprocessing.active_children() if process.name == "painting"]


def same(tiles, others):
    return all(
        (a.y0, a.x0) == (b.y0, b.x0) and torch.equal(a.pixels, b.pixels) for a, b in zip(tiles, others, strict=True)
    )


def test_two_workers_paint_bitwise_what_one_does(plane):
    told = []
    tiles = list(plane.tiles(*WINDOW, workers=2, on_tile=lambda done, total: told.append(done)))
    assert told == list(range(1, len(tiles) + 1))
    assert same(tiles, plane.tiles(*WINDOW))


def test_they_stay_and_who_stops_looking_leaves_nothing_behind(plane):
    place = (-9, -8, 60, 70)
    some = plane.tiles(*WINDOW, workers=2)
    next(some)
    there = {process.pid for process in children()}
    some.close()
    assert torch.equal(plane.window(*place, workers=2), plane.window(*place))
    assert {process.pid for process in children()} == there
    assert len(there) == 2


def test_two_windows_can_be_looked_at_in_turn(plane):
    places = (WINDOW, (-9, -8, 60, 150))
    first, second = zip(*zip(*(plane.tiles(*place, workers=2) for place in places), strict=False), strict=True)
    for place, tiles in zip(places, (first, second), strict=True):
        assert same(tiles, list(plane.tiles(*place))[: len(tiles)])


def test_what_a_worker_raises_is_raised_here(plane):
    with pytest.raises(RuntimeError, match="no paint left"):
        plane.window(*FAR, workers=2)
    assert same(plane.tiles(0, 0, 9, 99, workers=2), plane.tiles(0, 0, 9, 99))


def test_a_worker_that_is_killed_is_told(plane):
    tiles = plane.tiles(*WINDOW, workers=2)
    next(tiles)
    for process in children():
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(NoRoomError, match=r"has ended \(exit code -9\).*fewer workers"):
        list(tiles)
    plane.close()
    assert not children()


@pytest.mark.slow
def test_after_a_close_there_are_others(plane):
    plane.close()
    assert same(plane.tiles(*WINDOW, workers=2), plane.tiles(*WINDOW))
    plane.close()


@pytest.mark.slow
def test_four_workers_paint_the_same_once_there_is_work_for_four(plane):
    plane.close()
    place = (0, 0, 9, 192)  # two groups of two tiles
    assert same(plane.tiles(*place, workers=4), plane.tiles(*place))
    assert len(children()) == 2
    assert torch.equal(plane.window(*WINDOW, workers=4), plane.window(*WINDOW))
    assert len(children()) == 4
    plane.close()


@pytest.mark.slow
def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "asks.py"
    script.write_text(
        "import multiprocessing, time\n"
        "from tests.zoomlib.infinity.test_infinity_workers import *\n"
        "if __name__ == '__main__':\n"
        "    made = Plane(PlainPainter(random_networks(), Latents(SMALL, 11)), cells=11)\n"
        "    made.window(*WINDOW, workers=2)\n"
        "    print(*(p.pid for p in multiprocessing.active_children()), flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    pids = [int(word) for word in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    assert len(pids) == 2
    end = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.1)
    parent.stdout.close()


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_several_workers_are_refused_off_the_cpu():
    class Elsewhere:
        config, blocks, period, device = SMALL, SMALL.blocks, None, torch.device("meta")

    with pytest.raises(InvalidInputError, match="on the CPU only, and this plane is painted on meta"):
        Plane(Elsewhere()).tiles(0, 0, 5, 5, workers=2)


def test_threads_of_this_process_are_as_before():
    """And one of them paints, as more of them may change the last bits on some processors."""
    painting = []

    class Watched(PlainPainter):
        def paint(self, origins, n):
            painting.append(torch.get_num_threads())
            return super().paint(origins, n)

    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        Plane(Watched(random_networks(), Latents(SMALL, 11)), cells=11).window(0, 0, 5, 5)
        assert (painting, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
def test_a_script_without_its_guard_is_told_instead_of_waited_for(tmp_path):
    """Its processes run the script again and die at their start, with the plane still unread."""
    import subprocess
    import sys
    from pathlib import Path

    script = tmp_path / "unguarded.py"
    script.write_text(
        "from zoomlib.infinity import load_generator\n"
        "plane = load_generator().plane(0)\n"
        "list(plane.tiles(0, 0, 300, 600, workers=2))\n"
    )
    told = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": str(Path(__file__).parents[3])}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert 'under `if __name__ == "__main__":`' in told.stderr.splitlines()[-1]
