"""Stable Diffusion XL on tiny random weights in the real format: equal to diffusers' own pipelines."""

import json

import pytest
import torch

from tests.doubles.tiny_sdxl import SCHEDULE, sdxl_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import guided
from zoomlib.ladder import update
from zoomlib.models import describe, load_denoiser

PROMPT, NEGATIVE = "a red galaxy", "green atoms"


def sampled(denoiser, z, condition, steps=5):
    """The deterministic run from z."""
    ladder = denoiser.ladder(steps)
    for k in range(steps):
        z = update(z, denoiser.predict_clean(z, ladder[k], condition), ladder[k], ladder[k + 1], 0.0)
    return z


def noise(*sides, count=1):
    return torch.randn(count, 4, *sides, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return sdxl_pipeline(tmp_path_factory.mktemp("sdxl"))


@pytest.mark.parametrize("scale", [1.0, 6.0])
@pytest.mark.parametrize("size", [None, (32, 48)])
def test_a_run_equals_diffusers_own(model, scale, size):
    """To 1e-4, guidance on and off, with words to lead away from, at the model's own size and a rectangular one."""
    folder, pipeline = model
    denoiser = guided(load_denoiser(folder, size=size), scale)
    z = noise(*denoiser.shape[1:])
    ours = sampled(denoiser, z, denoiser.condition([PROMPT], [NEGATIVE]))
    height, width = size or (16, 16)
    theirs = pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        height=height,
        width=width,
        num_inference_steps=5,
        guidance_scale=scale,
        latents=z.clone(),
        output_type="latent",
    ).images
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("zeros", [True, False])
def test_no_words_are_those_the_model_was_trained_with(tmp_path, zeros):
    """Zeros, where its index says so, as diffusers has them without a negative prompt."""
    folder, pipeline = sdxl_pipeline(tmp_path, zeros=zeros)
    denoiser = guided(load_denoiser(folder), 5.0)
    z = noise(8, 8)
    ours = sampled(denoiser, z, denoiser.condition([PROMPT]))
    negative = None if zeros else ""
    theirs = pipeline(
        PROMPT, negative_prompt=negative, num_inference_steps=5, guidance_scale=5.0, latents=z, output_type="latent"
    ).images
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert (load_denoiser(folder).condition([""]).rows["text"] == 0).all() == zeros


def test_levels_do_not_know_of_each_other(model):
    """To 1e-5: two levels with words of their own are what each is alone."""
    denoiser = load_denoiser(model[0])
    z, step = noise(8, 8, count=2), denoiser.ladder(4)[1]
    both = denoiser.predict_clean(z, step, denoiser.condition([PROMPT, ""]))
    for k, words in enumerate([PROMPT, ""]):
        alone = denoiser.predict_clean(z[k : k + 1], step, denoiser.condition([words]))
        assert torch.allclose(both[k : k + 1], alone, atol=1e-5)


