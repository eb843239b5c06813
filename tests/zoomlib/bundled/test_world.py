"""The procedural world: its words, its pictures, scales inside scales."""

from collections import Counter

import pytest
import torch
from torch.nn import functional as F

from zoomlib.bundled.feed import Feed, draw_masks, seeded, turned
from zoomlib.bundled.recipe import Recipe
from zoomlib.bundled.tokenizer import END, MAX_TOKENS, captions, fixed_length, learn_merges, train_tokenizer
from zoomlib.bundled.world.fields import CellGrid, fractal_noise, grid, hsv
from zoomlib.bundled.world.pictures import compose, draw_pictures
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, FAR, NEAR, caption, phrase

SMALL = Recipe(shard=24, first_shards=2, most_shards=3, steps_per_shard=2, batch=8)


def test_every_class_draws_pictures_that_use_the_range():
    kinds = torch.arange(len(CLASSES)).repeat_interleave(3)
    pictures = draw_pictures(len(kinds), 32, seeded(1), kinds)
    assert pictures.images.dtype == torch.uint8
    assert tuple(pictures.images.shape) == (36, 3, 32, 32)
    contrast = pictures.images.float().flatten(1).std(1)
    assert (contrast > 8).all()


def test_the_same_seed_draws_the_same_pictures():
    one, two, other = (draw_pictures(6, 16, seeded(s)) for s in (3, 3, 4))
    assert torch.equal(one.images, two.images)
    assert not torch.equal(one.images, other.images)


def test_a_picture_wears_its_colour():
    """The hue of the mean colour of a picture lies nearest to that of its colour word, for most of them."""
    pictures = draw_pictures(120, 32, seeded(9), torch.randint(0, 10, (120,), generator=seeded(2)))
    worded = (pictures.colour >= 0) & (pictures.colour != COLOUR_NAMES.index("white"))
    rgb = pictures.images[worded].float().flatten(2)
    strong = (rgb - rgb.mean(1, keepdim=True)).mean(2)
    names = torch.arange(len(COLOUR_NAMES) - 1)
    from zoomlib.bundled.world.vocabulary import COLOURS

    hues = torch.tensor([COLOURS[COLOUR_NAMES[i]][0] for i in names])
    ideal = hsv(hues, torch.ones(len(hues)), torch.ones(len(hues)))
    ideal = ideal - ideal.mean(1, keepdim=True)
    seen = F.cosine_similarity(strong[:, None], ideal[None], dim=2).argmax(1)
    away = (seen - pictures.colour[worded]).abs()
    assert (torch.minimum(away, 8 - away) <= 1).float().mean() > 0.9


def test_far_views_hold_more_detail_than_near_ones():
    kinds = torch.full((60,), 11)
    pictures = draw_pictures(60, 64, seeded(5), kinds)
    detail = pictures.images.float().diff(dim=3).abs().mean((1, 2, 3)) / pictures.images.float().std((1, 2, 3))
    far = pictures.near < 0.62
    assert detail[far].mean() > 1.2 * detail[~far].mean()


def test_phrases_read_well():
    assert phrase(1, "orange") == "an orange spiral galaxy"
    assert phrase(1) == "a spiral galaxy"
    assert phrase(7, "green", FAR) == "a distant view of a green forest"
    assert phrase(8, None, NEAR, 1) == "a pile of leaves up close"
    assert caption(phrase(4), phrase(5)) == "a planet with a coast in the centre"
    assert not [c for c in captions() if "  " in c or "{" in c]


def test_compose_puts_the_area_average_into_the_middle():
    outer, inner = torch.rand(2, 3, 64, 64, generator=seeded(1)), torch.rand(2, 3, 64, 64, generator=seeded(2))
    out = compose(outer, inner, torch.tensor([0.1, 0.2]))
    assert torch.equal(out[..., :16, :], outer[..., :16, :])
    assert torch.allclose(out[..., 26:38, 26:38], F.avg_pool2d(inner, 2)[..., 10:22, 10:22], atol=1e-6)


