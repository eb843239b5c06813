"""Stable Diffusion 1.x and 2.x on tiny random weights in the real format: equal to diffusers' own pipelines."""

import json

import pytest
import torch

from tests.doubles.plain_samples import Remembering, plain_samples
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.chunks import Chunked
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import guided
from zoomlib.ladder import update
from zoomlib.models import describe, load_denoiser

PROMPTS, NEGATIVES = ["a red galaxy", "a blue planet"], ["green atoms", "a moon"]
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
DDIM = BETAS | {"clip_sample": False, "set_alpha_to_one": True}
SCHEDULES = {
    "1.x, leading": DDIM | {"steps_offset": 1, "timestep_spacing": "leading"},
    "2.x, v, leading": DDIM | {"steps_offset": 1, "timestep_spacing": "leading", "prediction_type": "v_prediction"},
    "trailing": DDIM | {"timestep_spacing": "trailing"},
    "v, no signal at first": DDIM
    | {"timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return quiet(latent_pipeline(tmp_path_factory.mktemp("sd"), 4))


def quiet(made):
    made[1].set_progress_bar_config(disable=True)
    return made


def scheduled(model, scheduler, reader=None):
    """The model with another scheduler in its folder; `reader`: that of the pipeline, where it is another."""
    folder, pipeline = model
    scheduler.save_pretrained(folder / "scheduler")
    pipeline.scheduler = reader or scheduler
    return folder, pipeline


def theirs(pipeline, z, scale, size=(16, 16), steps=5, **given):
    return pipeline(
        PROMPTS[: len(z)],
        negative_prompt=NEGATIVES[: len(z)],
        height=size[0],
        width=size[1],
        num_inference_steps=steps,
        guidance_scale=scale,
        latents=z.clone(),
        output_type="latent",
        **given,
    ).images


@pytest.mark.parametrize("scale", [1.0, 7.5])
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_run_equals_diffusers_own(model, kind, scale):
    """To 1e-4, two pictures with words of their own, guidance on and off, for what is predicted and how times lie."""
    from diffusers import DDIMScheduler

    folder, pipeline = scheduled(model, DDIMScheduler(**SCHEDULES[kind]))
    ours, z = plain_samples(load_denoiser(folder), PROMPTS, 5, scale, NEGATIVES)
    assert torch.allclose(ours, theirs(pipeline, z, scale), atol=1e-4)


@pytest.mark.parametrize("size", [(32, 16), (16, 48)])
def test_a_rectangular_run_equals_diffusers_own(model, size):
    from diffusers import DDIMScheduler

    folder, pipeline = scheduled(model, DDIMScheduler(**SCHEDULES["1.x, leading"]))
    ours, z = plain_samples(load_denoiser(folder, size=size), PROMPTS, 4, 3.0, NEGATIVES)
    assert ours.shape[2:] == (size[0] // 2, size[1] // 2)
    assert torch.allclose(ours, theirs(pipeline, z, 3.0, size, steps=4), atol=1e-4)


def test_whatever_sampler_the_folder_names_its_noise_is_read(model):
    """Stable Diffusion 1.x comes with PNDM; the same betas by DDIM give what ours gives."""
    from diffusers import DDIMScheduler, PNDMScheduler

    own = PNDMScheduler(**BETAS, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)
    folder, pipeline = scheduled(model, own, DDIMScheduler(**SCHEDULES["1.x, leading"]))
    ours, z = plain_samples(load_denoiser(folder), PROMPTS, 5, 2.0, NEGATIVES)
    assert torch.allclose(ours, theirs(pipeline, z, 2.0), atol=1e-4)


@pytest.mark.parametrize(("kind", "spacing"), [("EulerDiscreteScheduler", "linspace"), ("PNDMScheduler", "leading")])
def test_where_a_folder_says_nothing_times_are_spaced_as_its_scheduler_has_them(model, kind, spacing):
    """Folders of the first years name no spacing: Stable Diffusion 2 came with Euler's, 1.x with PNDM's."""
    from diffusers import DDIMScheduler

    folder, _ = scheduled(model, DDIMScheduler(**BETAS, timestep_spacing=spacing, steps_offset=1))
    named = load_denoiser(folder).ladder(7)
    (folder / "scheduler" / "scheduler_config.json").write_text(
        json.dumps({"_class_name": kind, **BETAS, "steps_offset": 1})
    )
    assert torch.equal(load_denoiser(folder).ladder(7).time, named.time)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr must be false"),
        ({"timestep_spacing": "odd"}, "spacing 'odd'"),
        ({"beta_schedule": "odd"}, "betas 'odd'"),
    ],
)
def test_schedules_that_cannot_be_run_are_refused_before_weights_are_read(model, wrong, words):
    """Among them noise alone at the start of a model that predicts noise."""
    from diffusers import DDIMScheduler

    folder, _ = scheduled(model, DDIMScheduler(**BETAS))
    told = {"_class_name": "DDIMScheduler", **BETAS, "timestep_spacing": "trailing", **wrong}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(told))
    for look in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match=words):
            look(folder)


