"""Tiny autoencoders in their real format: held against diffusers' own, refused where unfit, used on the way."""

import json

import pytest
import torch

from tests.doubles.tiny_model import write_tiny_model
from tests.doubles.tiny_pipelines import latent_pipeline, write_tiny_vae
from zoomlib.denoiser import draft_of
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.methods import joint
from zoomlib.models import describe, load_denoiser


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Stable Diffusion's parts, tiny: 4 channels, factor 2."""
    return latent_pipeline(tmp_path_factory.mktemp("model"), 4)[0]


@pytest.mark.parametrize("scaling", [1.0, 0.5])
def test_it_is_diffusers_own_as_its_pipelines_use_it(model, tmp_path, scaling):
    vae = write_tiny_vae(tmp_path / "tiny", scaling_factor=scaling)
    draft = draft_of(Guided(load_denoiser(model, tiny_vae=str(tmp_path / "tiny")), 2.0))
    pictures = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        codes = vae.encode(pictures).latents * scaling
        assert torch.allclose(draft.encode(pictures), codes, atol=1e-5)
        assert torch.allclose(draft.decode(codes), vae.decode(codes / scaling).sample, atol=1e-5)
    assert draft.factor == 2


def test_estimates_on_the_way_pass_it_and_the_last_pass_the_model_s_own(model, tmp_path):
    write_tiny_vae(tmp_path / "tiny")
    denoiser = load_denoiser(model, tiny_vae=str(tmp_path / "tiny"))
    passed = {"draft": 0, "own": 0}

    def count(name, codec):
        within = codec.codec.decode
        codec.codec.decode = lambda latents: (passed.update({name: passed[name] + len(latents)}), within(latents))[1]

    count("draft", denoiser.draft)
    count("own", denoiser.codec)
    generator = torch.Generator().manual_seed(0)
    stack = joint.sample_stack(denoiser, ["a", "b", "c"], p=2, steps=4, space="auto", generator=generator)
    assert passed == {"draft": 3 * 3, "own": 3}
    assert stack.levels.shape == (3, 3, 16, 16)


def test_what_it_is_told_of_a_run_and_the_model_s_revision_depend_on_its_weights(model, tmp_path):
    write_tiny_vae(tmp_path / "tiny")
    plain = describe(model)
    told = describe(model, tiny_vae=str(tmp_path / "tiny"))
    assert plain["tiny_vae"] is None
    assert told["tiny_vae"]["id"] == str(tmp_path / "tiny")
    assert len({plain["revision"], told["revision"], told["tiny_vae"]["revision"]}) == 3
    write_tiny_vae(tmp_path / "other", scaling_factor=0.9)
    assert describe(model, tiny_vae=str(tmp_path / "other"))["revision"] != told["revision"]


def test_what_does_not_suit_is_refused_before_weights_are_read(model, tmp_path):
    write_tiny_vae(tmp_path / "sixteen", channels=16)
    write_tiny_vae(tmp_path / "eight", factor=8)
    write_tiny_vae(tmp_path / "halved")
    next((tmp_path / "halved").glob("*.safetensors")).unlink()
    refused = {
        str(tmp_path / "sixteen"): "latents of 16 channels",
        str(tmp_path / "eight"): "one for 8 x 8 pixels",
        str(tmp_path / "halved"): "not whole",
        str(model / "vae"): "AutoencoderKL, not an AutoencoderTiny",
        "no such place": "There is no tiny autoencoder",
        "nobody/has-this": "neither a folder nor in the hub's cache",
    }
    for name, words in refused.items():
        for ask in (describe, load_denoiser):
            with pytest.raises(InvalidInputError, match=words):
                ask(model, tiny_vae=name)


def test_a_damaged_configuration_is_refused(model, tmp_path):
    write_tiny_vae(tmp_path / "tiny")
    (tmp_path / "tiny" / "config.json").write_text(json.dumps([1]))
    with pytest.raises(InvalidInputError, match="no JSON object"):
        describe(model, tiny_vae=str(tmp_path / "tiny"))


def test_a_model_of_pixels_has_no_use_for_one(tmp_path):
    pixels = write_tiny_model(tmp_path / "pixels")
    write_tiny_vae(tmp_path / "tiny")
    with pytest.raises(InvalidInputError, match="make pixels"):
        describe(pixels, tiny_vae=str(tmp_path / "tiny"))
