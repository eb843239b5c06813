"""Levels drawn over at a larger size: as diffusers does it, in agreement at every step, resumable, given ones kept."""

from dataclasses import replace

import pytest
import torch

from evaluation.windows import pairs
from tests.doubles.blocks import InBlocks
from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.cascade import redraw as module
from zoomlib.cascade.agree import Agreement
from zoomlib.cascade.redraw import Config, redraw
from zoomlib.cascade.tiles import Tiled
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.methods import joint
from zoomlib.models import load_denoiser
from zoomlib.walk import last

ALONE = Agreement("alone", 2)
JOINT = Agreement("blended", 2, blending="laplacian", coarse_weight=0.25)
PROMPTS = ["a red star", "a leaf"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(L, H, W, seed=0):
    return torch.rand(L, 3, H, W, generator=generator(seed)) * 2 - 1


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    return latent_pipeline(tmp_path_factory.mktemp("sd"), 4)


@pytest.mark.parametrize(("strength", "scale"), [(0.5, 1.0), (0.7, 4.0), (0.1, 4.0)])
def test_drawing_over_is_diffusers_image_to_image(latent, monkeypatch, strength, scale):
    from diffusers import StableDiffusionImg2ImgPipeline

    folder, pipeline = latent
    parts = {**pipeline.components, "requires_safety_checker": False}
    theirs = StableDiffusionImg2ImgPipeline(**parts)
    theirs.set_progress_bar_config(disable=True)
    denoiser = load_denoiser(folder)
    start, drawn = pictures(2, *(side * denoiser.codec.factor for side in denoiser.shape[1:])), generator(5)
    noise = torch.randn(2, *denoiser.shape, generator=generator(5))
    monkeypatch.setattr(module, "own_noise", lambda *_: noise)
    guided = Guided(denoiser, scale)
    states = redraw(guided, guided.condition(PROMPTS), Config(10, strength), ALONE, start=start, generator=generator())
    expected = theirs(
        PROMPTS,
        image=denoiser.codec.encode(start),
        strength=strength,
        num_inference_steps=10,
        guidance_scale=scale,
        negative_prompt=["", ""],
        generator=drawn,
        output_type="latent",
    ).images
    torch.testing.assert_close(last(states).clean, expected, atol=1e-4, rtol=0)


def test_a_whole_drawing_is_joint_sampling():
    """Strength 1 from noise, with agreement at every step: the method `joint` itself."""
    model = GaussianDenoiser((3, 32, 48))
    settings = {"steps": 6, "eta": 1.0, "coarse_weight": 0.25}
    *_, expected = joint.sample(model, ["0", "1", "2"], p=2, feather=0.0, generator=generator(), **settings)
    config = Config(6, eta=1.0)
    state = last(redraw(model, model.condition(["0", "1", "2"]), config, JOINT, generator=generator()))
    torch.testing.assert_close(state.clean, expected.clean, atol=1e-6, rtol=0)


def test_what_is_drawn_over_in_tiles_agrees_at_every_step():
    model = Tiled(GaussianDenoiser((3, 32, 32)), (64, 96))
    agreement, start = replace(JOINT, focus=((0.25, 0.25),) * 3), pictures(3, 64, 96)
    told = model.condition(["0", "1", "2"])
    for state in redraw(model, told, Config(8, 0.5), agreement, start=start, generator=generator()):
        wide, fine = pairs(state.clean, 2, agreement.focus)
        assert (wide - fine).abs().max() <= 1e-5 * state.clean.abs().max()
    assert (state.index, len(state.clean)) == (8, 3)


def test_a_drawing_goes_on_from_z_alone():
    model, start = GaussianDenoiser((3, 32, 32)), pictures(2, 32, 32)
    told, config = model.condition(["0", "1"]), Config(6, 0.7, eta=0.5)
    states = list(redraw(model, told, config, JOINT, start=start, generator=generator()))
    assert [state.index for state in states] == [3, 4, 5, 6]
    left = replace(states[1], clean=states[1].z, estimate=states[1].z)
    rest = list(redraw(model, told, config, JOINT, start=start, generator=generator(9), state=left))
    assert torch.equal(rest[-1].clean, states[-1].clean)


def test_given_levels_do_not_pass_the_model():
    model, start = GaussianDenoiser((3, 32, 32)), pictures(3, 32, 32)
    picture = pictures(1, 32, 32, 4)[0]
    states = redraw(
        model,
        model.condition(["0", "1", "2"]),
        Config(4, 0.5),
        ALONE,
        start=start,
        given={1: picture},
        generator=generator(),
    )
    assert torch.equal(last(states).clean[1], picture)
    assert model.calls == [2, 2]


def test_a_photograph_is_shown_at_every_step():
    model, start, photo = GaussianDenoiser((3, 32, 32)), pictures(3, 32, 32), pictures(1, 32, 32, 6)[0]
    told = model.condition(["0", "1", "2"])
    for state in redraw(model, told, Config(4, 0.5), JOINT, start=start, photo=photo, generator=generator()):
        assert (state.clean[0] - photo).abs().max() <= 1e-5


def test_latents_are_joined_and_end_as_pictures_that_agree(latent):
    denoiser = Tiled(load_denoiser(latent[0]), (16, 16))
    start = pictures(2, 32, 32)
    config = Config(4, 0.5, space="pixels")
    state = last(redraw(denoiser, denoiser.condition(PROMPTS), config, JOINT, start=start, generator=generator()))
    assert state.clean.shape == (2, 4, 16, 16)
    settled = JOINT.settle(denoiser.codec.decode(state.clean))
    wide, fine = pairs(settled, 2)
    assert (wide - fine).abs().max() <= 1e-6
    alone = replace(config, joint=False)
    other = last(redraw(denoiser, denoiser.condition(PROMPTS), alone, JOINT, start=start, generator=generator()))
    assert not torch.equal(other.clean, state.clean)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_latent_model_through_an_orthonormal_codec_draws_what_the_model_of_pixels_does(eta):
    """Its noise is that of pictures, too; shared in latents it would be another in every level."""
    model, start = GaussianDenoiser((3, 32, 32)), pictures(3, 32, 32)
    told, config = model.condition(["0", "1", "2"]), Config(6, 0.7, eta=eta, space="pixels")
    plain, latent = (
        last(redraw(one, told, config, JOINT, start=start, generator=generator()))
        for one in (model, InBlocks(model, 4))
    )
    together = JOINT.step(3)(InBlocks(model, 4).codec.decode(latent.clean))
    torch.testing.assert_close(together, plain.clean, atol=2e-4, rtol=0)


@pytest.mark.parametrize(
    ("p", "focus"), [(2, ((0.375, 0.5),) * 2), (8, None)], ids=["a window between places of z", "p does not divide z"]
)
@pytest.mark.parametrize("photo", [None, pictures(1, 32, 32, 6)[0]], ids=["alone", "photograph"])
def test_windows_that_do_not_fit_the_models_space_are_joined_in_pixels(p, focus, photo):
    model, agreement = InBlocks(GaussianDenoiser((3, 32, 32)), 8), replace(JOINT, p=p, focus=focus)
    made = [
        last(
            redraw(
                model,
                model.condition(["0", "1"]),
                Config(4, 0.5, space=space),
                agreement,
                start=pictures(2, 32, 32),
                photo=photo,
                generator=generator(),
            )
        )
        for space in ("latents", "pixels")
    ]
    assert torch.equal(made[0].clean, made[1].clean)


def test_what_cannot_be_drawn_is_refused_at_once():
    model = GaussianDenoiser((3, 32, 32))
    told = model.condition(["0"])
    with pytest.raises(InvalidInputError, match="picture to draw over"):
        redraw(model, told, Config(4, 0.5), ALONE, generator=generator())
    with pytest.raises(InvalidInputError, match="Enlarge them first"):
        redraw(model, told, Config(4, 0.5), ALONE, start=pictures(1, 16, 16), generator=generator())
    for bad in ({"strength": 0.0}, {"strength": 1.5}, {"steps": 0}, {"eta": 2.0}, {"every": 0}):
        with pytest.raises(InvalidInputError):
            Config(**bad)
