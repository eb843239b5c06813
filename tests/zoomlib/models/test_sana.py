"""Sana: a tiny folder in the real format against diffusers' own pipeline, from the same noise."""

import json
import shutil

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_sana import sana_pipeline
from zoomlib.denoiser import Denoiser, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.methods import joint
from zoomlib.models import describe, load_denoiser

PROMPTS = ["a red galaxy", "a green leaf, seen from far away"]
SIZE = (32, 64)


@pytest.fixture(scope="module")
def sana(tmp_path_factory):
    return sana_pipeline(tmp_path_factory.mktemp("sana"))


def theirs(pipeline, noise, scale, **other):
    return pipeline(
        prompt=PROMPTS,
        height=SIZE[0],
        width=SIZE[1],
        latents=noise,
        output_type="latent",
        num_inference_steps=5,
        guidance_scale=scale,
        use_resolution_binning=False,
        **other,
    ).images


@pytest.mark.parametrize("scale", [1.0, 4.5])
def test_it_samples_as_its_pipeline(sana, scale):
    """Latents to 1e-4, guidance off and on, with its own scheduler of order 1; the pictures that they decode to."""
    folder, pipeline = sana
    denoiser = load_denoiser(folder, size=SIZE)
    assert isinstance(denoiser, Denoiser)
    assert denoiser.shape == (4, 8, 16)
    ours, noise = plain_samples(denoiser, PROMPTS, 5, scale)
    found = theirs(pipeline, noise, scale)
    assert torch.allclose(ours, found, atol=1e-4, rtol=1e-4)
    assert ours.std() > 0.1
    assert torch.allclose(denoiser.codec.decode(ours), pipeline.vae.decode(found / 0.41407).sample, atol=1e-3)


@pytest.mark.parametrize("shift", [{"shift": 3.0}, {"use_dynamic_shifting": True}])
def test_the_other_kind_of_scheduler_is_read_too(tmp_path, shift):
    folder, pipeline = sana_pipeline(tmp_path, FlowMatchEulerDiscreteScheduler(**shift))
    ladder = load_denoiser(folder, size=SIZE).ladder(5)
    if "shift" in shift:
        ours, noise = plain_samples(load_denoiser(folder, size=SIZE), PROMPTS, 5)
        assert torch.allclose(ours, theirs(pipeline, noise, 1.0), atol=1e-4, rtol=1e-4)
    assert len(ladder) == 5


def test_noise_levels_are_the_scheduler_s(sana):
    """Shifted sigmas of s / (1 + (s - 1) sigma), written out; times are whole."""
    ladder = load_denoiser(sana[0]).ladder(4)
    plain = torch.linspace(0, 0.999, 5, dtype=torch.float64).flip(0)
    assert torch.allclose(ladder.sigma, 3 * plain / (1 + 2 * plain), atol=1e-6)
    assert torch.equal(ladder.time[:-1], (ladder.sigma[:-1] * 1000).floor())


def test_words_matter_and_rows_are_of_one_width(sana):
    denoiser = load_denoiser(sana[0])
    condition = denoiser.condition(["a leaf", ""])
    assert condition.rows["text"].shape == (2, 300, 16)
    step, z = denoiser.ladder(4)[1], torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def clean(words):
        return denoiser.predict_clean(z, step, denoiser.condition([words]))

    assert torch.equal(clean("a leaf"), clean("a leaf"))
    assert not torch.allclose(clean("a leaf"), clean("the galaxy"), atol=1e-4)


def test_encoding_is_what_their_autoencoder_does(sana):
    folder, pipeline = sana
    codec = load_denoiser(folder).codec
    pictures = torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert codec.factor == 4
    assert torch.allclose(codec.encode(pictures), pipeline.vae.encode(pictures).latent * 0.41407, atol=1e-4)


def test_levels_are_sampled_jointly_and_linear_attention_has_no_maps(sana):
    denoiser = load_denoiser(sana[0])
    generator = torch.Generator().manual_seed(0)
    stack = joint.sample_stack(denoiser, PROMPTS, p=2, steps=2, feather=0.0, generator=generator)
    assert stack.levels.shape == (2, 3, 32, 32)
    with pytest.raises(InvalidInputError, match="no self-attention maps: it attends by SanaLinearAttn"):
        attentive(denoiser).attention_maps(
            torch.zeros(2, *denoiser.shape), denoiser.ladder(2)[0], denoiser.condition(PROMPTS)
        )


def test_description(sana):
    told = describe(sana[0], size=SIZE)
    assert (told["kind"], told["family"], told["shape"], told["factor"]) == ("model", "Sana", (4, 8, 16), 4)
    assert (told["guidance"], told["steps"]) == (4.5, 20)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("transformer/config.json", {"guidance_embeds": True}, "Sana Sprint"),
        ("transformer/config.json", {"out_channels": 5}, "takes 4 channels and gives 5"),
        ("scheduler/scheduler_config.json", {"_class_name": "SCMScheduler", "use_flow_sigmas": False}, "SCMScheduler"),
        ("scheduler/scheduler_config.json", {"use_karras_sigmas": True}, "only spacing is use_flow_sigmas"),
    ],
)
def test_its_kin_are_refused_by_name(sana, tmp_path, part, change, words):
    copy = shutil.copytree(sana[0], tmp_path / "copy")
    config = json.loads((copy / part).read_text())
    (copy / part).write_text(json.dumps(config | change))
    with pytest.raises(InvalidInputError, match=words):
        describe(copy)
