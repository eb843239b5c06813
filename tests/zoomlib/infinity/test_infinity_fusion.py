"""Property test 8 of the specification: fused styles degenerate to plain ones, wherever they should."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.fusion import layers as fused_module
from zoomlib.infinity.fusion.layers import FusedNetworks, demodulation, products_of
from zoomlib.infinity.fusion.map import Ruler
from zoomlib.infinity.fusion.styles import FusedPainter, Fusion, StylePoint
from zoomlib.infinity.networks import strips
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.prepared import Prepared
from zoomlib.infinity.painting.painter import PlainPainter, inputs, texture_styles
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.sizes import layer_sides, margins, receptive_px, unit

PLACES = [(0, 0), (5, 130), (120, 60)]
N = 9  # cells a side; 37 px


@cache
def networks() -> Networks:
    return random_networks()


@cache
def points(same: bool = False) -> tuple[StylePoint, ...]:
    styles = [Latents(SMALL, 50 if same else 50 + number).style() for number in range(len(PLACES))]
    return tuple(StylePoint(*place, z, texture_styles(networks(), z)) for place, z in zip(PLACES, styles, strict=True))


def plain(number: int, period: int | None = None) -> PlainPainter:
    point = points()[number]
    return PlainPainter(networks(), Latents(SMALL, 7, period=period), style=point.style, w_plus=point.w_plus)


def fused(fusion: Fusion, period: int | None = None) -> FusedPainter:
    return FusedPainter(networks(), Latents(SMALL, 7, period=period), fusion)


def mixed(painter: FusedPainter, origin: tuple[int, int], n: int = N) -> bool:
    return len(painter.fusion.present(*painter._area(origin, n))) > 1


def test_three_equal_styles_are_the_plain_image() -> None:
    origins = [(-2, 3), (4, 2), (0, 6)]
    painter = fused(Fusion(points(same=True), 31))
    assert all(mixed(painter, origin) for origin in origins)
    expected = plain(0).paint(origins, N)
    assert (painter.paint(origins, N) - expected).abs().max() <= 2e-5 * expected.std()


def test_a_single_style_is_the_plain_image() -> None:
    expected = plain(1).paint([(-4, 9)], N)
    one = fused(Fusion((points()[1],), 31)).paint([(-4, 9)], N)
    assert (one - expected).abs().max() <= 2e-5 * expected.std()


def test_a_mixture_that_is_the_same_everywhere_is_the_image_of_the_mixed_style() -> None:
    # Both the scales of inputs and the lengths of outputs see every product of two styles here.
    shares = torch.tensor([0.5, 0.2, 0.3])
    z, w = (torch.stack([getattr(p, name) for p in points()]) for name in ("style", "w_plus"))
    alike = Prepared(networks(), shares @ z, torch.einsum("k,kls->ls", shares, w))
    local, place, noises = inputs(SMALL, Latents(SMALL, 3), [(0, 0), (5, -4)], N)
    maps = [shares[None, :, None, None].expand(2, 3, s, s) for s in (N + 2 * SMALL.halo, N, *layer_sides(N, 3))]
    nets = FusedNetworks(networks(), z, w)
    features = nets.structure(local, place, maps[0], [0, 1, 2])
    expected = alike.texture(alike.structure(local, place), noises)
    found = nets.texture(features, noises, maps[1:], [0, 1, 2])
    assert (found - expected).abs().max() <= 2e-5 * expected.std()


def test_layers_in_strips_are_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = replace(SMALL, blocks=1, local=256, structure_layers=1, radius=1, texture=(256,), cells=12)
    nets, n = random_networks(wide), 12
    styles = torch.randn(2, wide.style, generator=torch.Generator().manual_seed(3))
    w_plus = torch.stack([texture_styles(nets, z) for z in styles])
    local, place, noises = inputs(wide, Latents(wide, 3), [(0, 0), (5, -4)], n)
    across = [torch.linspace(0, 1, s).expand(2, 1, s, s) for s in (n + 2 * wide.halo, n, *layer_sides(n, 1))]
    slanting = [row * row.mT for row in across]  # other weights in every row and every column
    maps = [torch.cat((row, 1 - row), 1) for row in slanting]
    maps[-1][1] = maps[-1][1].flip(1)  # the second tile has other weights
    pictures = []
    monkeypatch.setattr(strips, "TILES", 30)  # several strips
    for quick in (fused_module.quick, lambda *_: False):
        monkeypatch.setattr(fused_module, "quick", quick)
        made = FusedNetworks(nets, styles, w_plus)
        features = made.structure(local, place, maps[0], [0, 1])
        pictures.append(made.texture(features, noises, maps[1:], [0, 1]))
    assert (pictures[0] - pictures[1]).abs().max() <= 1e-5 * pictures[1].std()


def test_lengths_are_those_of_the_style_of_each_place() -> None:
    g = torch.Generator().manual_seed(1)
    scales, weight = torch.randn(3, 5, generator=g), torch.randn(4, 5, 3, 3, generator=g)
    maps = torch.rand(20, 3, generator=g)
    maps /= maps.sum(1, keepdim=True)
    found = demodulation(maps.t(), products_of(scales, weight.square().sum((2, 3)).t()))
    for place, d in zip(maps, found, strict=True):
        modulated = weight * (place @ scales)[:, None, None]
        assert torch.allclose(d, (modulated.square().sum((1, 2, 3)) + 1e-8).rsqrt(), rtol=1e-5)


def test_far_from_every_boundary_the_image_is_that_of_one_style() -> None:
    # Between points 0 and 2^k the boundary lies in the middle; what reads across it is half a field and half a box.
    blur, boundary = 33, 256
    away = blur // 2 + receptive_px(SMALL) // 2 + 1
    ends = tuple(StylePoint(0, x, p.style, p.w_plus) for x, p in zip((0, 2 * boundary), points(), strict=False))
    picture = Plane(fused(Fusion(ends, blur)), cells=N).window(-9, boundary - away - 40, 20, 2 * (away + 40))
    left, right = (
        Plane(plain(number), cells=N).window(-9, boundary - away - 40, 20, 2 * (away + 40)) for number in (0, 1)
    )
    assert (picture - left)[..., :40].abs().max() <= 2e-5 * left.std()
    assert (picture - right)[..., -40:].abs().max() <= 2e-5 * right.std()
    # Across the boundary the same does not hold, and on it the image is neither.
    assert (picture - left)[..., -40:].abs().max() > 0.1 * left.std()
    middle = picture[..., away + 30 : away + 50]
    assert min(float((middle - p[..., away + 30 : away + 50]).abs().max()) for p in (left, right)) > 0.01


def test_tiles_are_cuts_of_what_is_painted_at_once() -> None:
    painter = fused(Fusion(points(), 21))
    whole = painter.paint([(-3, -2)], 19)[0]
    for dy, dx in ((0, 0), (1, 7), (10, 3), (8, 10)):
        origin = (dy - 3, dx - 2)
        tile = painter.paint([origin], N)[0]
        crop = whole[:, 8 * dy : 8 * dy + tile.shape[1], 8 * dx : 8 * dx + tile.shape[2]]
        assert mixed(painter, origin)
        assert (tile - crop).abs().max() <= 1e-5 * whole.std()


def test_tiles_in_company_are_those_alone() -> None:
    painter, origins = fused(Fusion(points(), 9)), [(1, 2), (-60, -80), (0, 5), (-60, -75), (-60, 300)]
    assert {mixed(painter, origin) for origin in origins} == {True, False}
    together = painter.paint(origins, N)
    for origin, tile in zip(origins, together, strict=True):
        assert (painter.paint([origin], N)[0] - tile).abs().max() <= 1e-5 * together.std()


def test_neither_the_order_of_points_nor_a_journey_changes_a_bit() -> None:
    painter = fused(Fusion(points(), 15))
    one = painter.paint([(2, 3)], N)
    assert torch.equal(fused(Fusion(points()[::-1], 15)).paint([(2, 3)], N), one)
    assert torch.equal(pickle.loads(pickle.dumps(painter)).paint([(2, 3)], N), one)


def test_a_cyclic_panorama_of_styles_repeats() -> None:
    period = 16  # 128 px, less than from the first to the second point
    painter = fused(Fusion(tuple(points()[index] for index in (0, 2)), 25), period)
    one, other = (painter.paint([(3, a)], N) for a in (2, 2 + period))
    assert mixed(painter, (3, 2))
    assert (one - other).abs().max() <= 1e-5 * one.std()
    apart = fused(Fusion(painter.fusion.points, 25)).paint([(3, 2 + period)], N)
    assert (one - apart).abs().max() > 0.1 * one.std()


@settings(max_examples=12, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=1, max_size=5, unique=True),
    blur=st.integers(1, 9),
    step=st.sampled_from([1, 4]),
    period=st.sampled_from([None, 25, 40]),
    far=st.sampled_from([0, 2**62, -(10**15)]),
)
def test_weights_are_the_mean_of_who_is_nearest(
    places: list[tuple[int, int]], blur: int, step: int, period: int | None, far: int
) -> None:
    style, w_plus = points()[0].style, points()[0].w_plus
    fusion = Fusion(tuple(StylePoint(y + far, x - far, style, w_plus) for y, x in places), blur, period)
    rows, columns = Ruler(far - 7, step, 5), Ruler(-far - 3, step, 4)
    numbers, weights = fusion.weights(rows, columns)
    assert (weights >= 0).all()
    assert (weights.sum(0) - 1).abs().max() <= 1e-6
    expected = _means(sorted(places), Ruler(-7, step, 5), Ruler(-3, step, 4), blur, period)
    for number, place in enumerate(expected):
        found = weights[numbers.index(number)] if number in numbers else torch.zeros(5, 4)
        assert (found - place).abs().max() <= 1e-6
    every = _means(sorted(places), Ruler(-7, 1, 4 * step + 1), Ruler(-3, 1, 3 * step + 1), blur, period)
    seen = fusion.present((rows.first, rows.last), (columns.first, columns.last))
    assert seen == tuple(number for number, shares in enumerate(every) if shares.any())


def test_every_layer_reads_the_styles_of_its_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells lie on multiples of 8 px, with their halo for the structure; features by the centre law."""
    painter, origin, seen = fused(Fusion(points(), 21)), (-3, 5), []
    structure, texture = FusedNetworks.structure, FusedNetworks.texture

    def read(self: FusedNetworks, local: Tensor, place: Tensor, weights: Tensor, chosen: list[int]) -> Tensor:
        seen.append(weights)
        return structure(self, local, place, weights, chosen)

    def drawn(self: FusedNetworks, x: Tensor, noises: list[Tensor], weights: list[Tensor], chosen: list[int]) -> Tensor:
        seen.extend(weights)
        assert chosen == [0, 1, 2]
        return texture(self, x, noises, weights, chosen)

    monkeypatch.setattr(FusedNetworks, "structure", read)
    monkeypatch.setattr(FusedNetworks, "texture", drawn)
    painter.paint([origin], N)
    h = SMALL.halo
    steps = [(8, -8 * h, N + 2 * h), (8, 0, N)]
    for layer, side in enumerate(layer_sides(N, 3)):
        step = 8 // unit(layer)  # the middle of every layer is the middle of the cells
        steps.append((step, (8 * (N - 1) - step * (side - 1)) // 2, side))
    for weights, (step, first, side) in zip(seen, steps, strict=True):
        numbers, expected = painter.fusion.weights(*(Ruler(8 * a + first, step, side) for a in origin))
        assert numbers == (0, 1, 2)
        assert torch.equal(weights[0], expected)


def test_the_last_layer_takes_the_style_of_its_own_pixels() -> None:
    rows, columns = fused(Fusion(points(), 9))._rulers((3, -7), N)[-1]
    lo = margins(SMALL.blocks)[0]
    assert rows == Ruler(8 * 3 + lo, 1, 37)
    assert columns == Ruler(8 * -7 + lo, 1, 37)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Fusion((), 9), "at least one style point"),
        (lambda: Fusion(points(), 0), "blur_px"),
        (lambda: Fusion(points(), 9, 0), "period_px"),
        (lambda: Fusion((points()[0], points(same=True)[0]), 9), r"Two style points lie at \(y, x\) = \(0, 0\)"),
        (lambda: Fusion((points()[0], StylePoint(0, 64, *_styles(points()[1]))), 9, 64), "Two style points"),
        (lambda: Fusion((points()[0], StylePoint(1, 1, torch.zeros(3), torch.zeros(7, 3))), 9), "one generator"),
        (lambda: fused(Fusion((StylePoint(1, 1, torch.zeros(3), torch.zeros(7, 3)),), 9)), r"\(16,\)"),
        (lambda: fused(Fusion(points(), 9, 64), period=9), "repeats after 72"),
    ],
)
def test_what_is_no_fusion_is_refused(make: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        make()  # type: ignore[operator]


def _styles(point: StylePoint) -> tuple[Tensor, Tensor]:
    return point.style, point.w_plus


def _means(places: list[tuple[int, int]], rows: Ruler, columns: Ruler, blur: int, period: int | None) -> list[Tensor]:
    """Pixel by pixel: the nearest place, by the order of (y, x) among equals, then its share of each box."""
    images = [
        (y, x + k * (period or 0), number)
        for number, (y, x) in enumerate(places)
        for k in (range(-4, 5) if period else [0])
    ]
    out = torch.zeros(len(places), rows.places, columns.places, dtype=torch.float64)
    for i in range(rows.places):
        for j in range(columns.places):
            top, left = rows.first + i * rows.step - blur // 2, columns.first + j * columns.step - blur // 2
            for y in range(top, top + blur):
                for x in range(left, left + blur):
                    nearest = min(images, key=lambda p: ((p[0] - y) ** 2 + (p[1] - x) ** 2, p[0], p[1]))
                    out[nearest[2], i, j] += 1
    return list(out / blur**2)
