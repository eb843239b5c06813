"""Pictures that were stopped, killed or had no room: the same call goes on, to the same file bit for bit; another one
takes nothing of it."""

import errno
import os
import random
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.film.ffmpeg import VideoError
from zoomlib.film.whole import only_one
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.painting.painter import PlainPainter
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.streams import banded, remainder, writing
from zoomlib.infinity.streams.identity import identity
from zoomlib.infinity.streams.places import Places
from zoomlib.infinity.streams.writing import check_target, estimate, write_window

WINDOW = (-37, -51, 70, 100)
"""Of tiles of 32 px: 4 rows of 4, the first and the last of each cut."""
SUFFIXES = [".png", ".tif", ".zarr"]


def plane_of(seed=11, networks=None, **options):
    return Plane(PlainPainter(networks or random_networks(), Latents(SMALL, seed), **options), cells=9)


@pytest.fixture(scope="module")
def plane():
    return plane_of()


@pytest.fixture(scope="module")
def whole(plane, tmp_path_factory):
    """What is written without an interruption, by suffix."""
    folder = tmp_path_factory.mktemp("whole")
    return {suffix: contents(write_window(plane, *WINDOW, folder / f"x{suffix}")) for suffix in SUFFIXES}


@pytest.fixture(autouse=True)
def all_is_kept(monkeypatch):
    monkeypatch.setattr(remainder, "KEEP_FROM_S", 0.0)


