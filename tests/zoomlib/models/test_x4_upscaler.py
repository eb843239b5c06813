"""Stable Diffusion's x4 up-scaler: a tiny folder in the real format, sampled through the public API."""

import json
import shutil

import pytest
import torch

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_upscalers import noise, x4
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.methods import joint
from zoomlib.models import describe, load_denoiser, load_upscaler

STEPS = 4
PROMPTS = ["a red galaxy", "a leaf"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return x4(tmp_path_factory.mktemp("x4") / "model")


def pictures(count, height, width, seed=0):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def theirs(pipeline, levels, started, seed, **settings):
    """Latents of diffusers' own pipeline, whose noise on the small pictures is the generator's first."""
    return pipeline(
        PROMPTS[: len(levels)],
        image=levels / 2 + 0.5,
        num_inference_steps=STEPS,
        latents=started.clone(),
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
        **settings,
    ).images


def same_noise(levels, seed):
    """The noise that the pipeline draws for the small pictures."""
    drawn = torch.randn(levels.shape, generator=torch.Generator().manual_seed(seed))
    return lambda shape: drawn.reshape(-1, *shape)


@pytest.mark.parametrize(("scale", "level"), [(1.0, 20), (6.0, 20), (6.0, 300)])
def test_one_level_is_what_their_pipeline_makes(made, scale, level):
    folder, pipeline = made
    levels = pictures(2, 16, 16)
    upscaler = load_upscaler(folder)
    denoiser = upscaler.denoiser(
        levels, noise_level=level, generator=torch.Generator().manual_seed(1), draw=same_noise(levels, 5)
    )
    ours, started = plain_samples(denoiser, PROMPTS, STEPS, scale, negatives=["blurred", ""])
    negative = {"negative_prompt": ["blurred", ""]} if scale > 1 else {}
    other = theirs(pipeline, levels, started, 5, guidance_scale=scale, noise_level=level, **negative)
    assert torch.allclose(ours, other, atol=1e-4, rtol=1e-4)
    decoded = pipeline.vae.decode(other / 0.08333).sample
    assert decoded.shape == (2, 3, 64, 64)
    assert torch.allclose(denoiser.codec.decode(ours), decoded, atol=1e-3, rtol=1e-3)


def test_a_rectangle_that_predicts_noise(tmp_path):
    folder, pipeline = x4(tmp_path / "model", "epsilon")
    levels = pictures(1, 16, 24)
    denoiser = load_upscaler(folder, size=(16, 24)).denoiser(
        levels, generator=torch.Generator(), draw=same_noise(levels, 5)
    )
    assert denoiser.shape == (4, 16, 24)
    ours, started = plain_samples(denoiser, PROMPTS[:1], STEPS, 3.0)
    assert torch.allclose(ours, theirs(pipeline, levels, started, 5, guidance_scale=3.0), atol=1e-4, rtol=1e-4)


def test_it_is_a_denoiser_that_any_wrapper_takes(made):
    levels = pictures(3, 16, 16)
    denoiser = load_upscaler(made[0]).denoiser(levels, generator=torch.Generator().manual_seed(1))
    assert isinstance(denoiser, Denoiser)
    assert denoiser.codec.factor == 4
    guided, words = Guided(denoiser, 5.0), ["a", "b", "c"]
    condition, step, z = guided.condition(words), denoiser.ladder(STEPS)[1], noise(3, 4, 16, 16)
    whole = guided.predict_clean(z, step, condition)
    assert torch.allclose(Chunked(guided, 2).predict_clean(z, step, condition), whole, atol=1e-5)
    assert attentive(guided).attention_maps(z, step, condition).maps.shape[0] == 3
    tile = {name: rows[..., :8, :8] if rows.ndim == 4 else rows for name, rows in condition.rows.items()}
    part = guided.predict_clean(z[..., :8, :8], step, type(condition)(tile))
    assert part.shape == (3, 4, 8, 8), "a tile of z goes with a tile of the rows"


def test_levels_are_enlarged_jointly(made):
    """A blended, rendered run whose levels agree in the latents' own windows, on what are tiny pictures."""
    denoiser = load_upscaler(made[0]).denoiser(pictures(2, 16, 16), generator=torch.Generator().manual_seed(1))
    *_, state = joint.sample(
        denoiser, PROMPTS, p=2, steps=2, eta=0.0, feather=0.0, generator=torch.Generator().manual_seed(0)
    )
    assert state.clean.shape[0] == 2
    assert bool(state.clean.isfinite().all())


def test_the_picture_its_noise_and_the_words_matter(made):
    upscaler, step, z = load_upscaler(made[0]), None, noise(1, 4, 16, 16)

    def clean(seed=0, level=20, words="a leaf", drawn=1):
        denoiser = upscaler.denoiser(
            pictures(1, 16, 16, seed), noise_level=level, generator=torch.Generator().manual_seed(drawn)
        )
        return denoiser.predict_clean(z, step or denoiser.ladder(STEPS)[1], denoiser.condition([words]))

    assert torch.equal(clean(), clean())
    for change in ({"seed": 1}, {"level": 300}, {"words": "a red galaxy"}, {"drawn": 2}):
        assert not torch.allclose(clean(), clean(**change), atol=1e-3), change


def test_what_is_noised_has_the_variance_of_the_schedule(made):
    """z = alpha x + sigma eps: of grey pictures, sigma is what is left; the noise of a level is its own."""
    upscaler = load_upscaler(made[0])
    grey = torch.zeros(3, 3, 64, 64)
    low = {
        count: upscaler.denoiser(grey[:count], noise_level=350, generator=torch.Generator().manual_seed(1)).rows["low"]
        for count in (2, 3)
    }
    variance = 1 - float(made[1].low_res_scheduler.alphas_cumprod[350])
    assert float(low[3].var()) == pytest.approx(variance, rel=0.03)
    assert torch.equal(low[2], low[3][:2])


def test_an_autoencoder_that_half_precision_is_too_coarse_for_is_widened_and_that_is_said(made):
    said = []
    upscaler = load_upscaler(made[0], dtype=torch.float16, on_note=said.append)
    codec = upscaler.denoiser(pictures(1, 16, 16), generator=torch.Generator()).codec
    upscaler.parts.modules["vae"].decoder.conv_in.weight *= 2e4
    assert bool(codec.decode(noise(1, 4, 16, 16)).isfinite().all())
    assert len(said) == 1
    assert "float32" in said[0]


def test_description_and_refusals(made, tmp_path):
    folder = made[0]
    told = describe(folder)
    assert (told["kind"], told["factor"], told["size_px"], told["noise_level"]) == ("upscaler", 4, (64, 64), 20)
    assert len(told["revision"]) == 64
    assert describe("bundled")["kind"] == "model"
    with pytest.raises(InvalidInputError, match=r"enlarges pictures and makes none.*enlarge\.stages"):
        load_denoiser(folder)
    with pytest.raises(InvalidInputError, match=r"multiples of 2 pixels.*17 x 16.*nearest is 16 x 16"):
        load_upscaler(folder, size=(16, 17))
    upscaler = load_upscaler(folder)
    with pytest.raises(InvalidInputError, match="from 0 to 350"):
        upscaler.denoiser(pictures(1, 16, 16), noise_level=351, generator=torch.Generator())
    denoiser = upscaler.denoiser(pictures(2, 16, 16), generator=torch.Generator())
    with pytest.raises(InvalidInputError, match="2 levels are enlarged and need as many prompts, not 1"):
        denoiser.condition(["a"])
    other = shutil.copytree(folder, tmp_path / "other")
    config = json.loads((other / "unet" / "config.json").read_text())
    (other / "unet" / "config.json").write_text(json.dumps(config | {"in_channels": 8}))
    with pytest.raises(InvalidInputError, match=r"8 channels\. Expected 7"):
        describe(other)
    index = json.loads((other / "model_index.json").read_text())
    index |= {"_class_name": "LDMSuperResolutionPipeline"}
    (other / "model_index.json").write_text(json.dumps({k: v for k, v in index.items() if k != "low_res_scheduler"}))
    with pytest.raises(InvalidInputError, match=r"LDMSuperResolutionPipeline.*no adapter"):
        load_upscaler(other)
