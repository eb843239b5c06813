"""Stable Diffusion 3 and FLUX: folders with random weights against diffusers' own pipelines, from the same noise."""

import json
import shutil

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch.nn import functional as F

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_flows import (
    CHANNELS,
    flux_pipeline,
    qwen_image_pipeline,
    sd3_pipeline,
    z_image_pipeline,
)
from tests.doubles.tiny_sana import sana_pipeline
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Distilled, guided
from zoomlib.ladder import flow_ladder
from zoomlib.models import describe, load_denoiser
from zoomlib.models.noise.schedule import Flow
from zoomlib.models.transformer import packed, unpacked
from zoomlib.walk import last, walk

SIZE = (32, 48)
PROMPTS = ["a red galaxy", "a green leaf, seen from far away"]
CLOSE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module")
def sd3(tmp_path_factory):
    return sd3_pipeline(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module", params=["dev", "schnell", "fill"])
def flux(request, tmp_path_factory):
    return request.param, *flux_pipeline(tmp_path_factory.mktemp(request.param), request.param)


EITHER = {"sd3": sd3_pipeline, "flux": flux_pipeline, "z": z_image_pipeline, "qwen": qwen_image_pipeline}


@pytest.fixture(scope="module", params=[*EITHER, "sana"])
def any_folder(request, tmp_path_factory):
    """The folder of one of the families."""
    return (EITHER | {"sana": sana_pipeline})[request.param](tmp_path_factory.mktemp("any"))[0]


@pytest.fixture(scope="module", params=EITHER)
def either(request, tmp_path_factory):
    """One of the families whose attention is softmax, and its folder."""
    return request.param, EITHER[request.param](tmp_path_factory.mktemp("either"))[0]


def given(noise, **other):
    """What every pipeline of diffusers is called with here."""
    height, width = SIZE
    return {"prompt": PROMPTS, "height": height, "width": width, "latents": noise, "output_type": "latent"} | other


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("kind", [{}, {"use_dynamic_shifting": True}, {"shift_terminal": 0.1}, {"medium": True}])
def test_stable_diffusion_3_samples_as_its_pipeline(tmp_path, scale, kind):
    """Latents to 1e-4, guidance off and on, with words to lead away from; every way to shift noise levels, and 3.5."""
    folder, pipeline = sd3_pipeline(tmp_path, **kind)
    denoiser = load_denoiser(folder, size=SIZE)
    assert isinstance(denoiser, Denoiser)
    negatives = ["blurred", ""] if scale > 1 else None
    ours, noise = plain_samples(denoiser, PROMPTS, 5, scale, negatives)
    told = {"num_inference_steps": 5, "guidance_scale": scale, "negative_prompt": negatives}
    theirs = pipeline(**given(noise), **told).images
    assert torch.allclose(ours, theirs, **CLOSE)
    assert ours.std() > 0.1
    pictures = pipeline.vae.decode(theirs / 1.5 + 0.1).sample
    assert torch.allclose(denoiser.codec.decode(ours), pictures, atol=1e-3)


def test_stable_diffusion_3_does_without_t5(tmp_path):
    folder, pipeline = sd3_pipeline(tmp_path, t5=False)
    assert json.loads((folder / "model_index.json").read_text())["text_encoder_3"] == [None, None]
    ours, noise = plain_samples(load_denoiser(folder, size=SIZE), PROMPTS, 3)
    theirs = pipeline(**given(noise), num_inference_steps=3, guidance_scale=1.0).images
    assert torch.allclose(ours, theirs, **CLOSE)


def test_flux_samples_as_its_pipeline(flux):
    """Latents to 1e-4, on a rectangle, where dev's noise levels follow from the size; Fill is told to make all."""
    kind, folder, pipeline = flux
    denoiser = load_denoiser(folder, size=SIZE)
    assert isinstance(denoiser, Denoiser)
    facts = describe(folder, size=SIZE)
    assert (facts["distilled"], facts["inpaints"]) == (kind != "schnell", kind == "fill")
    ours, noise = plain_samples(denoiser, PROMPTS, 5, facts["guidance"])
    told = given(packed(noise, 2), num_inference_steps=5, guidance_scale=facts["guidance"])
    if kind == "fill":
        certain(pipeline.vae)
        told |= {"image": torch.zeros(2, 3, *SIZE), "mask_image": torch.ones(2, 1, *SIZE)}
    if kind == "schnell":
        told["max_sequence_length"] = 256
    theirs = unpacked(pipeline(**told).images, denoiser.shape[1:], 2)
    assert torch.allclose(ours, theirs, **CLOSE)
    assert ours.std() > 0.1


def certain(vae):
    """Let an autoencoder know for sure: Fill's pipeline draws a code of the picture, ours is the mean of all."""
    with torch.no_grad():
        vae.encoder.conv_out.weight[CHANNELS:] = 0
        vae.encoder.conv_out.bias[CHANNELS:] = -1e3


def test_fill_keeps_what_its_pipeline_keeps(tmp_path):
    """A picture of which a corner that cuts through places is to be made: latents to 1e-4."""
    folder, pipeline = flux_pipeline(tmp_path, "fill")
    denoiser = load_denoiser(folder, size=SIZE)
    noise, image = torch.randn(2, *denoiser.shape), torch.rand(2, 3, *SIZE) * 2 - 1
    mask = torch.zeros(2, 1, *SIZE)
    mask[..., :19, 7:] = 1
    condition = denoiser.condition(PROMPTS, image=image, mask=mask)
    generator = torch.Generator()
    settings = {
        "steps": 4,
        "eta": 0.0,
        "draw": lambda *_: noise,
        "consolidate": lambda x, *_: x,
        "generator": generator,
    }
    ours = last(walk(denoiser, condition, **settings)).clean
    certain(pipeline.vae)
    told = {"image": image / 2 + 0.5, "mask_image": mask, "num_inference_steps": 4, "guidance_scale": 30.0}
    theirs = pipeline(**given(packed(noise, 2)), **told).images
    assert torch.allclose(ours, unpacked(theirs, denoiser.shape[1:], 2), **CLOSE)
    nothing = last(walk(denoiser, denoiser.condition(PROMPTS), **settings)).clean
    assert not torch.allclose(ours, nothing, atol=1e-2), "what is kept matters"
    hidden = denoiser.condition(PROMPTS, image=torch.where(mask > 0, -image, image), mask=mask)
    assert torch.equal(hidden.rows["kept"], condition.rows["kept"]), "what stands under the mask is not seen"


@pytest.mark.parametrize(("shift", "scale"), [(6.0, 4.0), (3.0, 1.0)], ids=["base", "turbo"])
def test_z_image_samples_as_its_pipeline(tmp_path, shift, scale):
    """Latents to 1e-4. Theirs adds to the words' direction what ours multiplies it by: one less."""
    folder, pipeline = z_image_pipeline(tmp_path, shift)
    denoiser = load_denoiser(folder, size=SIZE)
    facts = describe(folder, size=SIZE)
    assert (facts["guidance"] == 1, facts["steps"]) == (shift == 3, 9 if shift == 3 else None)
    negatives = ["blurred, torn", ""] if scale > 1 else None
    ours, noise = plain_samples(denoiser, PROMPTS, 5, scale, negatives)
    told = {"num_inference_steps": 5, "guidance_scale": scale - 1, "negative_prompt": negatives}
    theirs = pipeline(**given(noise) | {"prompt": list(PROMPTS)}, **told).images
    assert torch.allclose(ours, theirs, **CLOSE)
    assert ours.std() > 0.1


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_qwen_image_samples_as_its_pipeline(tmp_path, scale):
    """Latents to 1e-4, with guidance that keeps lengths, noise levels that end early, and a code that has means."""
    folder, pipeline = qwen_image_pipeline(tmp_path)
    denoiser = load_denoiser(folder, size=SIZE)
    negatives = ["blurred, torn", "dull"] if scale > 1 else None
    ours, noise = plain_samples(Chunked(denoiser, 3), PROMPTS, 5, scale, negatives)
    told = {"num_inference_steps": 5, "true_cfg_scale": scale, "negative_prompt": negatives}
    theirs = unpacked(pipeline(**given(packed(noise, 2)), **told).images, denoiser.shape[1:], 2)
    assert torch.allclose(ours, theirs, **CLOSE)
    assert ours.std() > 0.1
    picture = pipeline(**given(packed(noise, 2)) | {"output_type": "pt"}, **told).images
    assert torch.allclose(denoiser.codec.decode(ours).clamp(-1, 1) / 2 + 0.5, picture, atol=1e-3)
    again = denoiser.codec.encode(denoiser.codec.decode(ours))
    frames = pipeline.vae.encode(denoiser.codec.decode(ours)[:, :, None]).latent_dist.mode()[:, :, 0]
    assert torch.allclose(again[:, 1], (frames[:, 1] + 0.2) / 2, atol=1e-4)


def test_guidance_is_an_input_of_a_distilled_model(flux):
    kind, folder, _ = flux
    denoiser = load_denoiser(folder, size=SIZE)
    z, step = torch.randn(2, *denoiser.shape), denoiser.ladder(4)[1]

    def estimate(model):
        return model.predict_clean(z, step, model.condition(PROMPTS))

    led = [guided(denoiser, scale) for scale in (1.0, 6.0)]
    assert isinstance(led[0], Distilled) == (kind != "schnell")
    assert not torch.allclose(*map(estimate, led), atol=1e-4)
    usual = guided(denoiser, denoiser.facts.guidance)
    assert torch.equal(estimate(denoiser), estimate(usual)), "a bare model is led as its kind usually is"


def test_rows_pass_the_model_alone_as_in_company(any_folder):
    """To 1e-5: what Chunked and sharding over devices rest on."""
    denoiser = load_denoiser(any_folder, size=SIZE)
    condition, z = denoiser.condition([*PROMPTS, ""]), torch.randn(3, *denoiser.shape)
    step = denoiser.ladder(4)[2]
    whole = denoiser.predict_clean(z, step, condition)
    parts = [denoiser.predict_clean(z[k : k + 1], step, condition[k : k + 1]) for k in range(3)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-5)
    assert denoiser.condition(["one"]).rows.keys() == condition.rows.keys()


def test_attention_maps_are_what_the_picture_s_places_look_at(either, monkeypatch):
    """To 1e-5, from the queries and keys that torch is handed, of 8 x 12 patches; differentiable in z."""
    kind, folder = either
    denoiser = load_denoiser(folder, size=SIZE)
    z = torch.randn(2, *denoiser.shape, requires_grad=True)
    step, condition, seen, attend = (
        denoiser.ladder(4)[1],
        denoiser.condition(PROMPTS),
        [],
        F.scaled_dot_product_attention,
    )

    def spy(query, key, value, attn_mask=None, **kwargs):
        scores = query @ key.mT / query.shape[-1] ** 0.5
        scores = scores if attn_mask is None else scores.masked_fill(~attn_mask, -torch.inf)
        own = slice(96) if kind in ("sd3", "z") else slice(-96, None)
        if query.shape[-2] >= 96:
            seen.append(scores.softmax(-1).mean(1)[:, own, own])
        return attend(query, key, value, attn_mask=attn_mask, **kwargs)

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(F, "scaled_dot_product_attention", spy)
        denoiser.predict_clean(z, step, condition)
    maps = denoiser.attention_maps(z, step, condition)
    assert maps.grid == (8, 12)
    assert torch.allclose(maps.maps, torch.stack(seen).mean(0), atol=1e-5)
    assert maps.maps.std() > 1e-4, "a map that is even everywhere would agree with anything"
    assert torch.autograd.grad(maps.maps.square().sum(), z)[0].abs().max() > 0


def test_half_precision_is_near_full(any_folder):
    """bfloat16 has 8 bits, in which also times are counted (828 or 832): 20 % of the estimate's spread."""
    full, half = (load_denoiser(any_folder, size=SIZE, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    z, step = torch.randn(2, *full.shape), full.ladder(4)[1]
    one, other = (model.predict_clean(z, step, model.condition(PROMPTS)) for model in (full, half))
    assert other.dtype == torch.float32
    assert (one - other).std() < 0.2 * one.std()


def test_packing_is_undone():
    z = torch.randn(2, 5, 6, 10)
    assert packed(z, 2).shape == (2, 15, 20)
    assert torch.equal(unpacked(packed(z, 2), (6, 10), 2), z)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_an_even_flow_has_a_closed_form(shift):
    """Diffusers counts in float32: to 1e-6."""
    ladder, known = Flow({"shift": shift}).ladder(7, (8, 8)), flow_ladder(7, shift)
    assert torch.allclose(ladder.sigma, known.sigma, atol=1e-6)
    assert torch.allclose(ladder.time, known.time, atol=1e-3)


def test_larger_pictures_begin_with_more_noise():
    flow = Flow({"use_dynamic_shifting": True})
    assert flow.size_shift((32, 32)) == pytest.approx(0.5)
    assert flow.size_shift((128, 128)) == pytest.approx(1.15)
    small, large = (flow.ladder(4, (side, side)).sigma for side in (32, 128))
    assert (small[1:-1] < large[1:-1]).all()


@pytest.mark.parametrize("config", [{"_class_name": "DDIMScheduler"}, {"invert_sigmas": True}])
def test_a_scheduler_of_another_kind_is_refused(config):
    with pytest.raises(InvalidInputError, match="is not read here as a flow"):
        Flow(dict(FlowMatchEulerDiscreteScheduler().config) | config)


def changed(folder, copy, part, **values):
    """A copy of the model whose configuration says something else."""
    shutil.copytree(folder, copy)
    file = copy / part / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return copy


def test_control_variants_are_refused_by_their_channels(flux, tmp_path):
    copy = changed(flux[1], tmp_path / "copy", "transformer", in_channels=2 * CHANNELS * 4)
    with pytest.raises(InvalidInputError, match="control variants"):
        describe(copy)


@pytest.mark.parametrize("part", ["transformer", "text_encoder_2"])
def test_quantized_weights_are_refused_by_name(flux, tmp_path, part):
    copy = changed(flux[1], tmp_path / "copy", part, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(InvalidInputError, match=rf"{part} in 'copy' are quantized \(bitsandbytes\)"):
        load_denoiser(copy)


def test_sizes_that_a_model_cannot_make_are_refused(sd3, flux):
    with pytest.raises(InvalidInputError, match=r"multiples of 4 pixels.*nearest is 48 x 36"):
        describe(sd3[0], size=(35, 48))
    with pytest.raises(InvalidInputError, match="no places beyond 48 pixels"):
        load_denoiser(sd3[0], size=(32, 64))
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        describe(flux[1], size=(30, 32))
