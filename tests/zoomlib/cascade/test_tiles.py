"""Levels made in tiles: the tiles cover them, and one tile, or a model that looks at single places, changes nothing."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.painter import Painter
from tests.doubles.tiny_upscalers import x4
from zoomlib.cascade.tiles import Tiled, places, tiles, weights
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Condition, Denoiser, IdentityCodec, Wrapper
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.models import load_upscaler


@given(length=st.integers(1, 300), tile=st.integers(1, 300), overlap=st.floats(0, 0.75))
@settings(max_examples=200, deadline=None)
def test_tiles_cover_a_level_and_weigh_one_in_all(length, tile, overlap):
    tile = min(tile, length)
    starts = places(length, tile, overlap)
    assert (starts[0], starts[-1]) == (0, length - tile)
    assert all(0 < b - a <= tile for a, b in pairwise(starts))
    total = torch.zeros(length, 7)
    cut = (length, 7), (tile, 7), overlap
    for window, weight in zip(tiles(*cut), weights(*cut), strict=True):
        assert (weight > 0).all()
        total[window.slices] += weight[0]
    torch.testing.assert_close(total, torch.ones_like(total), atol=1e-5, rtol=0)


def test_neighbours_share_at_least_the_overlap():
    starts = places(200, 64, 0.25)
    assert all(64 - (b - a) >= 16 for a, b in pairwise(starts))
    assert places(64, 64) == (0,)
    assert places(65, 64) == (0, 1)


def test_a_model_of_single_places_does_not_see_tiles():
    painter, tiled = Painter(), Tiled(Painter(), (72, 104))
    assert (tiled.shape, isinstance(tiled, Denoiser), tiled.count) == ((3, 72, 104), True, 12)
    z, step, told = torch.randn(2, 3, 72, 104), painter.ladder(4)[1], tiled.condition(["a", "b"])
    ours = Guided(Chunked(tiled, 1), 1.0).predict_clean(z, step, told)
    torch.testing.assert_close(ours, painter.predict_clean(z, step, told), atol=1e-5, rtol=0)


@pytest.mark.parametrize("how", [{"size": (32, 32)}, {"tile": (32, 32)}])
def test_one_tile_is_the_model_itself(how):
    model = GaussianDenoiser((3, 32, 32))
    z, step, told = torch.randn(2, 3, 32, 32), model.ladder(4)[1], model.condition(["1", "2"])
    assert torch.equal(Tiled(model, **how).predict_clean(z, step, told), model.predict_clean(z, step, told))


def test_tiles_of_a_wide_field_are_smooth_across_their_borders():
    """The estimate of a smooth field with little noise is that field, also where tiles meet."""
    model = GaussianDenoiser((1, 32, 32))
    x = torch.sin(torch.arange(96) / 15)[None, None, None].expand(1, 1, 80, 96)
    step = model.ladder(1000)[995]
    out = Tiled(model, (80, 96)).predict_clean(step.alpha * x, step, model.condition(["0"]))
    torch.testing.assert_close(out, x, atol=0.02, rtol=0)


class Inpainter(Wrapper):
    """Paints what it was told to keep, and the prompt's colour elsewhere."""

    inpaints = True

    def condition(self, prompts, negatives=None, *, image=None, mask=None):
        rows = dict(super().condition(prompts).rows)
        return Condition(rows if image is None else rows | {"kept": image * (1 - mask), "mask": mask})

    def predict_clean(self, z, step, condition):
        made = condition.rows["colour"][:, :, None, None].expand_as(z)
        return torch.where(condition.rows["mask"] > 0, made, condition.rows["kept"])


@pytest.mark.parametrize("wrap", [lambda d: Guided(Tiled(d, (48, 64)), 2.0), lambda d: Tiled(Guided(d, 2.0), (48, 64))])
def test_tiles_of_an_inpainting_model_know_their_part_of_the_picture(wrap):
    model = wrap(Inpainter(Painter()))
    image = torch.rand(2, 3, 48, 64) * 2 - 1
    mask = (torch.rand(2, 1, 48, 64) > 0.5).float()
    told = model.condition(["a", "b"], ["a", "b"], image=image, mask=mask)
    out = model.predict_clean(torch.randn(2, 3, 48, 64), model.ladder(3)[1], told[0:2])
    kept = mask.expand_as(image) == 0
    torch.testing.assert_close(out[kept], image[kept], atol=1e-5, rtol=0)


def test_tiles_of_an_up_scaler_see_their_part_of_the_small_picture(tmp_path):
    """Its autoencoder aside, a tile of the level is what the up-scaler makes of that part of the small pictures."""
    upscaler = load_upscaler(x4(tmp_path / "x4")[0])
    levels = torch.rand(2, 3, 16, 24) * 2 - 1
    noise = torch.randn(2, 3, 16, 24)
    whole = upscaler.denoiser(levels, generator=torch.Generator(), draw=lambda shape: noise)
    left = upscaler.denoiser(levels[..., :16], generator=torch.Generator(), draw=lambda shape: noise[..., :16])
    tiled = Guided(Tiled(whole, tile=(16, 16), overlap=0.5), 3.0)
    z, step = torch.randn(2, 4, 16, 24), whole.ladder(4)[1]
    assert tiled.shape == (4, 16, 24)
    told = tiled.condition(["a leaf", "a cell"], None)
    out = tiled.predict_clean(z, step, told)
    alone = Guided(left, 3.0)
    expected = alone.predict_clean(z[..., :16], step, alone.condition(["a leaf", "a cell"]))
    torch.testing.assert_close(out[..., :8], expected[..., :8], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("how", "said"), [({"size": (16, 64)}, "larger than it"), ({"size": (64, 64), "overlap": 0.9}, "overlap")]
)
def test_impossible_tiles_are_refused(how, said):
    with pytest.raises(InvalidInputError, match=said):
        Tiled(Painter(), **how)


def test_pictures_pass_the_codec_of_the_model():
    assert isinstance(Tiled(Painter(), (64, 64)).codec, IdentityCodec)
