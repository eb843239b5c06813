"""Scores of sets as a whole: names, order, intervals by story, what is said of small sets, ScaleInv, drawn worlds."""

import math

import numpy as np
import pytest
import torch

from evaluation.catalogue import CATALOGUE
from evaluation.sets import Extractor, Features, Reference, Settings, extract, load_extractor, scaleinv, score_set
from evaluation.sets.intervals import MOST_GROUPS, draws, interval, numbered
from evaluation.sets.published import PUBLISHED, published
from evaluation.sets.scaleinv import reduced, renamed, scale_of
from evaluation.table import Score
from zoomlib.bundled.world import CLASS_NAMES, draw_pictures
from zoomlib.errors import InvalidInputError
from zoomlib.images import from_uint8

COLOUR = Extractor("colour", "1", lambda image: image.mean((1, 2)), lambda pixels: (pixels, None))
INCEPTION = Extractor("inception", "1", COLOUR.prepare, COLOUR.embed, is_inception=True)


def features(count, dims=6, seed=0, shift=0.0):
    return Features(torch.randn(count, dims, generator=torch.Generator().manual_seed(seed)) + shift)


def values(scores):
    return {score.score: score.value for score in scores}


def test_rows_are_of_the_set_and_name_the_extractor():
    scores = score_set(features(40), Reference(features(50, seed=1)), COLOUR, groups=[k // 5 for k in range(40)])
    assert {(s.scope, s.level, s.scorer, s.scorer_revision) for s in scores} == {("set", None, "colour", "1")}
    found = values(scores)
    assert (found["set_images"], found["set_stories"], found["reference_images"]) == (40, 8, 50)
    for name in ("frechet_distance", "kernel_distance"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]


def test_the_kernel_distance_stands_first_below_2048_pictures_and_fid_from_there_on():
    quick = Settings(resamples=0, subsets=2, subset_size=50)
    few = score_set(features(2047), Reference(features(2048)), INCEPTION, settings=quick)
    enough = score_set(features(2048), Reference(features(2048)), INCEPTION, settings=quick)
    assert (few[0].score, values(few)["rank_deficient"]) == ("kid", 1)
    assert (enough[0].score, values(enough)["rank_deficient"]) == ("fid", 0)


def test_more_features_than_pictures_are_too_few_pictures():
    wide = Features(torch.randn(2100, 2300, generator=torch.Generator().manual_seed(0)))
    from evaluation.sets.scoring import is_deficient

    assert is_deficient(wide, wide)
    assert not is_deficient(Features(wide.values[:, :500]), Features(wide.values[:, :500]))


def test_equal_settings_give_equal_scores_and_another_seed_other_intervals():
    given = (features(30), Reference(features(45, seed=1)), COLOUR)
    stories = [k // 3 for k in range(30)]
    one, same, other = (score_set(*given, groups=stories, settings=Settings(seed=seed)) for seed in (0, 0, 1))
    assert one == same
    assert values(one)["frechet_distance_low"] != values(other)["frechet_distance_low"]
    assert values(one)["frechet_distance"] == values(other)["frechet_distance"]


def test_of_one_story_nothing_follows_for_others():
    found = values(score_set(features(30), Reference(features(45, seed=1)), COLOUR, groups=["a"] * 30))
    assert not [name for name in found if name.endswith(("_low", "_high"))]


def test_levels_of_few_stories_make_the_interval_wide_and_pictures_of_their_own_narrow():
    """Pictures of a story alike: as many pictures tell much less, and the interval must show it."""
    generator = torch.Generator().manual_seed(3)
    centres = torch.randn(10, 1, 6, generator=generator)
    alike = Features((centres + 0.2 * torch.randn(10, 8, 6, generator=generator)).flatten(0, 1))
    reference = Reference(features(300, seed=4))
    stories = [k // 8 for k in range(80)]

    def width(groups):
        found = values(score_set(alike, reference, COLOUR, groups=groups))
        return found["kernel_distance_high"] - found["kernel_distance_low"]

    assert width(stories) > 2 * width(None)


@pytest.mark.parametrize("name", ["frechet_distance", "kernel_distance"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(name):
    """The truth is the mean score over many sets of 12 stories; of 60 intervals at least 51 (85 %) must hold it, where
    57 are expected. Intervals of pictures taken as independent hold it in about half of the cases."""
    reference = Reference(features(400, 4, seed=1))

    def story_set(seed):
        generator = torch.Generator().manual_seed(seed)
        centres = torch.randn(12, 1, 4, generator=generator) * 0.7 + 0.8
        return Features((centres + 0.5 * torch.randn(12, 5, 4, generator=generator)).flatten(0, 1))

    settings = Settings(resamples=60, subsets=4)
    stories = [k // 5 for k in range(60)]
    found = [values(score_set(story_set(s), reference, COLOUR, groups=stories, settings=settings)) for s in range(60)]
    truth = np.mean([one[name] for one in found])
    held = sum(one[f"{name}_low"] <= truth <= one[f"{name}_high"] for one in found)
    assert held >= 51


def test_groups_are_numbered_in_order_and_very_many_are_joined_evenly():
    random = np.random.default_rng(0)
    assert numbered(["b", "a", "b", "c"], 4, random).tolist() == [0, 1, 0, 2]
    many = numbered(None, 5 * MOST_GROUPS, random)
    assert torch.bincount(many).tolist() == [5] * MOST_GROUPS


def test_draws_take_as_many_groups_as_there_are():
    drawn = draws(7, 50, np.random.default_rng(0))
    assert drawn.shape == (50, 7)
    assert bool((drawn.sum(1) == 7).all())
    assert math.isnan(interval(1.0, lambda counts: 0.0, draws(1, 50, np.random.default_rng(0)))[0])


def test_the_interval_of_a_mean_is_students():
    """t sd / sqrt(S), with Bessel's correction: to the noise of 4,000 draws, 4 %."""
    sample = torch.randn(9, generator=torch.Generator().manual_seed(0)).double()
    drawn = draws(9, 4000, np.random.default_rng(0))
    low, high = interval(float(sample.mean()), lambda counts: float(counts.double() @ sample / 9), drawn)
    assert (high - low) / 2 == pytest.approx(2.306 * float(sample.std()) / 3, rel=0.04)


def pyramids(size, count=16):
    """Of N the same pictures, N times larger: smooth, so that making them small again gives them back."""

    def draw(scale):
        for seed in range(count):
            coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
            yield torch.nn.functional.interpolate(coarse, scale * size, mode="bilinear", align_corners=True)[0]

    return draw


def test_pictures_that_keep_their_structure_at_every_size_keep_their_distance():
    draw = pyramids(32)
    reference = Reference(extract(draw(1), lambda image: image, COLOUR))
    found = values(scaleinv(draw, reference, COLOUR, size_px=(32, 32), settings=Settings(resamples=0)))
    assert found["scaleinv_frechet_distance_1x"] == pytest.approx(0, abs=1e-9)
    for scale in (2, 4, 8):
        for way in ("", "_antialiased"):
            assert found[f"scaleinv_frechet_distance_{scale}x{way}"] == pytest.approx(0, abs=1e-3)
            assert found[f"scaleinv_set_images_{scale}x{way}"] == 16
    assert "scaleinv_frechet_distance_1x_antialiased" not in found


def test_at_the_training_size_it_is_the_plain_distance():
    draw, reference = pyramids(32), Reference(features(40, 3, seed=5))
    plain = values(score_set(extract(draw(1), lambda image: image, COLOUR), reference, INCEPTION))
    scaled = values(scaleinv(draw, reference, INCEPTION, size_px=(32, 32), scales=(1,)))
    assert scaled["scaleinv_fid_1x"] == plain["fid"]
    assert scaled["scaleinv_kid_1x_low"] == plain["kid_low"]


def test_large_pictures_are_drawn_one_after_another():
    """No more than two batches of small ones are taken ahead of the one in work."""
    drawn, done = [0], [0]

    def draw(scale):
        for image in pyramids(16, 60)(scale):
            drawn[0] += 1
            assert drawn[0] - done[0] <= 3 * 8
            yield image

    def told(scale, count):
        assert scale == 4
        done[0] = count

    scaleinv(
        draw,
        Reference(features(20, 3)),
        COLOUR,
        size_px=(16, 16),
        scales=(4,),
        antialias=(True,),
        settings=Settings(resamples=0),
        batch=8,
        on_image=told,
    )
    assert done[0] == 60


def test_aliasing_shows_only_without_antialiasing():
    board = (torch.arange(128)[:, None] // 2 + torch.arange(128) // 2) % 2 * 2.0 - 1
    image = board.expand(3, -1, -1)
    assert reduced(image, (32, 32), antialias=True)[:, 4:-4, 4:-4].abs().max() < 0.05
    assert reduced(image, (32, 32), antialias=False).abs().max() > 0.9


def test_sizes_that_are_no_multiple_are_refused():
    assert scale_of((96, 192), (32, 64)) == 3
    for shape in ((33, 64), (64, 64), (16, 32)):
        with pytest.raises(InvalidInputError, match="no whole number of times"):
            scale_of(shape, (32, 64))
    with pytest.raises(InvalidInputError, match="one of 2 times came"):
        scaleinv(lambda n: pyramids(32)(2), Reference(features(9, 3)), COLOUR, size_px=(32, 32), scales=(4,))


def test_names_at_a_scale_keep_their_endings_and_leave_out_is():
    names = ("fid", "fid_low", "kid_sd", "inception_score", "inception_score_low", "rank_deficient")
    found = [score.score for score in renamed([Score(name, 1.0, "set") for name in names], 4, antialias=True)]
    assert found == [
        "scaleinv_fid_4x_antialiased",
        "scaleinv_fid_4x_antialiased_low",
        "scaleinv_kid_4x_antialiased_sd",
        "scaleinv_rank_deficient_4x_antialiased",
    ]


def blurred(images, sigma):
    if sigma == 0:
        return images
    axis = torch.arange(-9, 10).float()
    taps = torch.exp(-((axis / sigma) ** 2) / 2)
    taps = (taps / taps.sum()).expand(3, 1, 1, -1)
    padded = torch.nn.functional.pad(images, (9, 9, 9, 9), mode="reflect")
    conv = torch.nn.functional.conv2d
    return conv(conv(padded, taps, groups=3), taps.transpose(2, 3), groups=3)


@pytest.fixture(scope="module")
def world():
    def draw(count, seed, kind=None):
        kinds = None if kind is None else torch.full((count,), kind)
        pictures = draw_pictures(count, 64, torch.Generator().manual_seed(seed), kinds)
        return from_uint8(pictures.images.movedim(1, -1).numpy())

    return draw


def test_distances_of_drawn_worlds_grow_with_blur_and_with_another_subject(world):
    extractor = load_extractor("bundled")
    images = world(96, 1)
    reference = Reference(extract(world(96, 2), lambda image: image, extractor))

    def measured(pictures):
        found = values(
            score_set(
                extract(pictures, lambda image: image, extractor), reference, extractor, settings=Settings(resamples=0)
            )
        )
        return found["frechet_distance"], found["kernel_distance"]

    same = measured(images)
    blurs = [measured(blurred(images, sigma)) for sigma in (0.7, 1.5, 3.0)]
    assert len(CLASS_NAMES) > 3
    other = measured(world(96, 3, kind=3))
    for k in range(2):
        steps = [same[k], *(blur[k] for blur in blurs)]
        assert steps == sorted(steps)
        assert steps[-1] > 3 * max(same[k], 0)
        assert other[k] > 3 * max(same[k], 0)


def test_published_values_are_of_scores_that_we_measure_by_inception():
    assert {one.score for one in PUBLISHED} <= CATALOGUE.keys()
    assert {one.value for one in published("scaleinv_fid_8x")} >= {121.18, 189.65}
    assert published("frechet_distance") == ()
