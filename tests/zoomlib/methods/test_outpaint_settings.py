"""What can be set of outpainting, and what is refused."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.zoomlib.methods.scenes import (
    SIDE,
    Refusing,
    assert_windows_show_the_deeper_levels,
    gaussian,
    gen,
    picture,
    prompts,
    scene,
)
from zoomlib.errors import InvalidInputError
from zoomlib.methods import load_method, outpaint


def test_noise_is_refined_for_every_border_but_not_for_the_deepest_level():
    seen = []

    def plug_in(filling, noise, generator):
        seen.append(float(filling.mask.mean()))
        return noise + 1, [{"what": "shifted", "by": 1}]

    settings = outpaint.Config(steps=2, eta=0.0)
    *_, state = outpaint.run(gaussian(), prompts(3), settings, scene(p=2), generator=gen(), refine_noise=plug_in)
    assert seen == [0.75, 0.75]
    shifted = [record for record in state.records if record["what"] == "shifted"]
    assert shifted == [
        {"level": 1, "part": "border", "what": "shifted", "by": 1},
        {"level": 0, "part": "border", "what": "shifted", "by": 1},
    ]
    plain = outpaint.sample_stack(gaussian(), prompts(3), p=2, steps=2, eta=0.0, generator=gen())
    assert torch.equal(plain.levels[2], state.clean[2].clamp(-1, 1))
    assert not torch.equal(plain.levels[1], state.clean[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"margin": 0}, "above 0"),
        ({"margin": -4}, "above 0"),
        ({"margin": 400}, "Nothing is kept"),
        ({"p": 100}, "Nothing is kept"),
        ({"p": 1}, "above 1"),
        ({}, "margin in pixels or a zoom factor"),
        ({"p": 2, "margin": 6}, "Give one of the two"),
        ({"p": 2, "images": {3: picture()}}, "levels 0 to 2"),
        ({"p": 2, "images": {-1: picture()}}, "levels 0 to 2"),
        ({"p": 2, "images": {1: picture((3, 8, 8))}}, "shape"),
        ({"p": 2, "images": {1: picture() * float("nan")}}, "finite"),
        ({"p": 2, "images": {1: picture() * 255}}, r"must lie in \[-1, 1\], but reaches from -2"),
        ({"p": 2, "start": picture((3, 1, 1))}, "shape"),
        ({"p": 2, "start": picture(), "images": {2: picture()}}, "Leave out one"),
        ({"p": 2, "negatives": ["x"]}, "negatives"),
        ({"p": 2, "seeds": {5: 1}}, "levels 0 to 2"),
        ({"p": 2, "focus": [(0.5, 2), None, None]}, "focus"),
        ({"p": 2, "conditioning": "native"}, "expects a model with 4 input channels more"),
        ({"p": 2, "describe": lambda *_: ""}, "describe"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_sampling(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        outpaint.sample_stack(Refusing((3, SIDE, SIDE)), prompts(3), **arguments, generator=gen())


def test_the_keyword_forms_know_their_settings():
    with pytest.raises(TypeError):
        outpaint.sample_stack(gaussian(), prompts(2), p=2, loop=True, generator=gen())
    with pytest.raises(TypeError):
        load_method("outpaint-direct").sample(gaussian(), prompts(2), p=2, mode="sequential", generator=gen())


def test_a_state_of_another_run_is_refused():
    *_, state = outpaint.run(gaussian(), prompts(3), outpaint.Config(steps=2), scene(), generator=gen())
    with pytest.raises(InvalidInputError, match="does not belong"):
        outpaint.run(gaussian(), prompts(2), outpaint.Config(steps=2), scene(), generator=gen(), state=state)


def test_borders_can_start_from_noise_with_the_spectrum_of_what_is_kept():
    settings = {"p": 2, "steps": 3, "eta": 0.0}
    plain = outpaint.sample_stack(gaussian(family="vp"), prompts(3), **settings, generator=gen())
    shaped = outpaint.sample_stack(gaussian(family="vp"), prompts(3), **settings, noise="fourier", generator=gen())
    assert torch.equal(shaped.levels[2], plain.levels[2])
    assert (shaped.levels[1] != plain.levels[1]).any()
    assert_windows_show_the_deeper_levels(shaped)


def test_below_full_strength_borders_start_from_the_padding():
    """A model that only takes noise away leaves of the padding what little noise had covered."""

    class Content(GaussianDenoiser):
        def predict_clean(self, z, step, condition):
            return z / step.alpha

    def border(padding):
        stack = outpaint.sample_stack(
            Content((3, SIDE, SIDE), "flow"),
            prompts(2),
            p=2,
            start=torch.full((3, SIDE, SIDE), 0.5),
            padding=padding,
            strength=0.1,
            steps=20,
            eta=0.0,
            generator=gen(),
        )
        return stack.levels[0][:, :3].mean().item()

    assert border("edge") == pytest.approx(0.5, abs=0.05)
    assert border("black") < -0.4  # the seam draws it a little towards the kept grey
