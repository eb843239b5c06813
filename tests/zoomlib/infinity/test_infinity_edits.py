"""Property test 15: an edit of latents changes the pixels that read them, all of those, and no other bit.

With what builds on it: outpainting, known pixels pasted, and two pictures on one plane.
"""

from dataclasses import replace

import pytest
import torch

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.generator import Generator
from zoomlib.infinity.inversion.between import between, gaps_between, nearest, smallest_gap_px
from zoomlib.infinity.inversion.inverting import InversionJob, InversionSettings, InversionState, first_state
from zoomlib.infinity.inversion.outpainting import outpainted
from zoomlib.infinity.inversion.pasting import Paste
from zoomlib.infinity.sizes import cell_reach, noise_reach, receptive_px

SIDE = 16


@pytest.fixture(scope="module")
def generator():
    return Generator(SMALL, random_networks(SMALL), {}, revision="0123")


def inversion_at(generator, y, x, seed=1, period=None, size=(SIDE, SIDE)):
    """An inversion before its first step: latents of a seed's plane, at a place. Its picture is grey."""
    asked = InversionSettings(steps=1, seed=seed)
    job = InversionJob(torch.full((3, *size), 0.5), (y, x), asked, period, generator.revision)
    begun = first_state(generator, job)
    style, w_plus = generator.styles(seed)
    values = {**begun.values, "style": style.clone(), "w_plus": w_plus.clone()}
    return InversionState(job, 0, values, begun.first, begun.second, begun.random, {}).inversion(generator)


def changed(generator, overrides, y, x, h, w, seed=3):
    """Which pixels of a window an edit changes, and by how much: [first, stop) of rows and columns, all or some."""
    before = generator.plane(seed, cells=9).window(y, x, h, w)
    after = generator.plane(seed, cells=9, overrides=overrides).window(y, x, h, w)
    differs = (before != after).any(0)
    rows, columns = differs.any(1).nonzero()[:, 0] + y, differs.any(0).nonzero()[:, 0] + x
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1), differs


@pytest.mark.parametrize(("y", "x", "h", "w"), [(0, 0, 1, 1), (-7, 11, 3, 2)])
def test_local_latents_change_what_reads_them_and_no_other_bit(generator, y, x, h, w):
    edit = Overrides(local=(Patch(y, x, torch.ones(SMALL.local, h, w)),))
    rows, columns = cell_reach(y, y + h - 1, SMALL), cell_reach(x, x + w - 1, SMALL)
    about = rows[0] - 9, columns[0] - 9, rows[1] - rows[0] + 18, columns[1] - columns[0] + 18
    changed_rows, changed_columns, differs = changed(generator, edit, *about)
    assert (changed_rows, changed_columns) == (rows, columns)
    assert float(differs[9:-9, 9:-9].float().mean()) > 0.99


@pytest.mark.parametrize("layer", range(SMALL.layers))
def test_noise_of_a_layer_changes_its_cone_and_no_other_bit(generator, layer):
    y, x, h, w = -5, 6, 2, 3
    edit = Overrides(noise={layer: (Patch(y, x, torch.full((1, h, w), 3.0)),)})
    rows = noise_reach(layer, y, y + h - 1, SMALL.blocks)
    columns = noise_reach(layer, x, x + w - 1, SMALL.blocks)
    about = rows[0] - 9, columns[0] - 9, rows[1] - rows[0] + 18, columns[1] - columns[0] + 18
    changed_rows, changed_columns, _ = changed(generator, edit, *about)
    assert (changed_rows, changed_columns) == (rows, columns)


def test_an_outpainted_picture_leaves_the_plane_as_it_was_beyond_its_reach(generator):
    """Where it has the plane's own style; a style of its own would change the plane everywhere."""
    one = inversion_at(generator, -20, 4)
    values = dict(one.values)
    values["style"], values["w_plus"] = (style.clone() for style in generator.styles(8))
    shown = outpainted(generator, type(one)(one.area, one.picture, values, None, "0123", one.settings, 1, 0), seed=8)
    top, left, bottom, right = one.area.touched_px
    plain = generator.plane(8)
    for window in (
        (top - 30, left - 9, 30, 99),
        (bottom, left, 20, 50),
        (top, right, 60, 20),
        (top, left - 20, 50, 20),
    ):
        assert torch.equal(shown.window(*window), plain.window(*window))
    assert not torch.equal(shown.window(top, left, 9, right - left), plain.window(top, left, 9, right - left))


