"""Filling the masked part of a picture, in every way of telling the model what to keep, on pixel and latent models."""

from itertools import pairwise

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_model import write_tiny_model
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.chunks import Chunked
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.inpainting import Config, Langevin, fill, inpaint, prepare
from zoomlib.inpainting.renoise import back
from zoomlib.models import load_denoiser
from zoomlib.walk import last, picture_shape

SIDE = 16
FORCED = ["renoise", "langevin"]


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(side=SIDE, count=1):
    return torch.rand((count, 3, side, side), generator=gen(7)) * 1.6 - 0.8


def border_mask(side=SIDE, count=1, width=None):
    """The seed of most mistakes: a centre whose corner lies on no latent cell's corner."""
    mask, width = torch.ones(count, 1, side, side), width or side // 4 + 1
    mask[..., width:-width, width:-width] = 0
    return mask


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A pixel model with an inpainting input, latent ones with and without; guidance around one."""
    folder = tmp_path_factory.mktemp("models")
    latent = {c: load_denoiser(latent_pipeline(folder / str(c), c)[0]) for c in (4, 9)}
    pixels = load_denoiser(write_tiny_model(folder / "pixels"))
    return {"pixels": Guided(pixels, 2.0), "latent": latent[4], "latent inpainting": latent[9]}


@pytest.mark.parametrize("conditioning", ["auto", *FORCED])
@pytest.mark.parametrize("name", ["pixels", "latent", "latent inpainting"])
def test_kept_pixels_do_not_change_and_the_others_do(models, name, conditioning):
    """Largest absolute difference 0."""
    model = models[name]
    image, mask = picture(picture_shape(model)[1]), border_mask(picture_shape(model)[1])
    made = inpaint(model, ["a moon"], image, mask, Config(3, conditioning=conditioning), generator=gen())
    changed = (made - image).abs().amax(1, keepdim=True)
    assert changed[mask == 0].max() == 0
    assert (changed[mask == 1] > 0).float().mean() > 0.9
    assert made.abs().max() <= 1


@pytest.mark.parametrize("conditioning", ["native", *FORCED])
def test_the_same_seed_makes_the_same_picture_and_leaves_the_global_generator_alone(models, conditioning):
    model = models["pixels"]
    arguments = (model, ["a moon"], picture(32), border_mask(32), Config(2, conditioning=conditioning, resampling=2))
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, again, other = (inpaint(*arguments, generator=gen(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("conditioning", FORCED)
def test_a_picture_does_not_depend_on_those_beside_it(conditioning):
    model, config = GaussianDenoiser((3, SIDE, SIDE), "flow"), Config(4, conditioning=conditioning)
    both = inpaint(model, ["0", "0"], picture(count=2), border_mask(count=2), config, generator=gen())
    one = inpaint(model, ["0"], picture(count=2)[:1], border_mask(), config, generator=gen())
    assert torch.allclose(both[:1], one, atol=1e-6)
    chunked = inpaint(Chunked(model, 1), ["0", "0"], picture(count=2), border_mask(count=2), config, generator=gen())
    assert torch.allclose(both, chunked, atol=1e-6)


@pytest.mark.parametrize("family", ["vp", "flow"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"resampling": 3},
        {"strength": 0.4, "resampling": 2},
        {"strength": 1e-9},
        {"conditioning": "langevin"},
        {"conditioning": "langevin", "strength": 0.5, "langevin": Langevin(3, early_stop=2)},
        {"conditioning": "langevin", "strength": 0.1, "langevin": Langevin(3, early_stop=5)},
    ],
)
def test_states_and_passes_are_counted_as_the_settings_say(family, settings):
    model, config = GaussianDenoiser((3, SIDE, SIDE), family), Config(5, **settings)
    filling = prepare(model, ["0"], picture(), border_mask(), config)
    states = list(filling.states(filling.draw(gen()), gen(1)))
    assert [state.index for state in states] == list(range(filling.start + 1, 6))
    assert len(states) == config.made
    assert sum(model.calls) == config.evaluations
    assert not states[-1].z.isnan().any()


def test_only_native_conditioning_tells_the_model_what_is_kept(models):
    model = models["latent inpainting"]
    parts = {
        name: prepare(model, ["a"], picture(16), border_mask(16), Config(2, conditioning=name)).condition.rows
        for name in ("auto", "native", "renoise", "langevin")
    }
    assert {"kept", "mask"} <= parts["auto"].keys() == parts["native"].keys()
    assert {"text"} == parts["renoise"].keys() == parts["langevin"].keys()


@pytest.mark.parametrize("family", ["vp", "flow"])
def test_kept_places_stand_at_the_noise_level_of_every_step(family):
    """Re-noised: z - alpha known is white noise of variance sigma^2, other noise at every step."""
    seen = []

    class Spy(GaussianDenoiser):
        def predict_clean(self, z, step, condition):
            seen.append((z.clone(), step))
            return super().predict_clean(z, step, condition)

    model, image = Spy((3, 32, 32), family), picture(32, 8)
    filling = prepare(model, ["0"] * 8, image, border_mask(32, 8), Config(4, resampling=2))
    last(filling.states(filling.draw(gen()), gen(1)))
    kept = (filling.unknown == 0).expand_as(image)
    noises = [((z - step.alpha * image) / step.sigma)[kept] for z, step in seen]
    assert len(noises) == 8
    for noise in noises:
        assert abs(noise.mean()) < 0.05
        assert abs(noise.var() - 1) < 0.05
    for one, other in pairwise(noises):
        assert abs((one * other).mean()) < 0.05


@pytest.mark.parametrize("family", ["vp", "flow"])
def test_a_step_back_undoes_a_step_in_distribution(family):
    """x of unit variance stays at variance alpha^2 + sigma^2, with the right share of x, to 0.03."""
    ladder = GaussianDenoiser(family=family).ladder(10)
    x, noise = torch.randn(200_000, generator=gen()), torch.randn(2, 200_000, generator=gen(1))
    for k in (1, 5, 9):
        now, then = ladder[k], ladder[k + 1]
        z = back(then.alpha * x + then.sigma * noise[0], now, then, noise[1])
        assert abs((z * x).mean() - now.alpha) < 0.03
        assert abs(z.var() - now.alpha**2 - now.sigma**2) < 0.03


@pytest.mark.parametrize("conditioning", FORCED)
def test_a_low_strength_stays_near_what_stood_there(conditioning):
    model, image = GaussianDenoiser((3, SIDE, SIDE), "flow"), torch.full((1, 3, SIDE, SIDE), 0.5)
    distances = []
    for strength in (0.1, 0.5, 1.0):
        config = Config(20, conditioning=conditioning, strength=strength)
        filling = prepare(model, ["0"], image, border_mask(), config)
        clean = last(filling.states(filling.draw(gen()), gen(1))).clean
        distances.append(float((clean - image).square().mean().sqrt()))
    assert distances[0] < 0.6 * distances[1] < 0.6 * distances[2]


@pytest.mark.parametrize("conditioning", ["native", *FORCED])
def test_where_nothing_is_kept_a_picture_is_sampled_and_where_all_is_it_comes_back(models, conditioning):
    model, image = models["pixels"], picture(32)
    config = Config(2, conditioning=conditioning)
    made = inpaint(model, ["a"], image, torch.ones(1, 1, 32, 32), config, generator=gen())
    assert made.isfinite().all()
    assert not torch.equal(made, image)
    same = inpaint(model, ["a"], image, torch.zeros(1, 1, 32, 32), config, generator=gen())
    assert torch.equal(same, image)


def test_records_of_plug_in_and_border_come_with_the_pictures():
    model = GaussianDenoiser((3, SIDE, SIDE))
    filling = prepare(model, ["0"] * 2, picture(count=2), border_mask(count=2), Config(2))
    pictures, records = fill(filling, gen(), lambda _f, noise, _g: (noise, [{"what": "looked"}]))
    assert [record["what"] for record in records] == ["looked", "join", "join"]
    assert [record["row"] for record in records[1:]] == [0, 1]
    assert records[1]["gain"] == [1, 1, 1]
    assert records[1]["offset"] == [0, 0, 0]
    assert pictures.shape == (2, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "whole number"),
        ({"eta": 2}, "eta"),
        ({"conditioning": "magic"}, "auto, native, renoise, langevin"),
        ({"resampling": 0}, "resampling"),
        ({"resampling": True}, "resampling"),
        ({"strength": 0}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"langevin": {"inner_steps": 0}}, "inner_steps"),
        ({"langevin": {"early_stop": -1}}, "early_stop"),
        ({"langevin": {"step_size": 0}}, "step_size"),
        ({"langevin": {"lam": float("inf")}}, "lam"),
        ({"langevin": {"friction": -1}}, "friction"),
        ({"langevin": {"beta": "1"}}, "beta"),
        ({"langevin": {"step_size": 0.5, "beta": 3}}, "run away"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(InvalidInputError, match=words):
        Config(**{name: Langevin(**v) if name == "langevin" else v for name, v in settings.items()})


@pytest.mark.parametrize(
    ("image", "mask", "config", "words"),
    [
        (picture(8), border_mask(), Config(2), "Resize them to the model's size"),
        (picture(), border_mask(12), Config(2), "a mask"),
        (picture(), border_mask() / 2, Config(2), "nothing between"),
        (picture() * float("nan"), border_mask(), Config(2), "not finite"),
        (picture(), border_mask(), Config(2, conditioning="native"), "expects a model with . input channels more"),
    ],
)
def test_what_cannot_be_filled_is_refused_before_any_sampling(image, mask, config, words):
    model = GaussianDenoiser((3, SIDE, SIDE))
    with pytest.raises(InvalidInputError, match=words):
        inpaint(model, ["0"], image, mask, config, generator=gen())
    assert not model.calls