def contents(path):
    files = sorted(file for file in [path, *path.rglob("*")] if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stopped(plane, path, after, error=KeyboardInterrupt, **options):
    """Write until a number of tiles are there."""

    def stop(done, total):
        assert total == 16
        if done == after:
            raise error

    with pytest.raises(error):
        write_window(plane, *WINDOW, path, on_tile=stop, **options)
    assert not path.exists()


def written(plane, path, **options):
    """Write; how many tiles were found, and how many were painted."""
    told, painted = [], []
    write_window(
        plane,
        *WINDOW,
        path,
        on_found=lambda *found: told.append(found),
        on_tile=lambda *done: painted.append(done),
        **options,
    )
    assert painted == [(n, 16) for n in range(told[0][0] + 1, 17)]
    assert names(path.parent) == [path.name, f"{path.name}.json"]
    return told


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("every_s", [-1.0, 30.0], ids=["each row", "from the start"])
def test_it_goes_on_where_it_was_bit_for_bit(plane, whole, tmp_path, monkeypatch, suffix, every_s):
    """Also when it is stopped again, within a row and at its end."""
    monkeypatch.setattr(banded, "COMMIT_EVERY_S", every_s)
    path = tmp_path / f"x{suffix}"
    for after in (1, 3, 4, 10, 15):
        stopped(plane, path, after)
        assert names(tmp_path) == [f".x{suffix}.kept"]
    assert written(plane, path) == [(15, 16)]
    assert contents(path) == whole[suffix]


@pytest.mark.slow  # two processes load torch
def test_processes_go_on_with_what_one_has_begun(plane, whole, tmp_path):
    stopped(plane, tmp_path / "x.png", 6, facts={"workers": 1})
    with plane:
        assert written(plane, tmp_path / "x.png", workers=2, facts={"workers": 2}) == [(6, 16)]
    assert contents(tmp_path / "x.png") == whole[".png"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_goes_on_from_files_that_were_cut_anywhere(plane, whole, tmp_path, monkeypatch, suffix):
    """As a kill or a loss of power leaves them: the ends of some are missing."""
    monkeypatch.setattr(banded, "COMMIT_EVERY_S", -1.0)
    path, kept = tmp_path / f"x{suffix}", tmp_path / f".x{suffix}.kept"
    stopped(plane, path, 11)
    shutil.copytree(kept, tmp_path.parent / f"copy{suffix}", dirs_exist_ok=True)
    chance = random.Random(0)
    for _ in range(3):
        for file in (file for file in kept.rglob("*") if file.is_file() and file.name != "note"):
            if chance.random() < 0.3:
                os.truncate(file, chance.randrange(file.stat().st_size + 1))
        ((found, _),) = written(plane, path)
        assert found <= 11
        assert contents(path) == whole[suffix]
        shutil.rmtree(path, ignore_errors=True)
        for left in (path, tmp_path / f"{path.name}.json"):
            left.unlink(missing_ok=True)
        shutil.copytree(tmp_path.parent / f"copy{suffix}", kept)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_damaged_remainder_is_not_used(plane, whole, tmp_path, monkeypatch, suffix):
    """One wrong bit in any of its files, wherever."""
    monkeypatch.setattr(banded, "COMMIT_EVERY_S", -1.0)
    path, kept = tmp_path / f"x{suffix}", tmp_path / f".x{suffix}.kept"
    stopped(plane, path, 11)
    copy, chance = tmp_path.parent / f"damaged{suffix}", random.Random(5)
    shutil.copytree(kept, copy, dirs_exist_ok=True)
    for name in [
        file.relative_to(copy)
        for file in copy.rglob("*")
        if file.is_file()
        and file.stat().st_size
        and (suffix != ".zarr" or file.name == "zarr.json" or chance.random() < 0.4)
    ]:
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(copy, kept)
        data = bytearray((kept / name).read_bytes())
        data[chance.randrange(len(data))] ^= 16
        (kept / name).write_bytes(data if name.name != "zarr.json" else b"3")
        write_window(plane, *WINDOW, path)
        assert contents(path) == whole[suffix], name


def test_it_goes_on_where_a_system_gives_few_bytes_at_a_time(plane, whole, tmp_path, monkeypatch):
    """As with records of more than 2 GiB: the rows of very wide pictures are such."""
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, offset: read(file, min(size, 100), offset))
    stopped(plane, tmp_path / "x.tif", 7)
    assert written(plane, tmp_path / "x.tif") == [(7, 16)]
    assert contents(tmp_path / "x.tif") == whole[".tif"]


def test_an_array_that_is_replaced_goes_whole_or_stays(plane, whole, tmp_path, monkeypatch):
    """Also where the new one cannot take its place: then the same call goes on, and nothing else is left."""
    path = tmp_path / "x.zarr"
    write_window(plane_of(seed=3), *WINDOW, path)
    before, replace = contents(path), Path.replace

    def replacing(self, target):
        if self.name == "picture":
            raise PermissionError(errno.EACCES, "Permission denied")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replacing)
        with pytest.raises(PermissionError):
            write_window(plane, *WINDOW, path)
    assert contents(path) == before
    assert names(tmp_path) == [".x.zarr.kept", "x.zarr", "x.zarr.json"]
    with monkeypatch.context() as patch:
        patch.setattr(remainder, "clear", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_window(plane, *WINDOW, path)
    assert names(tmp_path) == [".x.zarr.kept", "x.zarr", "x.zarr.json"]
    write_window(plane, *WINDOW, path)
    assert contents(path) == whole[".zarr"]
    assert names(tmp_path) == ["x.zarr", "x.zarr.json"]


def interrupted(folder):
    raise KeyboardInterrupt


def test_a_row_that_memory_cannot_hold_is_refused(plane, monkeypatch):
    monkeypatch.setattr(writing, "free_bytes", lambda _: 3 * 10_000 * 40 - 1)
    for suffix in (".png", ".tif"):
        with pytest.raises(InvalidInputError, match="A row of tiles 10,000 pixels long takes"):
            estimate(plane, 0, 0, 40, 10_000, suffix)
    assert estimate(plane, 0, 0, 40, 10_000, ".zarr").pixels == 400_000
    assert estimate(plane, 0, 0, 39, 10_000, ".png").pixels == 390_000


def test_another_call_takes_nothing_of_it_and_removes_it(plane, whole, tmp_path):
    path = tmp_path / "x.png"
    for other, options in ((plane_of(seed=12), {}), (plane, {"mark": "anew"})):
        stopped(plane, path, 9)
        stopped(other, path, 1, **options)
        assert written(plane, path) == [(0, 16)]
        assert contents(path) == whole[".png"]
        path.unlink()
        (tmp_path / "x.png.json").unlink()


def test_an_identity_is_that_of_the_pixels(plane):
    """All that changes them changes it; a plane that was made again, or has painted, has the same."""
    window = plane.check(*WINDOW)
    style, w_plus = torch.ones(16), torch.ones(7, 16)
    others = [plane_of(12), plane_of(networks=random_networks(seed=1)), plane_of(style=style), plane_of(w_plus=w_plus)]
    others += [plane_of(stretch=2.0), plane_of(dtype=torch.bfloat16), Plane(plane.painter, cells=8)]
    others += [Plane(plane.painter, cells=9, batch=2)]
    every = [identity(one, window, ".png") for one in (plane, *others)]
    every += [identity(plane, plane.check(-37, -51, 70, 99), ".png"), identity(plane, window, ".tif")]
    assert len(set(every)) == len(every)
    assert every[0] == identity(plane_of(), window, ".png")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_fills_up_keeps_what_was_painted(plane, whole, tmp_path, monkeypatch, suffix):
    left = [12_000]
    write = os.pwrite

    def pwrite(file, data, offset):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= min(len(data), left[0])
        return write(file, bytes(data)[: len(data) if left[0] else len(data) // 2], offset)

    path = tmp_path / f"x{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite) if suffix != ".zarr" else patch.setattr(
            "zarr.storage.LocalStore.set", full_after(14)
        )
        with pytest.raises(VideoError, match="Make room there and start again"):
            write_window(plane, *WINDOW, path)
    assert names(tmp_path) == [f".x{suffix}.kept"]
    ((found, _),) = written(plane, path)
    assert found > 1
    assert contents(path) == whole[suffix]


def full_after(count):
    import zarr

    write, left = zarr.storage.LocalStore.set, [count]

    async def set_(self, key, value):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        await write(self, key, value)

    return set_


def test_what_is_kept_counts_as_room_for_the_rest(plane, tmp_path, monkeypatch):
    path, usage = tmp_path / "x.png", namedtuple("usage", "total used free")
    needed = estimate(plane, *WINDOW, ".png").disk_bytes
    stopped(plane, path, 15)
    kept = remainder.kept_bytes(path)
    assert kept > 15_000
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(2**34, 2**33, needed - kept))
    assert check_target(path, *WINDOW[2:], needed=needed) == needed
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(2**34, 2**33, needed - kept - 1))
    with pytest.raises(InvalidInputError, match="MiB free"):
        check_target(path, *WINDOW[2:], needed=needed)


