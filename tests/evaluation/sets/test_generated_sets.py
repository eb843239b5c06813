"""Protocols of generators (section 4 of the specification): windows, sizes, names; the pipeline is the identity for
N = 1, f = 1; a perfect generator has no distance."""

import pytest
import torch
from torch.nn import functional as F

from evaluation.catalogue import CATALOGUE
from evaluation.sets import Extractor, Settings
from evaluation.sets.generated import Shot, Sizes, pictures, plane_seed, planned, real_of, shown, ways, window
from evaluation.sets.generator import Sample, score_generator
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.painting.tiles import Window

COLOUR = Extractor("colour", "1", lambda image: image.mean((1, 2)), lambda pixels: (pixels, None))
INCEPTION = Extractor("inception", "1", COLOUR.prepare, COLOUR.embed, is_inception=True)
TINY = Sizes(patch_px=37, full_px=69, real_px=69, period_px=512)
PAPER = Sizes(patch_px=101, full_px=197, real_px=128, period_px=2224)
QUICK = Settings(resamples=0)


def plain(seed: int, place: Window) -> torch.Tensor:
    """A plane of one colour, by its seed."""
    colour = torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return colour.expand(3, place.height, place.width)


def ramp(side: int, over: float) -> torch.Tensor:
    """(3, side, side), linear from -over to over with corners on corners: bilinear interpolation keeps it."""
    line = torch.linspace(-over, over, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side), torch.zeros(side, side)])


def test_windows_are_as_large_as_published():
    shots = {
        (shot.kind, shot.scale): shot.side_px
        for shot in planned(["spatial", "scaleinv", "ext2", "patch"], (8, 1, 2, 4), PAPER)
    }
    scaled = {("scaleinv", 1): 197, ("scaleinv", 2): 394, ("scaleinv", 4): 788, ("scaleinv", 8): 1576}
    assert shots == {("patch", 1): 101, ("ext2", 1): 197, **scaled, ("spatial", 1): 197}
    assert PAPER.field_factor == pytest.approx(1.539, abs=5e-4)


