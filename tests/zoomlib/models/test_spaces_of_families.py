"""Every family of latent models, with its real autoencoder, tiny, in every space: noise stays white, levels agree."""

import pytest
import torch

from tests.doubles import tiny_flows
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.doubles.tiny_sana import sana_pipeline
from tests.doubles.tiny_sdxl import sdxl_pipeline
from zoomlib.geometry import windows
from zoomlib.grain import grain_of
from zoomlib.methods import joint
from zoomlib.models import load_denoiser
from zoomlib.pyramid import down

FAMILIES = {
    "stable diffusion": lambda folder: latent_pipeline(folder, 4),
    "stable diffusion xl": sdxl_pipeline,
    "stable diffusion 3": tiny_flows.sd3_pipeline,
    "flux": tiny_flows.flux_pipeline,
    "z-image": tiny_flows.z_image_pipeline,
    "qwen-image": tiny_flows.qwen_image_pipeline,
    "sana": sana_pipeline,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_is_white_and_finished_levels_agree_in_every_space(family, tmp_path):
    made = FAMILIES[family](tmp_path)
    size = (32, 32) if family in ("stable diffusion 3", "flux", "z-image", "qwen-image") else None
    denoiser = load_denoiser(made[0] if isinstance(made, tuple) else made, size=size)
    grain = grain_of(denoiser.codec, denoiser.shape[0], denoiser.device)
    if grain is not None:
        rows = grain.rows.flatten(1)
        assert torch.allclose(rows @ rows.T, torch.eye(len(rows)), atol=1e-4)
    for space in ("pixels", "latents", "mixed"):
        generator = torch.Generator().manual_seed(0)
        *_, end = joint.sample(
            denoiser, ["a red galaxy", "a star"], p=2, steps=2, feather=0.0, space=space, generator=generator
        )
        (window,) = windows(2, *end.clean.shape[2:], 2)
        assert end.clean.isfinite().all()
        assert (end.clean[0][:, *window.slices] - down(end.clean[1], 2)).abs().max() < 1e-6
