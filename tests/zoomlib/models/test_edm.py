"""SDXL's network in EDM's noise, and an autoencoder with means of its channels, as Playground 2.5 has them."""

import pytest
import torch

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_sdxl import sdxl_pipeline
from zoomlib.models import load_denoiser

PROMPT, NEGATIVE = "a red galaxy", "green atoms"
MEANS, SPREADS = [0.3, -0.2, 0.1, 0.0], [1.5, 2.0, 0.7, 1.0]


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize(
    "settings",
    [
        {"sigma_schedule": "karras", "prediction_type": "epsilon", "sigma_data": 0.5, "sigma_max": 80.0},
        {"sigma_schedule": "exponential", "prediction_type": "v_prediction", "sigma_data": 1.0, "sigma_max": 120.0},
    ],
    ids=["playground", "cosxl"],
)
def test_a_run_equals_diffusers_own(tmp_path, settings, scale):
    """To 1e-4 of the largest latent: theirs runs over x + s n with s up to 120 in float32, and loses some of it."""
    from diffusers import EDMEulerScheduler

    folder, pipeline = sdxl_pipeline(tmp_path, scheduler=EDMEulerScheduler(**settings))
    ours, z = plain_samples(load_denoiser(folder), [PROMPT], 5, scale, [NEGATIVE])
    top, data = settings["sigma_max"], settings["sigma_data"]
    noise = z * ((top**2 + data**2) / (top**2 + 1)) ** 0.5  # theirs begins with sqrt(s^2 + 1) times it
    theirs = pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        num_inference_steps=5,
        guidance_scale=scale,
        latents=noise,
        output_type="latent",
    ).images
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_the_multistep_kind_has_the_same_levels(tmp_path):
    from diffusers import EDMDPMSolverMultistepScheduler

    scheduler = EDMDPMSolverMultistepScheduler()
    ladder = load_denoiser(sdxl_pipeline(tmp_path, scheduler=scheduler)[0]).ladder(7)
    scheduler.set_timesteps(7)
    ratio = ladder.sigma[:-1] / ladder.alpha[:-1]
    assert torch.allclose(ratio.float(), scheduler.sigmas[:-1], rtol=1e-5)
    assert torch.allclose(ladder.time[:-1].float(), scheduler.timesteps.float(), atol=1e-5)
    assert torch.allclose(ladder.alpha[:-1] ** 2 * 0.25 + ladder.sigma[:-1] ** 2, torch.ones(7).double())


def test_channels_of_a_code_may_have_means_of_their_own(tmp_path):
    """Decoding equals the pipeline's own, to 1e-5, and encoding is its inverse up to the autoencoder."""
    folder, pipeline = sdxl_pipeline(tmp_path)
    pipeline.vae.register_to_config(latents_mean=MEANS, latents_std=SPREADS)
    pipeline.save_pretrained(folder)
    codec = load_denoiser(folder).codec
    z = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, spread = (torch.tensor(x).view(1, 4, 1, 1) for x in (MEANS, SPREADS))
    with torch.no_grad():
        expected = pipeline.vae.decode(z * spread / 0.13025 + mean).sample
        picture = torch.rand(1, 3, 16, 16) * 2 - 1
        code = (pipeline.vae.encode(picture).latent_dist.mode() - mean) * 0.13025 / spread
    assert torch.allclose(codec.decode(z), expected, atol=1e-5)
    assert torch.allclose(codec.encode(picture), code, atol=1e-5)
