"""Stable Diffusion's x2 up-scaler of latents: a tiny folder in the real format, sampled through the public API."""

import json
import shutil

import pytest
import torch

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_upscalers import x2
from zoomlib.errors import InvalidInputError
from zoomlib.methods import joint
from zoomlib.models import describe, load_denoiser, load_upscaler
from zoomlib.walk import last

PROMPTS = ["a red galaxy", "a leaf"]
STEPS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return x2(tmp_path_factory.mktemp("x2") / "model")


def pictures(count, height, width):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("scale", "size"), [(1.0, (32, 32)), (4.0, (32, 48))])
def test_one_level_is_what_their_pipeline_makes(made, scale, size):
    """Noise levels of Euler's own, in our z; their noise begins at the largest level, not at sqrt(1 + it^2)."""
    folder, pipeline = made
    levels = pictures(2, *size)
    denoiser = load_upscaler(folder, size=size).denoiser(levels, generator=torch.Generator())
    assert denoiser.shape == (4, size[0] // 2, size[1] // 2)
    ours, started = plain_samples(denoiser, PROMPTS, STEPS, scale, negatives=["blurred", ""])
    pipeline.scheduler.set_timesteps(STEPS)
    first = pipeline.scheduler.sigmas[0]
    theirs = pipeline(
        PROMPTS,
        image=denoiser.codec.encode(levels),
        num_inference_steps=STEPS,
        guidance_scale=scale,
        latents=started * (1 + first**2).sqrt() / pipeline.scheduler.init_noise_sigma,
        output_type="latent",
        **({"negative_prompt": ["blurred", ""]} if scale > 1 else {}),
    ).images
    assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)
    assert denoiser.codec.decode(ours).shape == (2, 3, 2 * size[0], 2 * size[1])


def test_levels_are_enlarged_jointly(made):
    denoiser = load_upscaler(made[0]).denoiser(pictures(2, 32, 32), generator=torch.Generator())
    generator = torch.Generator().manual_seed(0)
    final = last(joint.sample(denoiser, PROMPTS, p=2, steps=2, feather=0.0, generator=generator))
    assert final.pictures
    assert final.clean.shape == (2, 3, 64, 64)


def test_it_is_told_what_it_was_shown_without_noise(made):
    """Every place of the code twice in each direction; the generator is left alone."""
    levels, generator = pictures(1, 32, 32), torch.Generator().manual_seed(0)
    before = generator.get_state()
    denoiser = load_upscaler(made[0]).denoiser(levels, generator=generator)
    low = denoiser.condition(["a"]).rows["low"]
    assert torch.equal(low[..., ::2, ::2], denoiser.codec.encode(levels))
    assert torch.equal(low[..., ::2, ::2], low[..., 1::2, 1::2])
    assert torch.equal(generator.get_state(), before)


def test_description_and_refusals(made, tmp_path):
    folder = made[0]
    told = describe(folder)
    assert (told["kind"], told["factor"], told["size_px"], told["most_noise"]) == ("upscaler", 2, (64, 64), 0)
    with pytest.raises(InvalidInputError, match="enlarges pictures and makes none"):
        load_denoiser(folder)
    with pytest.raises(InvalidInputError, match="from 0 to 0"):
        load_upscaler(folder).denoiser(pictures(1, 32, 32), noise_level=20, generator=torch.Generator())
    with pytest.raises(InvalidInputError, match="multiples of 16 pixels"):
        load_upscaler(folder, size=(33, 32))
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"_class_name": "DDIMScheduler"}))
    with pytest.raises(InvalidInputError, match="is DDIMScheduler"):
        describe(copy)