@pytest.mark.parametrize(("kind", "most"), [("DDIMScheduler", 1000), ("LCMScheduler", 50)])
def test_how_many_steps_a_run_can_have_is_told_and_true(model, kind, most):
    import diffusers

    folder, _ = scheduled(model, getattr(diffusers, kind)(**BETAS))
    assert describe(folder)["most_steps"] == most
    denoiser = load_denoiser(folder)
    assert len(denoiser.ladder(most)) == most
    with pytest.raises(InvalidInputError, match=str(most)):
        denoiser.ladder(most + 1)


@pytest.mark.parametrize("spacing", ["linspace", "trailing"])
def test_eulers_steps_are_ours(model, spacing):
    """In diffusers' Euler scheduler the noise has a scale of its own; with 4 linspace steps its times are whole, too.

    (Its DDIM goes N / steps down at every step, also where linspace's times lie otherwise.)
    """
    from diffusers import EulerDiscreteScheduler

    folder, pipeline = scheduled(model, EulerDiscreteScheduler(**BETAS, timestep_spacing=spacing))
    denoiser = load_denoiser(folder)
    z, ladder = torch.randn(1, *denoiser.shape, generator=torch.Generator().manual_seed(1)), denoiser.ladder(4)
    x, condition = z * ladder[0].sigma, denoiser.condition(PROMPTS[:1])
    for k in range(4):
        x = update(x, denoiser.predict_clean(x, ladder[k], condition), ladder[k], ladder[k + 1], 0.0)
    assert torch.allclose(x, theirs(pipeline, z, 1.0, steps=4), atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_inpainting_equals_diffusers_own(tmp_path, prediction, scale):
    """To 1e-4, 9 channels; on the latents' grid their mask (nearest pixel) and ours (largest) are the same."""
    from diffusers import StableDiffusionInpaintPipeline

    folder, parts = latent_pipeline(tmp_path, 9, prediction)
    pipeline = StableDiffusionInpaintPipeline(**parts.components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    remembering = Remembering(guided(load_denoiser(folder, size=(16, 32)), scale))
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 16, 32, generator=generator) * 2 - 1
    mask = torch.ones(2, 1, 16, 32)
    mask[0, :, 4:12, 8:] = mask[1, :, :, :10] = 0
    condition = remembering.condition(PROMPTS, NEGATIVES, image=image, mask=mask)
    x = z = torch.randn(2, 4, 8, 16, generator=generator)
    ladder = remembering.ladder(5)
    for k in range(5):
        x = update(x, remembering.predict_clean(x, ladder[k], condition), ladder[k], ladder[k + 1], 0.0)
    given = {"image": image / 2 + 0.5, "mask_image": mask, "strength": 1.0}
    given |= {"masked_image_latents": remembering.codec.encode(image * (1 - mask))}
    assert torch.allclose(x, theirs(pipeline, z, scale, (16, 32), **given), atol=1e-4)


def test_chunks_of_levels_give_the_same(model):
    """To 1e-5, with guidance, five levels by twos."""
    denoiser = guided(load_denoiser(model[0]), 5.0)
    z, words = torch.randn(5, *denoiser.shape), [*PROMPTS, *NEGATIVES, ""]
    step, condition = denoiser.ladder(4)[2], denoiser.condition(words)
    whole = denoiser.predict_clean(z, step, condition)
    assert torch.allclose(Chunked(denoiser, 2).predict_clean(z, step, condition), whole, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_near_full(model, dtype):
    """Estimates are float32, and within 3 % of their size."""
    full, half = load_denoiser(model[0]), load_denoiser(model[0], dtype=dtype)
    z, step = torch.randn(1, *full.shape, generator=torch.Generator().manual_seed(1)), full.ladder(4)[2]
    expected, out = (d.predict_clean(z, step, d.condition(PROMPTS[:1])) for d in (full, half))
    assert out.dtype == torch.float32
    assert 0 < (out - expected).norm() < 0.03 * expected.norm()


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("model_index.json", {"controlnet": ["diffusers", "ControlNetModel"]}, "ControlNetModel"),
        ("unet/config.json", {"in_channels": 8}, "takes 8 channels and gives 4"),
        ("unet/config.json", {"cross_attention_dim": 32}, "reads words 32 wide.* 16 wide"),
        ("unet/config.json", {"class_embed_type": "projection"}, "told of a class"),
        ("vae/config.json", {"out_channels": 6}, "beside three colours"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow_prediction"}, "predicts 'flow_prediction'"),
        ("scheduler/scheduler_config.json", {"_class_name": "ScoreSdeVeScheduler"}, "ScoreSdeVe"),
    ],
)
def test_kin_that_cannot_draw_are_refused_before_weights_are_read(tmp_path, file, change, words):
    folder, _ = latent_pipeline(tmp_path, 4)
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    next((folder / "unet").glob("*.safetensors")).write_bytes(b"never read")
    for function in (describe, load_denoiser):
        with pytest.raises(InvalidInputError, match=words):
            function(folder)