def test_the_pictures_size_is_told(model):
    """Another size in the condition, same latents: only the numbers told of the size can make the difference."""
    denoiser = load_denoiser(model[0])
    z, step, condition = noise(8, 8), denoiser.ladder(4)[1], denoiser.condition([PROMPT])
    here = denoiser.predict_clean(z, step, condition)
    denoiser.parts.backbone.factor = 64
    assert not torch.allclose(here, denoiser.predict_clean(z, step, condition), atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_inpainting_equals_diffusers_own(tmp_path, scale):
    """To 1e-4, 9 channels, from noise; their mask at the latents' size is the nearest pixel, ours the largest."""
    folder, pipeline = sdxl_pipeline(tmp_path, 9)
    denoiser = guided(load_denoiser(folder, size=(16, 32)), scale)
    assert denoiser.inpaints
    image = torch.rand(1, 3, 16, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mask = torch.zeros(1, 1, 16, 32)
    mask[..., 4:12, 8:] = 1
    z = noise(8, 16)
    ours = sampled(denoiser, z, denoiser.condition([PROMPT], [NEGATIVE], image=image, mask=mask))
    theirs = pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        image=image / 2 + 0.5,
        mask_image=mask,
        masked_image_latents=denoiser.codec.encode(image * (1 - mask)),
        height=16,
        width=32,
        strength=1.0,
        num_inference_steps=5,
        guidance_scale=scale,
        latents=z.clone(),
        output_type="latent",
    ).images
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_few_step_models_are_known_by_their_scheduler(tmp_path):
    """Euler steps that trail, as Turbo and Lightning have them: our ladder and diffusers' Euler agree to 1e-4."""
    from diffusers import EulerDiscreteScheduler

    euler = EulerDiscreteScheduler(**SCHEDULE | {"timestep_spacing": "trailing"})
    folder, pipeline = sdxl_pipeline(tmp_path, scheduler=euler)
    told = describe(folder)
    assert (told["steps"], told["guidance"]) == (4, 1.0)
    denoiser = load_denoiser(folder)
    z, first = noise(8, 8), denoiser.ladder(4)[0]
    ours = sampled(denoiser, z * first.sigma, denoiser.condition([PROMPT]), steps=4)  # as their Euler begins
    theirs = pipeline(PROMPT, num_inference_steps=4, guidance_scale=0.0, latents=z.clone(), output_type="latent").images
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_a_distilled_model_takes_guidance_as_a_number(tmp_path):
    """A consistency model's UNet (time_cond_proj_dim): one evaluation per step, equal to diffusers' to 1e-4."""
    folder, pipeline = sdxl_pipeline(tmp_path, time_cond_proj_dim=8)
    assert describe(folder)["distilled"]
    runs = {}
    for scale in (1.0, 7.0):
        denoiser = guided(load_denoiser(folder), scale)
        runs[scale] = sampled(denoiser, noise(8, 8), denoiser.condition([PROMPT]))
        theirs = pipeline(
            PROMPT, num_inference_steps=5, guidance_scale=scale, latents=noise(8, 8), output_type="latent"
        ).images
        assert torch.allclose(runs[scale], theirs, atol=1e-4)
    assert not torch.allclose(runs[1.0], runs[7.0], atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_near_full(model, dtype):
    """Estimates are float32 all the same. Within 3 % of the estimate's size: 8 bits and some layers."""
    full, half = load_denoiser(model[0]), load_denoiser(model[0], dtype=dtype)
    z, step = noise(8, 8), full.ladder(4)[2]
    expected = full.predict_clean(z, step, full.condition([PROMPT]))
    out = half.predict_clean(z, step, half.condition([PROMPT]))
    assert out.dtype == torch.float32
    assert next(half.parts.backbone.network.parameters()).dtype == dtype
    assert (out - expected).norm() < 0.03 * expected.norm()


def test_a_codec_that_overflows_in_half_precision_stays_whole(model):
    """SDXL's autoencoder says so in its configuration (force_upcast)."""
    for dtype, expected in ((torch.float16, torch.float32), (torch.bfloat16, torch.bfloat16)):
        vae = load_denoiser(model[0], dtype=dtype).parts.modules["vae"]
        assert {p.dtype for p in vae.parameters()} == {expected}


def changed(folder, file, **values):
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_description(model):
    told = describe(model[0])
    assert told["family"] == "Stable Diffusion XL"
    assert (told["shape"], told["factor"], told["size_px"]) == ((4, 8, 8), 2, (16, 16))
    assert (told["guidance"], told["steps"], told["inpaints"], told["distilled"]) == (5.0, None, False, False)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("model_index.json", {"requires_aesthetics_score": True}, "refiner of Stable Diffusion XL"),
        ("model_index.json", {"text_encoder": [None, None]}, "refiner of Stable Diffusion XL"),
        ("unet/config.json", {"projection_class_embeddings_input_dim": 12 + 5 * 4}, "told of 5 numbers"),
        ("unet/config.json", {"cross_attention_dim": 16}, "reads words 16 wide.* 24 wide"),
        ("unet/config.json", {"out_channels": 8, "in_channels": 8}, "makes 8 channels.* reads 4"),
        ("scheduler/scheduler_config.json", {"_class_name": "CosineDPMSolverMultistepScheduler"}, "CosineDPM"),
    ],
)
def test_kin_that_cannot_draw_are_refused_by_name(tmp_path, file, change, words):
    folder, _ = sdxl_pipeline(tmp_path)
    changed(folder, file, **change)
    with pytest.raises(InvalidInputError, match=words):
        describe(folder)


@pytest.mark.parametrize("kind", ["LCMScheduler", "TCDScheduler"])
def test_a_consistency_model_takes_its_own_times_and_answers_at_once(tmp_path, kind):
    """LCM's one step draws no noise: equal to 1e-4. Of TCD, whose last step leaves some noise, the times alone."""
    import diffusers

    scheduler = getattr(diffusers, kind)(**SCHEDULE)
    folder, pipeline = sdxl_pipeline(tmp_path, scheduler=scheduler, time_cond_proj_dim=8)
    told = describe(folder)
    assert (told["steps"], told["guidance"], told["distilled"]) == (4, 8.0, True)
    denoiser = guided(load_denoiser(folder), 8.0)
    for steps in (1, 3, 4, 8, 50):
        scheduler.set_timesteps(steps)
        assert denoiser.ladder(steps).time[:-1].tolist() == scheduler.timesteps.tolist()
    with pytest.raises(InvalidInputError, match="distilled at 50 times"):
        denoiser.ladder(51)
    if kind == "LCMScheduler":
        z = noise(8, 8)
        ours = sampled(denoiser, z, denoiser.condition([PROMPT]), steps=1)
        given = {"num_inference_steps": 1, "guidance_scale": 8.0, "output_type": "latent"}
        assert torch.allclose(ours, pipeline(PROMPT, latents=z.clone(), **given).images, atol=1e-4)


def test_attention_is_shown(model):
    """Rows of the maps sum to 1, on the grid of the picture's shape."""
    denoiser = load_denoiser(model[0], size=(16, 32))
    maps = denoiser.attention_maps(noise(8, 16), denoiser.ladder(4)[1], denoiser.condition([PROMPT]))
    assert maps.grid == (4, 8)
    assert torch.allclose(maps.maps.sum(-1), torch.ones(1, 32), atol=1e-5)