def test_two_at_once_do_not_write_the_same(plane, tmp_path):
    with only_one(tmp_path / ".x.png.kept"), pytest.raises(InvalidInputError, match="Another process is at work"):
        write_window(plane, *WINDOW, tmp_path / "x.png")


def test_what_took_seconds_is_not_kept_unless_it_was_gone_on_from(plane, tmp_path, monkeypatch):
    monkeypatch.setattr(remainder, "KEEP_FROM_S", 60.0)
    stopped(plane, tmp_path / "x.png", 9)
    assert names(tmp_path) == []
    monkeypatch.setattr(remainder, "KEEP_FROM_S", 0.0)
    stopped(plane, tmp_path / "x.png", 9)
    monkeypatch.setattr(remainder, "KEEP_FROM_S", 60.0)
    stopped(plane, tmp_path / "x.png", 10)
    assert remainder.is_kept(tmp_path / "x.png")


def test_places_are_the_tiles_of_the_plane(plane):
    """Numbers, parts and the rest of a window, against the plane's own order."""
    window = plane.check(*WINDOW)
    places = Places.of(plane, window)
    order = [(tile.y0 - window.y0, tile.x0 - window.x0, *tile.pixels.shape[1:]) for tile in plane.tiles(*WINDOW)]
    parts = [places.part(number) for number in range(places.count)]
    assert [(part.y0, part.x0, part.height, part.width) for part in parts] == order
    assert [places.number(y, x) for y, x, *_ in order] == list(range(16))
    for done in (0, 1, 4, 15):
        assert sum(part.pixels for part in places.rest(done)) == sum(part.pixels for part in parts[done:])
    assert list(places.rest(16)) == []
