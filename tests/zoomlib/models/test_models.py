"""Folders of weights in diffusers' format as denoisers: random weights of tiny size, real formats."""

import json
import shutil

import pytest
import torch
from torch.nn import functional as F

from tests.doubles.tiny_model import tiny_unet
from tests.doubles.tiny_pipelines import TEXT, latent_pipeline
from zoomlib.bundled.assemble import write_model
from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Config, inpaint
from zoomlib.methods import independent
from zoomlib.models import describe, load_denoiser, load_upscaler
from zoomlib.models.components import new_text_encoder, save_component, unet_input
from zoomlib.models.upscaling.net import SuperResolution


@pytest.fixture(scope="module")
def pixel_folder(tmp_path_factory):
    """A pixel-space inpainting model in 2 x 2 patches, like the bundled one."""
    folder = tmp_path_factory.mktemp("pixel")
    torch.manual_seed(0)
    write_model(tiny_unet(28, 12), new_text_encoder(TEXT), folder, torch.float32)
    save_component(SuperResolution(width=8, blocks=1), folder / "super_resolution", torch.float32)
    return folder


def test_a_pixel_model_is_a_denoiser(pixel_folder):
    denoiser = load_denoiser(pixel_folder)
    assert isinstance(denoiser, Denoiser)
    assert denoiser.shape == (3, 16, 16)
    condition = denoiser.condition(["a red galaxy", ""])
    assert len(condition) == 2
    out = denoiser.predict_clean(torch.randn(2, 3, 16, 16), denoiser.ladder(4)[0], condition)
    assert out.shape == (2, 3, 16, 16)
    assert out.dtype == torch.float32


def test_prompts_and_kept_pixels_reach_the_model(pixel_folder):
    denoiser = load_denoiser(pixel_folder)
    z, step = torch.randn(1, 3, 16, 16), denoiser.ladder(4)[1]
    image, mask = torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 0
    plain = denoiser.predict_clean(z, step, denoiser.condition(["a red galaxy"]))
    other = denoiser.predict_clean(z, step, denoiser.condition(["green atoms"]))
    kept = denoiser.predict_clean(z, step, denoiser.condition(["a red galaxy"], image=image, mask=mask))
    hidden = denoiser.predict_clean(
        z, step, denoiser.condition(["a red galaxy"], image=torch.where(mask > 0, -image, image), mask=mask)
    )
    everything = denoiser.condition(["a red galaxy"], image=image, mask=torch.ones(1, 1, 16, 16))
    assert not torch.equal(plain, other)
    assert not torch.equal(plain, kept)
    assert torch.equal(kept, hidden), "what stands under the mask must not be seen"
    assert torch.equal(plain, denoiser.predict_clean(z, step, everything))


def test_unet_input_is_a_rearrangement():
    z, mask, kept = torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8).round(), torch.rand(2, 3, 8, 8)
    seen = unet_input(z, mask, kept, 2)
    assert seen.shape == (2, 28, 4, 4)
    parts = [F.pixel_shuffle(part, 2) for part in seen.split([12, 4, 12], dim=1)]
    assert all(torch.equal(a, b) for a, b in zip(parts, (z, mask, kept), strict=True))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_a_latent_model_samples_as_its_own_pipeline(tmp_path, prediction):
    """Our plain sampler on the adapter gives the latents of diffusers' pipeline, guidance off, from the same noise."""
    folder, pipeline = latent_pipeline(tmp_path, 4, prediction)
    denoiser = load_denoiser(folder)
    assert denoiser.shape == (4, 8, 8)
    assert describe(folder)["size_px"] == (16, 16)
    noise = []

    class Spy(type(denoiser)):
        def predict_clean(self, z, step, condition):
            noise.append(z)
            return super().predict_clean(z, step, condition)

    spy = Spy(denoiser.parts, denoiser.facts, (8, 8), denoiser.device, denoiser.dtype)
    *_, state = independent.sample(
        spy, ["a red galaxy"], p=2, steps=5, eta=0.0, generator=torch.Generator().manual_seed(3)
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        "a red galaxy", num_inference_steps=5, guidance_scale=1.0, latents=noise[0].clone(), output_type="latent"
    ).images
    assert torch.allclose(state.clean, theirs, atol=1e-4, rtol=1e-4)


