"""Several devices paint of one plane, a process each: the same bits as one. CPUs stand for them."""

import multiprocessing
import pickle

import pytest
import torch

from tests.doubles.planes import SMALL, random_networks, write_plane_folder
from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.infinity import load_generator
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.generator import Generator
from zoomlib.infinity.inversion.pasting import Paste, PastingPainter
from zoomlib.infinity.painting.painter import placed, undisturbed
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.portable import Portable, portable
from zoomlib.infinity.painting.tiles import Group, Window
from zoomlib.infinity.painting.workers import _painted, packed
from zoomlib.infinity.planes import GeneratorPlanes, load_planes

WINDOW = (-41, -33, 90, 150)
CPU, META = torch.device("cpu"), torch.device("meta")


def generator(*devices):
    return Generator(SMALL, random_networks(), {}, devices=devices)


def plain(made):
    return made.plane(5, cells=11)


def fused(made):
    points = tuple(StylePoint(y, x, *made.styles(seed)) for y, x, seed in ((0, 0, 1), (20, 100, 2)))
    return made.plane(5, fusion=Fusion(points, 41), stretch=1.7, cells=11, batch=2)


def pasted(made):
    under = fused(made)
    painter = PastingPainter(under.painter, [Paste(3, 4, torch.zeros(3, 20, 30), 2)])
    return Plane(painter, cells=11, batch=2, more=under.facts())


KINDS = pytest.mark.parametrize("kind", [plain, fused, pasted])


@KINDS
def test_what_is_built_again_elsewhere_paints_the_same_bits(kind):
    plane, alone = kind(generator(CPU, CPU)), kind(generator())
    copy = pickle.loads(packed(plane))
    portable(copy.painter).settle(CPU)
    assert torch.equal(copy.window(*WINDOW), alone.window(*WINDOW))
    assert torch.equal(plane.window(*WINDOW), alone.window(*WINDOW))
    assert plane.facts() == alone.facts()


class Telling(Portable):
    """Its pixels are the number of the device that it paints on."""

    def paint(self, origins, n):
        return torch.full_like(super().paint(origins, n), self.device.index)


def test_groups_are_dealt_in_turn_to_as_many_processes_as_there_is_work_for():
    devices = tuple(torch.device("cpu", number) for number in (3, 8, 5))
    inner = portable(plain(generator(*devices)).painter)
    painter = Telling(inner._networks, inner._build, devices)
    step = 48
    with Plane(painter, cells=11) as plane:
        assert (plane.step, plane.devices) == (step, devices)
        tiles = [*plane.tiles(0, 0, step, 2 * step, workers=3), *plane.tiles(step, 0, 9, 2 * step, workers=3)]
        assert sum(process.name == "painting" for process in multiprocessing.active_children()) == 2
    assert [tile.pixels.unique().tolist() for tile in tiles] == [[3], [8], [3], [8]]


def test_a_copy_holds_the_networks_and_not_what_was_made_of_them():
    made = generator(CPU, CPU)
    weights = sum(4 * value.numel() for value in made.networks.parameters())
    assert weights < len(packed(plain(made))) < 1.5 * weights


@pytest.mark.slow
@KINDS
def test_processes_on_devices_paint_bitwise_what_one_does(kind):
    with kind(generator(CPU, CPU)) as plane:
        assert torch.equal(plane.window(*WINDOW, workers=2), kind(generator()).window(*WINDOW))


def test_whoever_deals_out_the_work_needs_no_device():
    """Devices on which nothing could be painted: until somebody paints, nothing is there."""
    made = generator(META, META)
    plane = fused(made)
    assert plane.devices == (META, META)
    assert plane.facts() == fused(generator()).facts()
    assert pickle.loads(packed(plane)).devices == (META, META)
    assert "networks" not in vars(made)
    assert {value.device for value in made._networks.parameters()} == {CPU}


def test_a_copy_on_another_device_leaves_the_networks_where_they_are():
    networks = random_networks()
    assert placed(networks, "cpu") is networks
    assert {value.device for value in placed(networks, "meta").parameters()} == {META}
    assert {value.device for value in networks.parameters()} == {CPU}


def test_tensors_of_devices_travel_on_the_cpu(monkeypatch):
    plane, brought = plain(generator(CPU, CPU)), []
    plane.somewhere = torch.ones(3, device="meta")
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: brought.append(self.device) or torch.zeros(3))
    assert pickle.loads(packed(plane)).somewhere.device == CPU
    assert brought == [META]


class Full:
    """A painter on a device without room."""

    config, blocks, period, device = SMALL, SMALL.blocks, None, torch.device("cuda", 1)

    def paint(self, origins, n):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_a_device_that_has_no_room_is_named_with_the_remedy():
    told = _painted(Plane(Full(), batch=4), Window(0, 0, 9, 9), Group(0, 0, 4, 0, 1))
    assert isinstance(told, NoRoomError)
    assert "Memory of cuda:1 has no room for 4 tiles at once" in str(pickle.loads(pickle.dumps(told)))


def test_devices_that_do_not_go_together_and_other_numbers_of_workers_are_refused(tmp_path):
    folder = write_plane_folder(tmp_path)
    with pytest.raises(InvalidInputError, match=r"of one kind.*got cpu,meta"):
        load_generator(folder, device="cpu,meta")
    made = load_generator(folder, device="cpu, cpu")
    assert made.devices == (CPU, CPU)
    with pytest.raises(InvalidInputError, match="2 of them, not 3"):
        made.plane(0).tiles(0, 0, 9, 9, workers=3)
    assert load_planes(folder, device="cpu,cpu,cpu", workers=8).workers == 3
    assert GeneratorPlanes(generator(), workers=8).workers == 8
    assert GeneratorPlanes(generator(META), workers=8).workers == 1


def test_settings_of_the_caller_change_no_pixel_and_are_as_before():
    torch.set_float32_matmul_precision("medium")
    try:
        with undisturbed(torch.device("cuda")):
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch.backends.cudnn.deterministic
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.allow_tf32
        assert not torch.backends.cudnn.deterministic
    finally:
        torch.set_float32_matmul_precision("highest")