def test_known_pixels_are_pasted_bitwise_in_every_tile(generator):
    one = inversion_at(generator, -11, 30, size=(70, 90))
    plain, pasted = (outpainted(generator, one, seed=2, paste=paste, cells=9) for paste in (False, True))
    a, b = plain.window(-31, 0, 100, 140), pasted.window(-31, 0, 100, 140)
    inside = torch.zeros(100, 140, dtype=torch.bool)
    inside[20:90, 30:120] = True
    assert bool((b[:, inside] == 0.5).all())
    assert torch.equal(a[:, ~inside], b[:, ~inside])
    assert pasted.facts()["pasted"] == [[-11, 30, 70, 90, 0]]
    for tile in pasted.tiles(-31, 0, 100, 140):
        rows, columns = (
            slice(at, at + side) for at, side in ((tile.y0 + 31, tile.pixels.shape[1]), (tile.x0, tile.pixels.shape[2]))
        )
        assert torch.equal(tile.pixels, b[:, rows, columns])


def test_a_feather_fades_from_the_edges_inwards():
    weight = Paste(0, 0, torch.zeros(3, 8, 10), 2).weight
    assert weight[0, 5] == weight[0, 0] == 0.25  # in a corner as along its nearer edge
    assert weight[1, 5] == 0.75
    assert bool((weight[2:6, 2:8] == 1).all())
    assert torch.equal(weight, weight.flip(0, 1))
    assert bool((Paste(0, 0, torch.zeros(3, 8, 10)).weight == 1).all())
    with pytest.raises(InvalidInputError, match=r"0 to half.*4 px; got 5"):
        Paste(0, 0, torch.zeros(3, 8, 10), 5)


def test_on_a_cyclic_plane_a_picture_comes_again_after_every_period(generator):
    one = inversion_at(generator, 0, 200, period=32)
    plane = outpainted(generator, one, seed=2, paste=True)
    first, next_ = plane.window(0, 200, 16, 16), plane.window(0, 200 + 256, 16, 16)
    assert bool((first == 0.5).all())
    assert torch.equal(first, next_)
    assert bool((plane.window(0, 250, 16, 9) == plane.window(0, -6, 16, 9)).all())


@pytest.mark.parametrize("second", [(-4, SIDE + smallest_gap_px(SMALL)), (300, -9), (-260, -260), (250, 160)])
def test_between_leaves_both_pictures_as_each_would_be_alone(generator, second):
    """Side by side, one above the other, and slantwise: within 2e-5 of the deviation."""
    one, two = inversion_at(generator, 0, 0), inversion_at(generator, *second, seed=9)
    plane = between(generator, one, two, seed=4)
    for inversion in (one, two):
        alone = outpainted(generator, inversion, seed=4).window(*inversion.at, SIDE, SIDE)
        torch.testing.assert_close(
            plane.window(*inversion.at, SIDE, SIDE), alone, rtol=0, atol=2e-5 * float(alone.std())
        )


def test_half_way_between_the_styles_are_mixed(generator):
    """And beyond each picture the plane has its style alone."""
    one, two = inversion_at(generator, 0, 0), inversion_at(generator, 0, 300, seed=9)
    plane = between(generator, one, two, seed=4)
    for x, near in ((-200, one), (500, two)):
        torch.testing.assert_close(
            plane.window(0, x, 9, 9), outpainted(generator, near, seed=4).window(0, x, 9, 9), rtol=0, atol=1e-4
        )
    middle = plane.window(0, 158, 9, 9)
    for near in (one, two):
        assert float((outpainted(generator, near, seed=4).window(0, 158, 9, 9) - middle).abs().mean()) > 0.1
    swapped = between(generator, two, one, seed=4)
    assert torch.equal(swapped.window(0, 158, 9, 9), middle)
    narrow = between(generator, one, two, seed=4, blur_px=1, paste=True)
    assert bool((narrow.window(0, 300, 16, 16) == 0.5).all())