def test_a_latent_inpainting_model_takes_image_and_mask(tmp_path):
    folder, _ = latent_pipeline(tmp_path, 9)
    denoiser = load_denoiser(folder)
    assert denoiser.inpaints
    image, mask = torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16)
    mask[..., :8] = 0
    out = inpaint(denoiser, ["a", "b"], image, mask, Config(2), generator=torch.Generator().manual_seed(0))
    assert torch.equal(out[..., :8], image[..., :8])
    assert not torch.equal(out[..., 8:], image[..., 8:])


def test_an_inpainted_picture_is_the_same_alone_and_in_company(tmp_path):
    """To 1e-4: a convolution may add in another order in a batch."""
    denoiser = load_denoiser(latent_pipeline(tmp_path, 9)[0])
    image, mask = torch.zeros(3, 3, 16, 16), torch.ones(3, 1, 16, 16)

    def made(count: int, **settings) -> torch.Tensor:
        generator = torch.Generator().manual_seed(5)
        words = ["a", "b", "c"][:count]
        return inpaint(denoiser, words, image[:count], mask[:count], Config(3, **settings), generator=generator)

    assert torch.allclose(made(1, eta=1.0)[0], made(3, eta=1.0)[0], atol=1e-4)
    assert not torch.allclose(made(3)[0], made(3)[1], atol=1e-2)
    with pytest.raises(InvalidInputError, match="eta must lie"):
        made(1, eta=2.0)


def test_codec_round_trip_has_the_right_shapes(tmp_path):
    folder, _ = latent_pipeline(tmp_path, 4)
    codec = load_denoiser(folder).codec
    latents = codec.encode(torch.rand(2, 3, 16, 24) * 2 - 1)
    assert latents.shape == (2, 4, 8, 12)
    assert codec.decode(latents).shape == (2, 3, 16, 24)
    assert torch.allclose(codec.decode(latents)[1:], codec.decode(latents[1:]), atol=1e-5)


def test_super_resolution_averages_back_to_its_input(pixel_folder):
    upscaler = load_upscaler(pixel_folder)
    small = torch.rand(2, 3, 12, 20) * 2 - 1
    large = upscaler(small)
    assert large.shape == (2, 3, 48, 80)
    assert torch.allclose(F.avg_pool2d(large, 4), small, atol=1e-5)


def test_description_needs_no_weights(pixel_folder, tmp_path):
    facts = describe(pixel_folder)
    assert facts["shape"] == (3, 16, 16)
    assert facts["upscaler"]["factor"] == 4
    assert facts["inpaints"]
    copy = shutil.copytree(pixel_folder, tmp_path / "copy")
    assert describe(copy)["revision"] == facts["revision"]
    weights = next((copy / "unet").glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert describe(copy)["revision"] != facts["revision"]


def test_fall_backs_are_tried_in_order(pixel_folder):
    assert describe("no/such/model", fallbacks=["neither/this", pixel_folder])["id"] == str(pixel_folder)
    with pytest.raises(InvalidInputError, match=r"no/such/model.*neither/this"):
        load_denoiser("no/such/model", fallbacks=["neither/this"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unet": None, "transformer": ["diffusers", "FluxTransformer2DModel"]}, "FluxTransformer2DModel"),
        ({"unet": ["diffusers", "UNet3DConditionModel"]}, "UNet3DConditionModel"),
        ({"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}, "CLIPTextModelWithProjection"),
    ],
)
def test_what_has_no_adapter_is_refused_by_name(pixel_folder, tmp_path, change, words):
    copy = shutil.copytree(pixel_folder, tmp_path / "copy")
    index = json.loads((copy / "model_index.json").read_text()) | change
    (copy / "model_index.json").write_text(json.dumps({k: v for k, v in index.items() if v is not None}))
    with pytest.raises(InvalidInputError, match=words):
        load_denoiser(copy)


def test_weights_that_can_run_code_are_refused(pixel_folder, tmp_path):
    copy = shutil.copytree(pixel_folder, tmp_path / "copy")
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(InvalidInputError, match="safetensors"):
        load_denoiser(copy)


def test_damaged_weights_are_an_error_of_one_paragraph(pixel_folder, tmp_path):
    copy = shutil.copytree(pixel_folder, tmp_path / "copy")
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InvalidInputError, match="could not be read"):
        load_denoiser(copy)


def test_an_image_without_a_mask_is_refused(pixel_folder):
    denoiser = load_denoiser(pixel_folder)
    with pytest.raises(InvalidInputError, match="Expected an image"):
        denoiser.condition(["a"], image=torch.zeros(1, 3, 16, 16))
