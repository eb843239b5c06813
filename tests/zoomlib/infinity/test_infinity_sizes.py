"""Property 1 of the specification: closed forms against the modules, for 1 to 7 blocks, 5 to 40 cells."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.infinity import sizes
from zoomlib.infinity.config import TINY, TINY_DISCRIMINATOR, DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.networks.modulation import ToRGB
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.texture import Texture

DEFAULT = GeneratorConfig()


def slim(blocks: int) -> GeneratorConfig:
    return replace(TINY, blocks=blocks, style=2, local=2, texture=(2,) * blocks, mapping_layers=1)


def check_sides(texture: Texture, height: int, width: int) -> None:
    """What really comes out of each layer, after each block and at the end, without numbers: on the meta device."""
    blocks = texture.config.blocks
    expected = list(zip(sizes.layer_sides(height, blocks), sizes.layer_sides(width, blocks), strict=True))
    seen: list[tuple[int, ...]] = []
    hooks = [
        layer.register_forward_hook(lambda _module, _given, out: seen.append(tuple(out.shape[-2:])))
        for layer in texture.layers
    ]
    noises = [torch.empty(1, 1, *side) for side in expected]
    out = texture(torch.empty(1, texture.config.local, height, width), torch.empty(1, texture.config.style), noises)
    for hook in hooks:
        hook.remove()
    assert seen == expected
    assert out.shape[-2:] == seen[-1] == (sizes.out_side(height, blocks), sizes.out_side(width, blocks))
    for some in range(1, blocks + 1):
        assert seen[2 * some - 1][0] == 2**some * height - 5 * (2**some - 1) == sizes.out_side(height, some)


@pytest.mark.parametrize("blocks", range(1, 8))
def test_the_modules_have_the_sides_of_the_closed_forms(blocks, monkeypatch):
    # Autocast knows no meta device; what it guards has no part in shapes.
    monkeypatch.setattr(
        "zoomlib.infinity.networks.modulation.torch.autocast", lambda *_given, **_named: torch.no_grad()
    )
    # Seven blocks contain the fewer ones, so that these need fewer numbers of cells; all sides are linear in them.
    step = 5 if blocks == 7 else 12
    with torch.device("meta"):
        texture = Networks(slim(blocks)).texture
        for cells in range(5, 41, step):
            check_sides(texture, cells, min(cells + 1, 40))


def test_sides_of_the_paper():
    assert [sizes.out_side(cells, 4) for cells in (11, 22, 17, 21)] == [101, 277, 197, 261]
    assert sizes.layer_sides(11, 4) == (19, 17, 31, 29, 55, 53, 103, 101)
    assert sizes.margins(4) == (30, 45)
    assert sizes.margins(3) == (14, 21)
    assert (DEFAULT.patch_px, TINY.patch_px, DEFAULT.halo, TINY.halo) == (101, 37, 12, 6)


@given(side=st.integers(1, 10_000), blocks=st.integers(1, 7))
@settings(max_examples=50)
def test_the_inverse_is_the_fewest_cells(side, blocks):
    cells = sizes.cells_for(side, blocks)
    assert sizes.out_side(cells, blocks) >= side
    assert 2**blocks * (cells - 1) - 5 * (2**blocks - 1) < side


@given(start=st.integers(-(10**12), 10**12), length=st.integers(1, 3000), blocks=st.integers(1, 7))
@settings(max_examples=50)
def test_a_cover_is_the_fewest_cells_that_hold_a_range(start, length, blocks):
    a, b = sizes.cover(start, start + length, blocks)
    lo, hi = sizes.margins(blocks)
    scale = 2**blocks
    assert scale * a + lo <= start < scale * (a + 1) + lo
    assert scale * (b - 1) - hi < start + length <= scale * b - hi
    assert sizes.out_side(b - a, blocks) == (scale * b - hi) - (scale * a + lo)


def test_parameters_and_work_of_the_paper():
    # 22,830,868 with a constant of 256x4x4 that nothing reads.
    assert sizes.parameters(DEFAULT) == 13_528_076 + 22_830_868 - 256 * 16
    for config in (slim(2), TINY):
        assert sizes.parameters(config) == sum(value.numel() for value in Networks(config).parameters())
    assert [round(sizes.macs_per_pixel(DEFAULT, cells) / 1e3) for cells in (11, 15, 21, 27, 35)] == pytest.approx(
        [5274, 4657, 4365, 4245, 4165], abs=1
    )
    assert sizes.receptive_px(DEFAULT) == (6 + 24) * 16


def test_sizes_are_read_as_they_are_written():
    for config in (DEFAULT, TINY, replace(TINY, axes="periodic")):
        assert GeneratorConfig.from_json(config.as_json()) == config
    for config in (DiscriminatorConfig(), TINY_DISCRIMINATOR):
        assert DiscriminatorConfig.from_json(config.as_json()) == config


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"block": 3}, "block"),
        ({"blocks": 3}, "texture"),
        ({"blocks": True}, "blocks"),
        ({"blocks": "4"}, "'4'"),
        ({"texture": [512, 512, 512, "512"]}, "texture"),
        ({"local": 0}, "local"),
        ({"axes": "round"}, "periodic"),
        ({"rise": -1.0}, "rise"),
        ({"cells": 4}, "at least 5"),
        ({"cells": 4, "blocks": 7, "texture": [8] * 7}, "at least 5"),
    ],
)
def test_wrong_sizes_are_refused_with_the_remedy(values, word):
    with pytest.raises(InvalidInputError, match=word):
        GeneratorConfig.from_json(values)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: sizes.out_side(4, 4),
        lambda: sizes.out_side(11, 0),
        lambda: sizes.cells_for(0, 4),
        lambda: sizes.cover(5, 5, 4),
        lambda: DiscriminatorConfig(patch_px=16),
    ],
)
def test_what_makes_no_pixel_is_refused(wrong):
    with pytest.raises(InvalidInputError):
        wrong()


def test_each_to_rgb_reads_the_style_of_the_paper():
    texture = Networks(DEFAULT.__class__(**{**TINY.as_json(), "blocks": 4, "texture": (4,) * 4, "style": 4})).texture
    read = []
    styles = torch.arange(9.0)[None, :, None].expand(1, 9, 4)
    for module in texture.modules():
        if isinstance(module, ToRGB):
            module.register_forward_hook(lambda _module, given, _out: read.append(int(given[1][0, 0])))
    noises = [torch.zeros(1, 1, side, side) for side in sizes.layer_sides(5, 4)]
    texture(torch.zeros(1, TINY.local, 5, 5), styles, noises)
    assert read == [3, 5, 7, 8]
