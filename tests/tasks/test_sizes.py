"""Sizes of levels: refused with ones that suit model and zoom factor together, kept apart in the store, told about."""

import re

import pytest

from tasks.cost import cost
from tasks.errors import RefusedError
from tasks.sizes import step_px, suitable
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import run
from tests.tasks.test_plan import prepared
from zoomlib.geometry import pyramid_depth
from zoomlib.stack import ZoomStack

LATENT = {"factor": 8, "multiple": 1}


def test_the_size_is_that_of_the_levels(tmp_path):
    report = run(tmp_path, "model.size=48x32", "enlarge.model=none")
    assert report.run.shape == (3, 32, 48)
    assert ZoomStack.load(report.run.folder / "stack").levels.shape[2:] == (32, 48)


def test_runs_of_two_sizes_share_nothing_that_was_sampled(tmp_path):
    wide, square = run(tmp_path, "model.size=64x32"), run(tmp_path, "model.size=32x32")
    assert wide.run.id != square.run.id
    assert wide.results["sampling"].facts["shape"][2:] == [32, 64]
    assert square.results["sampling"].facts["shape"][2:] == [32, 32]


@pytest.mark.parametrize(
    ("studio", "settings", "words"),
    [
        (Studio(), ["p=3"], r"thirds.* 32 x 32 .*multiples of 3\. Use --shape 33x33 \(or 36x36, of which blending"),
        (Studio(), ["p=3", "model.size=64x32"], r"multiples of 3\. Use --shape 63x33 \(or 54x36"),
        (Studio(multiple=8), ["p=3"], r"multiples of 24\. Use --shape 24x24"),
        (Studio(multiple=8), ["p=3", "model.size=70x64"], r"24 pixels for this model and p = 3.* --shape 72x72"),
        (Studio(multiple=8), ["p=2", "model.size=70x64"], r"8 pixels for this model, .* --shape 72x64"),
        (Studio(multiple=8), ["p=2.5", "model.size=70x64"], r"8 pixels for this model, .* --shape 72x64"),
        (Studio(), ["model.size=12"], "from 16 to 8192"),
        (Studio(), ["model.size=64x"], "WIDTHxHEIGHT"),
        (Studio(), ["model.size=64x64x3"], "WIDTHxHEIGHT"),
    ],
)
def test_a_size_that_does_not_suit_is_refused_with_one_that_does(tmp_path, studio, settings, words):
    with pytest.raises(RefusedError, match=words):
        prepared(tmp_path, *settings, studio=studio)
    assert studio.loaded == []


def test_a_size_that_was_named_is_accepted(tmp_path):
    for multiple in (1, 2, 8):
        for p in (2, 3, 4, 5):
            studio = Studio(multiple=multiple)
            try:
                prepared(tmp_path, f"p={p}", "model.size=88x72", studio=studio)
            except RefusedError as error:
                named = re.findall(r"\d+x\d+", str(error))
                assert named
                for size in named:
                    prepared(tmp_path, f"p={p}", f"model.size={size}", studio=studio)


def test_methods_of_any_factor_take_any_size(tmp_path):
    assert prepared(tmp_path, "method=superres", "p=3", "model.size=50x34").size_px == (34, 50)


@pytest.mark.parametrize(
    ("size_px", "p", "near", "deep"),
    [((768, 768), 3, (768, 768), (864, 864)), ((512, 512), 3, (504, 504), (432, 432)), ((1024, 576), 2, None, None)],
)
def test_suitable_sizes_of_a_latent_model(size_px, p, near, deep):
    found = suitable(size_px, LATENT, p)
    assert found == (near or size_px, deep or found[1])
    for sides in found:
        assert all(side % step_px(LATENT, p) == 0 for side in sides)
    assert pyramid_depth(found[1][0] // 8, found[1][1] // 8, p) >= 3


def test_a_shallow_pyramid_is_told(tmp_path):
    assert prepared(tmp_path).notes == ()
    (note,) = prepared(tmp_path, "model.size=44x44", "p=4").notes
    assert "Levels of 44x44 can be divided by p = 4 only once" in note
    assert "--shape 48x48" in note
    assert prepared(tmp_path, "model.size=44x44", "p=4", "method=superres").notes == ()
    assert prepared(tmp_path, "model.size=44x44", "p=4", levels=["a", "b"]).notes == ()  # one wider level is all


def test_a_film_smaller_than_the_levels_is_told(tmp_path):
    (note,) = prepared(tmp_path, "model.size=1024x512").notes
    assert "--size 1024" in note
    assert prepared(tmp_path, "model.size=1024x512", "film.size_px=1024").notes == ()


def test_a_loop_of_three_levels_in_which_each_sees_itself_is_accepted(tmp_path):
    assert prepared(tmp_path, loop=True).config.sampling["loop"] is True
    assert prepared(tmp_path, "method=iterative", loop=True).config.sampling["loop"] is True


def test_the_time_of_another_size_is_judged_by_its_pixels(tmp_path):
    studio = Studio(seconds_per_step=0.02)
    pace = run(tmp_path, studio=studio).results["sampling"].facts["evaluation_s"]
    estimate = cost(prepared(tmp_path, "model.size=64x64", "guidance.scale=1", studio=studio))
    assert estimate.sampling_s == pytest.approx(4 * pace * estimate.evaluations)