@pytest.mark.parametrize("side", [69, 552])
def test_all_but_patches_lie_about_the_origin(side):
    place = window(Shot("scaleinv", side // 69, side), TINY, 3, 4)
    assert place == Window(-(side // 2), -(side // 2), side, side)


def test_patches_lie_where_training_has_them():
    """The middle of a patch at most (69 - 37) / 2 px from the horizon, both ends reached, and anywhere across."""
    places = [window(Shot("patch", 1, 37), TINY, 0, k) for k in range(600)]
    middles = [place.y0 + 18 for place in places]
    assert (min(middles), max(middles)) == (-16, 16)
    assert sum(middles) / 600 == pytest.approx(0, abs=4 * 9.5 / 600**0.5)
    assert 0 <= min(place.x0 for place in places) < 30
    assert 482 < max(place.x0 for place in places) < 512
    assert places[7] == window(Shot("patch", 1, 37), TINY, 0, 7) != window(Shot("patch", 1, 37), TINY, 1, 7)


def test_every_picture_is_of_a_plane_of_its_own():
    seeds = {plane_seed(seed, number) for seed in range(3) for number in range(50)}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_at_scale_one_with_equal_fields_the_pipeline_is_the_identity():
    image = torch.rand(3, 69, 69, generator=torch.Generator().manual_seed(0))
    for kind in ("scaleinv", "spatial"):
        assert ways(Shot(kind, 1, 69), TINY) == (False,)
        assert shown(image, Shot(kind, 1, 69), TINY, antialias=False) is image


@pytest.mark.parametrize("scale", [1, 2, 8])
def test_what_bilinear_interpolation_keeps_comes_out_at_the_real_size(scale):
    """A linear picture stays linear through both steps, to float rounding."""
    shot = Shot("scaleinv", scale, 197 * scale)
    found = shown(ramp(shot.side_px, 0.9), shot, PAPER, antialias=False)
    assert found.shape == (3, 128, 128)
    assert torch.allclose(found, ramp(128, 0.9), atol=1e-5)
    assert ways(shot, PAPER) == (False, True)


@pytest.mark.parametrize("antialias", [False, True])
def test_pictures_become_as_large_as_so_many_real_ones_first(antialias):
    """Specification, section 4: by 1 / f to N times the real side, and from there to the real side."""
    sizes, shot = Sizes(patch_px=9, full_px=15, real_px=10, period_px=64), Shot("scaleinv", 2, 30)
    image = torch.rand(1, 3, 30, 30, generator=torch.Generator().manual_seed(1)) * 2 - 1
    way = {"mode": "bilinear", "align_corners": None if antialias else True, "antialias": antialias}
    once, twice = F.interpolate(image, 10, **way), F.interpolate(F.interpolate(image, 20, **way), 10, **way)
    found = shown(image[0], shot, sizes, antialias=antialias)
    assert (found - twice[0]).abs().max() <= 1e-6
    assert (found - once[0]).abs().max() > 1e-2


def test_antialiasing_takes_in_all_pixels_and_the_released_way_leaves_some_out():
    """Of 8 times the size a single light pixel in a corner region is seen by one way, not by the other."""
    shot, image = Shot("scaleinv", 8, 552), torch.zeros(3, 552, 552)
    image[:, 3, 3] = 1
    assert float(shown(image, shot, TINY, antialias=True).sum()) > 0
    assert float(shown(image, shot, TINY, antialias=False).abs().sum()) == 0


def test_a_perfect_generator_has_no_distance():
    """Planes and real pictures of the same colours: 0 within 1e-6 by every protocol, under names that say what by."""

    def real(number):
        return plain(plane_seed(5, number), Window(0, 0, 128, 128))

    shots = planned(["patch", "ext2", "scaleinv", "spatial"], (1, 2), PAPER)
    scores = score_generator(plain, real, COLOUR, PAPER, shots, Sample(6, 6, seed=5, settings=QUICK, batch=4))
    found = {score.score: score.value for score in scores if "frechet" in score.score}
    assert set(found) == {
        "frechet_distance",
        "ext2_frechet_distance",
        *(f"scaleinv_frechet_distance_{n}x{way}" for n in (1, 2) for way in ("", "_antialiased")),
        *(f"spatial_frechet_distance{way}" for way in ("", "_antialiased")),
    }
    assert all(value == pytest.approx(0, abs=1e-6) for value in found.values())
    assert all(name.removesuffix("_antialiased") in CATALOGUE for name in found)
    assert not any("fid" in score.score for score in scores)
    assert {score.scorer for score in scores} == {"colour"}


def test_another_generator_has_one_and_inception_calls_it_fid():
    def dark(seed, place):
        return plain(seed, place) - 0.5

    def real(number):
        return plain(plane_seed(0, number), Window(0, 0, 69, 69))

    shots, sample = planned(["scaleinv", "spatial"], (1,), TINY), Sample(8, 8, settings=QUICK)
    found = {score.score: score.value for score in score_generator(dark, real, INCEPTION, TINY, shots, sample)}
    assert found["scaleinv_fid_1x"] > 0.1
    assert found["spatial_fid"] == pytest.approx(16 * found["scaleinv_fid_1x"], rel=1e-5)
    assert found["spatial_set_images"] == 8


def test_pictures_are_drawn_one_after_the_other():
    drawn = []

    def counted(seed, place):
        drawn.append(place)
        return plain(seed, place)

    some = pictures(counted, Shot("scaleinv", 8, 552), TINY, 0, 50)
    next(some)
    assert len(drawn) == 1


def test_values_beyond_white_are_clamped_and_other_shapes_refused():
    shot = Shot("patch", 1, 37)
    image = next(pictures(lambda seed, place: torch.full((3, 37, 37), 2.0), shot, TINY, 0, 1))
    assert float(image.max()) == 1
    with pytest.raises(InvalidInputError, match=r"\(3, 37, 37\).*got \(3, 37, 36\)"):
        next(pictures(lambda seed, place: torch.zeros(3, 37, 36), shot, TINY, 0, 1))
    with pytest.raises(InvalidInputError, match="real pictures"):
        real_of(lambda number: torch.zeros(3, 37, 37), shot, TINY, 0)(0)


def test_real_patches_are_cut_out_of_real_pictures():
    """Each holds a ramp's own values, 32 + 1 places along each side in all, both ends among them."""
    line = torch.arange(69.0) / 69
    real = real_of(lambda number: line[:, None].expand(3, 69, 69), Shot("patch", 1, 37), TINY, 0)
    tops = {round(float(real(number)[0, 0, 0]) * 69) for number in range(300)}
    assert tops == set(range(33))


@pytest.mark.parametrize(
    ("kinds", "scales", "words"),
    [
        (["fid"], (1,), "scaleinv, spatial; got fid"),
        ([], (1,), "got none"),
        (["patch"], (0, 2), "got 0, 2"),
    ],
)
def test_unknown_protocols_and_scales_are_refused(kinds, scales, words):
    with pytest.raises(InvalidInputError, match=words):
        planned(kinds, scales, TINY)


@pytest.mark.parametrize("sizes", [(70, 69, 69, 1), (0, 69, 69, 1), (37, 69, 0, 1), (37, 69, 69, 0)])
def test_sizes_that_cannot_be_are_refused(sizes):
    with pytest.raises(InvalidInputError, match="Expected a patch"):
        Sizes(*sizes)


@pytest.mark.parametrize("sample", [(1, 9, 0), (9, 1, 0), (9, 9, -1)])
def test_too_few_pictures_are_refused(sample):
    with pytest.raises(InvalidInputError, match="two pictures or more"):
        Sample(*sample)
