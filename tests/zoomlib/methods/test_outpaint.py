"""Outpainting as a method, on models with an exact answer, on tiny real ones, and on one that fails."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_model import write_tiny_model
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.zoomlib.methods.scenes import (
    MODES,
    SIDE,
    assert_windows_show_the_deeper_levels,
    gaussian,
    gen,
    picture,
    prompts,
    scene,
)
from zoomlib.area import show
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import boxes, whole_pixels, windows
from zoomlib.methods import independent, load_method, outpaint
from zoomlib.models import load_denoiser
from zoomlib.noise import draw_seed, level_generator
from zoomlib.outpainting.canvas import border, sides
from zoomlib.pyramid import down
from zoomlib.walk import picture_shape


class Sure(GaussianDenoiser):
    """Estimates one colour, whatever it is shown."""

    def predict_clean(self, z, step, condition):
        return torch.full_like(z, 0.25)


@pytest.fixture(scope="module")
def pixel_model(tmp_path_factory):
    return load_denoiser(write_tiny_model(tmp_path_factory.mktemp("pixel")))


@pytest.fixture(scope="module", params=[9, 4], ids=["inpainting", "text-to-image"])
def latent_model(request, tmp_path_factory):
    return load_denoiser(latent_pipeline(tmp_path_factory.mktemp("latent"), request.param)[0])


@pytest.mark.parametrize("mode", ["direct", "sequential"])
@pytest.mark.parametrize("padding", ["reflect", "symmetric", "edge", "noise", "black"])
@pytest.mark.parametrize(("size", "margin"), [((24, 24), 12), ((24, 24), 6), ((16, 36), 5.5), ((30, 20), 30)])
def test_every_window_shows_the_deeper_levels_exactly(mode, padding, size, margin):
    """Largest absolute difference 0, at any margin, in any shape, with any padding."""
    stack = outpaint.sample_stack(
        gaussian(*size), prompts(3), margin=margin, mode=mode, padding=padding, steps=2, generator=gen()
    )
    assert stack.p == pytest.approx((size[1] + 2 * margin) / size[1])
    assert_windows_show_the_deeper_levels(stack)


@pytest.mark.parametrize("method", MODES)
@pytest.mark.parametrize("p", [2, 1.5, 1.3])
def test_kept_pixels_of_a_real_pixel_model_do_not_change(pixel_model, method, p):
    *_, state = load_method(method).sample(pixel_model, ["a red galaxy"] * 3, p=p, steps=2, generator=gen())
    kept = [record for record in state.records if record["what"] == "kept"]
    assert [record["level"] for record in kept] == [1, 0]
    assert all(record["change"] == 0 and record["pixels"] > 100 for record in kept)
    for level, box in enumerate(boxes(3, 32, 32, p)):
        shown = show([state.clean[level], *state.clean[level + 1 :]], boxes(3, 32, 32, p)[level:], p)
        rows, columns = whole_pixels(box, 32, 32).slices
        assert (state.clean[level] - shown)[:, rows, columns].abs().max() == 0


@pytest.mark.parametrize("method", MODES)
def test_kept_pixels_of_a_latent_model_do_not_change(latent_model, method):
    """Though its codec changes every pixel that passes it. Focus and factor leave windows off the latent grid."""
    assert picture_shape(latent_model) == (3, 16, 16)
    start, focus = picture((3, 16, 16)), [(0.4, 0.55), None, None]
    stack = load_method(method).sample_stack(
        latent_model, ["a", "b", "c"], p=1.5, focus=focus, photo=start, steps=2, generator=gen()
    )
    assert torch.equal(stack.levels[2], start)
    assert_windows_show_the_deeper_levels(stack)


def test_windows_of_a_latent_model_lie_on_the_grid_of_its_pictures(latent_model):
    """In pixels, where one of its own would be half as fine."""
    focus = [(0.4, 0.55), None]
    stack = outpaint.sample_stack(latent_model, ["a", "b"], p=2, focus=focus, steps=1, generator=gen())
    (window,) = windows(2, 16, 16, 2, focus)
    assert (stack.windows[0].top, stack.windows[0].left) == (window.top, window.left) == (5, 2)
    assert torch.allclose(stack.levels[0][:, *window.slices], down(stack.levels[1], 2), atol=1e-6)


@pytest.mark.parametrize("method", MODES)
@pytest.mark.parametrize("padding", ["black", "edge"])
def test_every_pixel_of_the_border_is_made(method, padding):
    """At any factor no line of padding is left at a side, nor a corner: a model that is sure of one colour makes all.

    Towards the kept colour the seam draws what is made, but never back past it.
    """
    for p, size in ((2, (SIDE, SIDE)), (1.37, (20, 28))):
        start = torch.full((3, *size), -0.25)
        stack = load_method(method).sample_stack(
            Sure((3, *size)), prompts(3), p=p, photo=start, padding=padding, steps=2, generator=gen()
        )
        inside = whole_pixels(stack.windows[0], *size)
        made = stack.levels[0][:, border(inside, *size)]
        assert made.min() > -0.25 + 1e-3
        assert made.max() <= 0.25 + 1e-6


def test_a_side_is_made_without_sight_of_those_that_come_later():
    masks = []

    def plug_in(filling, noise, generator):
        masks.append(filling.mask[0, 0].bool())
        return noise, ()

    settings = {"p": 2, "mode": "sequential", "refine_noise": plug_in}
    outpaint.sample_stack(gaussian(), prompts(2), start=picture(), **settings, generator=gen())
    parts = list(sides(windows(2, SIDE, SIDE, 2)[0], SIDE, SIDE).values())
    assert len(masks) == 4
    for k, mask in enumerate(masks):
        assert torch.equal(mask, torch.stack(parts[k:]).any(0))


def test_the_window_at_p_2_is_the_mean_of_blocks_of_four():
    stack = outpaint.sample_stack(gaussian(), prompts(3), p=2, focus=[(0.2, 0.7)] * 3, steps=2, generator=gen())
    for level, window in enumerate(windows(3, SIDE, SIDE, 2, [(0.2, 0.7)] * 3)):
        rows, columns = window.slices
        assert torch.allclose(stack.levels[level, :, rows, columns], down(stack.levels[level + 1], 2), atol=1e-6)


def test_the_deepest_level_is_the_plain_sample_of_its_own_generator(pixel_model):
    """That of independent sampling, from the generator that the run's seed gives it."""
    stack = outpaint.sample_stack(pixel_model, ["a", "b"], p=2, steps=3, generator=gen(5))
    plain = independent.sample_stack(pixel_model, ["b"], p=2, steps=3, generator=level_generator(draw_seed(gen(5)), 0))
    assert torch.allclose(stack.levels[1], plain.levels[0], atol=1e-5)


