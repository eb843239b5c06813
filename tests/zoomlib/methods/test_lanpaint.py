"""LanPaint as a method: the outpainting engine with Langevin steps, on any model. Its statistics are tested where the
steps are, in `tests/zoomlib/inpainting/test_conditional.py`."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.area import show
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Langevin
from zoomlib.methods import lanpaint, outpaint
from zoomlib.models import load_denoiser
from zoomlib.scene import Scene

SIDE = 24


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(side=SIDE, seed=0):
    return torch.rand((3, side, side), generator=gen(seed)) * 1.6 - 0.8


def gaussian(family="flow"):
    return GaussianDenoiser((3, SIDE, SIDE), family)


def assert_windows_show_the_deeper_levels(stack):
    for level in range(len(stack.levels) - 1):
        shown = show(list(stack.levels[level:]), stack.windows[level:], stack.p)
        assert torch.equal(stack.levels[level], shown)


@pytest.mark.parametrize("family", ["vp", "flow"])
@pytest.mark.parametrize("mode", ["direct", "sequential"])
@pytest.mark.parametrize("p", [2, 1.5])
def test_every_window_shows_the_deeper_levels_exactly(family, mode, p):
    """Largest absolute difference 0."""
    stack = lanpaint.sample_stack(gaussian(family), ["0"] * 3, p=p, mode=mode, steps=3, generator=gen())
    assert_windows_show_the_deeper_levels(stack)


@pytest.mark.parametrize("channels", [4, 9])
def test_a_latent_model_is_asked_as_for_a_picture_from_text(tmp_path, channels):
    model, start = load_denoiser(latent_pipeline(tmp_path, channels)[0]), picture(16)
    stack = lanpaint.sample_stack(model, ["a", "b"], p=1.5, photo=start, steps=2, generator=gen())
    assert torch.equal(stack.levels[1], start)
    assert_windows_show_the_deeper_levels(stack)


def test_a_run_follows_from_its_seed_and_goes_on_bit_for_bit():
    settings = {"p": 1.5, "steps": 3, "inner_steps": 2}
    whole = list(lanpaint.sample(gaussian(), ["0"] * 3, **settings, generator=gen()))
    again = lanpaint.sample_stack(gaussian(), ["0"] * 3, **settings, generator=gen())
    other = lanpaint.sample_stack(gaussian(), ["0"] * 3, **settings, generator=gen(1))
    assert torch.equal(whole[-1].clean.clamp(-1, 1), again.levels)
    assert not torch.equal(other.levels, again.levels)
    *_, resumed = lanpaint.sample(gaussian(), ["0"] * 3, **settings, generator=gen(9), state=whole[4])
    assert torch.equal(resumed.clean, whole[-1].clean)


@pytest.mark.parametrize("mode", ["direct", "sequential"])
def test_steps_and_passes_are_counted_as_work_says(mode):
    denoiser, config = gaussian(), lanpaint.Config(steps=4, inner_steps=3, early_stop=2, mode=mode)
    states = list(lanpaint.run(denoiser, ["0"] * 3, config, Scene(p=2.0), generator=gen()))
    work = config.work(3)
    assert [state.index for state in states] == list(range(1, work.steps + 1))
    assert sum(denoiser.calls) == work.evaluations


def test_the_deepest_level_is_sampled_plainly():
    plain = outpaint.sample_stack(gaussian(), ["0"] * 2, p=2, steps=3, eta=0.0, generator=gen())
    stack = lanpaint.sample_stack(gaussian(), ["0"] * 2, p=2, steps=3, generator=gen())
    assert torch.equal(stack.levels[1], plain.levels[1])
    assert not torch.equal(stack.levels[0], plain.levels[0])


def test_every_setting_reaches_the_steps():
    values = {"inner_steps": 3, "step_size": 0.1, "lam": 4.0, "beta": 2.0, "friction": 5.0, "early_stop": 2}
    assert lanpaint.Config(**values).filling().langevin == Langevin(**values)
    assert lanpaint.Config().filling().langevin == Langevin()
    base = lanpaint.sample_stack(gaussian(), ["0"] * 2, p=2, steps=4, generator=gen()).levels
    for name, value in values.items():
        changed = lanpaint.sample_stack(gaussian(), ["0"] * 2, p=2, steps=4, **{name: value}, generator=gen()).levels
        assert not torch.equal(changed, base), name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"conditioning": "native"}, "conditions by Langevin steps"),
        ({"inner_steps": 0}, "inner_steps"),
        ({"lam": -1}, "lam"),
        ({"margin": 0}, "above 0"),
        ({"mode": "spiral"}, "mode"),
    ],
)
def test_impossible_settings_are_refused_before_any_sampling(settings, words):
    denoiser = gaussian()
    with pytest.raises(InvalidInputError, match=words):
        lanpaint.sample(denoiser, ["0"] * 2, p=2, **settings, generator=gen())
    assert not denoiser.calls
