"""Outpainting around, between and outside of given pictures."""

import pytest
import torch

from tests.zoomlib.methods.scenes import (
    MODES,
    SIDE,
    Refusing,
    assert_windows_show_the_deeper_levels,
    gaussian,
    gen,
    picture,
    prompts,
    scene,
)
from zoomlib.geometry import whole_pixels, windows
from zoomlib.methods import load_method, outpaint
from zoomlib.outpainting.canvas import band


@pytest.mark.parametrize("method", MODES)
def test_a_photograph_starts_the_deepest_level(method):
    photo = picture()
    stack = load_method(method).sample_stack(gaussian(), prompts(3), p=2, photo=photo, steps=2, generator=gen())
    assert torch.equal(stack.levels[2], photo)
    by_name = outpaint.sample_stack(
        gaussian(), prompts(3), p=2, mode=method.removeprefix("outpaint-"), start=photo, steps=2, generator=gen()
    )
    assert torch.equal(by_name.levels, stack.levels)


@pytest.mark.parametrize("p", [2, 1.5])
def test_a_given_picture_keeps_all_but_its_window_and_a_band_around_it(p):
    images, width_px = {0: picture(seed=1), 2: picture(seed=2)}, 4
    stack = outpaint.sample_stack(
        gaussian(), prompts(4), p=p, images=images, band=width_px / SIDE, steps=2, generator=gen()
    )
    for level in (0, 2):
        window = whole_pixels(stack.windows[level], SIDE, SIDE)
        made = band(window, SIDE, SIDE, width_px)
        kept = ~made
        kept[window.slices] = False
        assert torch.equal(stack.levels[level][:, kept], images[level][:, kept])
        assert (stack.levels[level] != images[level])[:, made].any(0).float().mean() > 0.9
    assert_windows_show_the_deeper_levels(stack)


@pytest.mark.parametrize("method", MODES)
def test_levels_that_agree_are_only_put_together(method):
    """A run's own levels, all or the deeper ones, given back to it: nothing is made anew, and nothing changes."""
    denoiser, module = gaussian(), load_method(method)
    stack = module.sample_stack(denoiser, prompts(3), p=1.5, steps=2, generator=gen())
    everything = dict(enumerate(stack.levels))
    again = list(module.sample(Refusing((3, SIDE, SIDE)), prompts(3), p=1.5, images=everything, generator=gen(7)))
    assert torch.equal(again[-1].clean, stack.levels)
    assert [state.index for state in again] == [1, 2, 3]
    eight_bits = {level: ((image + 1) * 127.5).round() / 127.5 - 1 for level, image in everything.items()}
    *_, coarse = module.sample(Refusing((3, SIDE, SIDE)), prompts(3), p=1.5, images=eight_bits, generator=gen(7))
    assert (coarse.clean - stack.levels).abs().max() <= 1 / 127.5
    denoiser.calls.clear()
    wider = module.sample_stack(
        denoiser, prompts(4), p=1.5, steps=2, images={i + 1: x for i, x in everything.items()}, generator=gen(7)
    )
    assert torch.equal(wider.levels[1:], stack.levels)
    work = module.Config(steps=2).work(4, frozenset({1, 2, 3}))
    assert sum(denoiser.calls) == work.evaluations == module.Config(steps=2).level_steps(0, 4, frozenset())


def test_pictures_that_do_not_agree_are_joined_by_bands():
    images = {level: picture(seed=level) for level in range(3)}
    denoiser = gaussian()
    states = list(
        outpaint.run(denoiser, prompts(3), outpaint.Config(steps=4), scene(p=2, images=images), generator=gen())
    )
    assert [state.index for state in states] == [1, 2, 3]
    assert sum(denoiser.calls) == 8, "two bands of four steps"
    assert torch.equal(states[-1].clean[2], images[2])
    parts = [record.get("part") for record in states[-1].records if record["what"] != "kept"]
    assert set(parts) <= {"band"}


@pytest.mark.parametrize("method", MODES)
def test_one_level_made_again_keeps_the_others(method):
    module = load_method(method)
    stack = module.sample_stack(gaussian(), prompts(4), p=2, steps=2, generator=gen())
    images = {level: image for level, image in enumerate(stack.levels) if level != 2}
    again = module.sample_stack(
        gaussian(), prompts(4), p=2, steps=2, images=images, open=frozenset({1}), seeds={2: 5}, generator=gen()
    )
    assert torch.equal(again.levels[3], stack.levels[3])
    rows, columns = windows(4, SIDE, SIDE, 2)[0].slices
    elsewhere = torch.ones(SIDE, SIDE, dtype=torch.bool)
    elsewhere[rows, columns] = False
    assert torch.equal(again.levels[0][:, elsewhere], stack.levels[0][:, elsewhere])
    far = torch.ones(SIDE, SIDE, dtype=torch.bool)
    far[3:-3, 3:-3] = False  # window 6 to 18, band 3
    assert torch.equal(again.levels[1][:, far], stack.levels[1][:, far])
    assert not torch.equal(again.levels[2], stack.levels[2])
    assert_windows_show_the_deeper_levels(again)