def test_levels_do_not_depend_on_how_many_wider_ones_there_are():
    few = outpaint.sample_stack(gaussian(), prompts(2), p=1.5, steps=2, generator=gen())
    many = outpaint.sample_stack(gaussian(), prompts(4), p=1.5, steps=2, generator=gen())
    assert torch.equal(many.levels[2:], few.levels)
    other = outpaint.sample_stack(gaussian(), prompts(2), p=1.5, steps=2, generator=gen(1))
    assert not torch.equal(other.levels, few.levels)


def test_a_level_s_own_seed_changes_it_and_the_levels_that_show_it():
    plain = outpaint.sample_stack(gaussian(), prompts(3), p=2, steps=2, generator=gen())
    reseeded = outpaint.sample_stack(gaussian(), prompts(3), p=2, steps=2, seeds={1: 7}, generator=gen())
    again = outpaint.sample_stack(gaussian(), prompts(3), p=2, steps=2, seeds={1: 7}, generator=gen())
    assert torch.equal(reseeded.levels, again.levels)
    assert torch.equal(reseeded.levels[2], plain.levels[2])
    assert not torch.equal(reseeded.levels[1], plain.levels[1])


def test_every_level_is_made_with_its_own_prompt_and_negative():
    """The double shifts what it makes by the prompt, which is a number, and is told each level's alone."""
    asked = []

    class Spy(GaussianDenoiser):
        def condition(self, prompts, negatives=None, **pictures):
            asked.append((tuple(prompts), None if negatives is None else tuple(negatives)))
            return super().condition(prompts, negatives, **pictures)

    words, negatives = ["0.1", "0.2", "0.3"], ["x", "y", "z"]
    for name in MODES:
        asked.clear()
        load_method(name).sample_stack(Spy((3, SIDE, SIDE)), words, p=2, negatives=negatives, steps=1, generator=gen())
        alone = list(dict.fromkeys(entry for entry in asked if len(entry[0]) == 1))
        assert {(("0.1",), ("x",)), (("0.2",), ("y",)), (("0.3",), ("z",))} == set(alone)