def test_pictures_too_near_or_of_different_kinds_are_refused(generator):
    least = smallest_gap_px(SMALL)
    one = inversion_at(generator, 0, 0)
    assert least == receptive_px(SMALL) + 8
    between(generator, one, inversion_at(generator, 0, SIDE + least), seed=0)
    for near in ((0, SIDE + least - 1), (3, 3), (0, 0), (SIDE, 0)):
        with pytest.raises(InvalidInputError, match=f"need {least}"):
            between(generator, one, inversion_at(generator, *near), seed=0)
    far = inversion_at(generator, 0, SIDE + 200)
    widest = 200 - receptive_px(SMALL)
    with pytest.raises(InvalidInputError, match=f"1 to {widest} pixels"):
        between(generator, one, far, seed=0, blur_px=widest + 1)
    with pytest.raises(InvalidInputError, match="does not repeat and the other for one that repeats after 64 cells"):
        between(generator, one, inversion_at(generator, 0, 300, period=64), seed=0)
    with pytest.raises(InvalidInputError, match="side by side"):
        gaps_between(inversion_at(generator, 0, 0, period=64), inversion_at(generator, 200, 200, period=64), 3)


def test_a_cyclic_panorama_of_two_pictures_changes_style_on_both_sides(generator):
    """512 px around; the pictures are at 0 and, by a name of other columns, at 250."""
    one = inversion_at(generator, 0, 0, period=64)
    two = inversion_at(generator, -6, 250 + 512, seed=9, period=64)
    right, left = gaps_between(one, two, 3)
    assert (right.px, left.px) == (250 - SIDE, 512 - 250 - SIDE)
    plane = between(generator, one, two, seed=4)
    for inversion in (one, two):
        alone = outpainted(generator, inversion, seed=4).window(*inversion.at, SIDE, SIDE)
        tolerance = 2e-5 * float(alone.std())
        torch.testing.assert_close(plane.window(*inversion.at, SIDE, SIDE), alone, rtol=0, atol=tolerance)
        y, x = inversion.at
        torch.testing.assert_close(plane.window(y, x + 512, SIDE, SIDE), alone, rtol=0, atol=tolerance)


def test_the_gap_is_what_lies_between(generator):
    one, two = inversion_at(generator, 0, 0), inversion_at(generator, 10, 100)
    gap = nearest(one, two)
    assert (gap.first, gap.second) == ((13, 15), (13, 100))
    assert gap.px == 100 - SIDE
    assert nearest(two, one).px == gap.px
    slanting = nearest(one, inversion_at(generator, 116, 116))
    assert (slanting.first, slanting.second, slanting.px) == ((15, 15), (116, 116), 100)


def test_far_away_all_is_as_near_the_origin(generator):
    """At 10^15, where float32 tells no pixel from the next: the same gap, known pixels, and style of each half."""
    y, x = 10**15, -(10**15)
    one, two = inversion_at(generator, y, x), inversion_at(generator, y - 4, x + 300, seed=9)
    alone = outpainted(generator, two, seed=4).window(*two.at, SIDE, SIDE)
    shown = between(generator, one, two, seed=4).window(*two.at, SIDE, SIDE)
    torch.testing.assert_close(shown, alone, rtol=0, atol=2e-5 * float(alone.std()))
    pasted = between(generator, one, two, seed=4, paste=True).window(y - 8, x + 290, 30, 40)
    known = (pasted == 0.5).all(0)
    assert bool(known[4:20, 10:26].all())
    assert int(known.sum()) == SIDE * SIDE


def test_a_plane_without_a_horizon_takes_pictures_too():
    config = replace(SMALL, axes="periodic")
    textures = Generator(config, random_networks(config), {}, revision="0123")
    one = inversion_at(textures, -3, 8)
    shown = outpainted(textures, one, seed=1).window(-3, 8, SIDE, SIDE)
    assert one.error == pytest.approx(float((shown.clamp(-1, 1) - one.picture).abs().mean()), abs=1e-5)


@pytest.mark.slow  # starts two processes
def test_workers_paint_what_one_process_does(generator):
    one, two = inversion_at(generator, 0, 0), inversion_at(generator, 0, 300, seed=9)
    with between(generator, one, two, seed=4, paste=True, cells=9) as plane:
        alone = plane.window(-9, -20, 40, 380)
        assert torch.equal(plane.window(-9, -20, 40, 380, workers=2), alone)