def test_fractal_noise_has_the_asked_slope():
    field = fractal_noise(seeded(1), 64, 64, 1.5, 0.01)
    power = torch.fft.rfft2(field).abs().square().mean(0)
    low, high = power[4, 0], power[16, 0]
    assert float(torch.log2(low / high)) == pytest.approx(2 * 1.5 * 2, rel=0.15)


def test_cell_grid_finds_the_true_nearest_point():
    """Against all points of the grid, not only the nine candidates."""
    x, y = grid(24)
    cells = CellGrid(seeded(4), x, y, torch.tensor([4.0]), jitter=0.5)
    first, second, own = cells.nearest()
    assert (first <= second).all()
    assert (cells.dx.abs().amin(1) <= 0.75).all()
    assert own.unique().numel() >= 16


def test_tokenizer_ends_every_text_and_pads_with_zero():
    tokenizer = fixed_length(train_tokenizer())
    end = tokenizer.token_to_id(END)
    assert end == tokenizer.get_vocab_size() - 1
    for text in ("", "a red galaxy", "Ünïcode 😀 \x07", "word " * 500):
        ids = tokenizer.encode(text).ids
        assert len(ids) == MAX_TOKENS
        assert ids.count(end) == 1
        assert set(ids[ids.index(end) + 1 :]) <= {0}


def test_every_caption_of_the_world_fits_the_context():
    tokenizer = train_tokenizer()
    assert max(len(tokenizer.encode(c).ids) for c in captions()) <= MAX_TOKENS


def test_a_word_of_the_world_is_one_token():
    tokenizer = train_tokenizer()
    words = {word for c in captions() for word in c.split()}
    whole = [word for word in words if len(tokenizer.encode(word).ids) == 3]
    assert len(whole) == len(words)


def test_feed_depends_on_step_alone():
    straight = Feed(SMALL, size=16)
    batches = [straight.batch(step) for step in range(6)]
    resumed = Feed(SMALL, size=16).batch(5)
    assert torch.equal(resumed.images, batches[5].images)
    assert resumed.captions == batches[5].captions
    assert not torch.equal(batches[4].images, batches[5].images)


def test_feed_differs_between_workers():
    one, two = (Feed(SMALL, worker, size=16).batch(0) for worker in (0, 1))
    assert not torch.equal(one.images, two.images)


def test_captions_tell_of_the_centre_only_where_it_is_there():
    batch = Feed(Recipe(shard=48, first_shards=2, batch=64), size=16).batch(0)
    told = torch.tensor(["in the" in c and " with " in c for c in batch.captions])
    assert torch.equal(told, batch.inner_kind >= 0)
    assert 0.25 < told.float().mean() < 0.75


def test_turned_pictures_keep_their_pixels():
    images = torch.rand(5, 3, 8, 8, generator=seeded(1))
    out = turned(images, seeded(2))
    assert torch.equal(out.flatten(2).sort(2).values, images.flatten(2).sort(2).values)


def test_masks_keep_the_share_that_was_asked():
    masks = draw_masks(400, 64, 0.5, Recipe().mask_kinds, seeded(3))
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    whole = (masks.flatten(1).mean(1) == 1).float().mean()
    assert 0.42 < whole < 0.58
    assert (masks.flatten(1).sum(1) >= 64).all(), "at least one line of pixels is always to be made"


def test_the_tokenizer_is_the_same_every_time():
    assert train_tokenizer().to_str() == train_tokenizer().to_str()


def test_merges_take_the_commonest_pair_first_and_the_smallest_of_equals():
    assert list(learn_merges(Counter({"ab": 1, "cab": 2}))) == [("a", "b</w>"), ("c", "ab</w>")]
    assert next(learn_merges(Counter({"xy": 1, "ab": 1}))) == ("a", "b</w>")