@pytest.mark.parametrize("method", MODES)
def test_steps_are_counted_as_work_says(method):
    module = load_method(method)
    denoiser, config = gaussian(), module.Config(steps=3)
    states = list(module.sample(denoiser, prompts(4), p=1.5, steps=3, generator=gen()))
    work = config.work(4)
    assert [state.index for state in states] == list(range(1, work.steps + 1))
    assert sum(denoiser.calls) == work.evaluations
    assert all(state.pictures for state in states)
    per_level = config.level_steps(0, 4, frozenset())
    assert [state.resume_at for state in states[:3]] == [0, 0, 3]
    assert states[-2].resume_at == work.steps - per_level
    unfinished = states[3]
    assert not unfinished.clean[:3].any()
    assert torch.equal(unfinished.clean[3], states[-1].clean[3])


def test_the_estimate_is_the_model_s_own_of_the_whole_level():
    """Not what was kept: a model that sees nothing of the picture and is sure of one colour estimates that."""
    *_, state = outpaint.run(
        Sure((3, SIDE, SIDE)), prompts(3), outpaint.Config(steps=2), scene(photo=picture()), generator=gen()
    )
    assert (state.estimate[:2] == 0.25).all()
    assert torch.equal(state.estimate[2], picture())
    assert state.clean[0].std() > 0.01


@pytest.mark.parametrize("method", MODES)
@pytest.mark.parametrize("stop", [0, 4, 8])
def test_a_run_that_was_stopped_goes_on_from_the_last_finished_level_bit_for_bit(method, stop):
    module = load_method(method)
    settings = {"p": 1.5, "steps": 3, "padding": "noise", "seeds": {1: 3}}
    whole = list(module.sample(gaussian(), prompts(4), **settings, generator=gen()))
    generator = gen(99)  # its state comes from the run
    rest = list(module.sample(gaussian(), prompts(4), **settings, generator=generator, state=whole[stop]))
    assert rest[0].index == whole[stop].resumes_at + 1
    assert torch.equal(rest[-1].clean, whole[-1].clean)
    assert torch.equal(rest[-1].estimate, whole[-1].estimate)
    assert rest[-1].records == whole[-1].records
    assert not list(module.sample(gaussian(), prompts(4), **settings, generator=gen(), state=whole[-1]))


def test_what_fails_at_level_0_keeps_the_deeper_levels():
    class Failing(GaussianDenoiser):
        def predict_clean(self, z, step, condition):
            if len(self.calls) == 8:  # the third of three steps of the third of four levels
                raise RuntimeError("out of memory")
            return super().predict_clean(z, step, condition)

    states, failing = [], Failing((3, SIDE, SIDE), "flow")
    with pytest.raises(RuntimeError, match="memory"):
        states.extend(outpaint.run(failing, prompts(4), outpaint.Config(steps=3), scene(), generator=gen()))
    *_, wanted = outpaint.run(gaussian(), prompts(4), outpaint.Config(steps=3), scene(), generator=gen())
    assert states[-1].resumes_at == 6
    assert torch.equal(states[-1].clean[2:], wanted.clean[2:])
    denoiser = gaussian()
    *_, done = outpaint.run(denoiser, prompts(4), outpaint.Config(steps=3), scene(), generator=gen(), state=states[-1])
    assert torch.equal(done.clean, wanted.clean)
    assert len(denoiser.calls) == 6


def test_a_margin_that_keeps_no_whole_latent_cell_is_refused(latent_model):
    with pytest.raises(InvalidInputError, match="cell of 2 x 2"):
        outpaint.sample_stack(latent_model, ["a", "b"], p=7.5, steps=1, generator=gen())
