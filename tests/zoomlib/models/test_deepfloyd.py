"""DeepFloyd IF: tiny folders of both stages in the real format, sampled through the public API."""

import json
import math
import shutil
from functools import partial

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.schedulers import scheduling_ddpm

from tests.doubles.plain_samples import Remembering, plain_samples
from tests.doubles.tiny_upscalers import DYNAMIC, base_stage, second_stage
from zoomlib.denoiser import Denoiser, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided, guided
from zoomlib.methods import independent, joint
from zoomlib.models import describe, load_denoiser, load_upscaler
from zoomlib.walk import last, walk

STEPS = 5
PROMPTS = ["A red galaxy", "a leaf"]
NEGATIVES = ["blurred", ""]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return base_stage(tmp_path_factory.mktemp("if") / "base")


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return second_stage(tmp_path_factory.mktemp("if") / "second")


def ready(scale):
    """What their pipelines are called with, guidance on or off."""
    negative = {"negative_prompt": NEGATIVES} if scale > 1 else {}
    return {
        "num_inference_steps": STEPS,
        "guidance_scale": scale,
        "output_type": "pt",
        "clean_caption": False,
        **negative,
    }


def from_noise(pipeline, noise):
    """Their pipeline, which takes no noise, begun with ours."""
    pipeline.prepare_intermediate_images = lambda *_: noise.clone()
    return pipeline


@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_the_base_stage_is_what_their_pipeline_makes(base, scale):
    folder, pipeline = base
    denoiser = load_denoiser(folder)
    assert isinstance(denoiser, Denoiser)
    assert denoiser.shape == (3, 16, 16)
    ours, started = plain_samples(denoiser, PROMPTS, STEPS, scale, NEGATIVES)
    theirs = from_noise(pipeline, started)(PROMPTS, **ready(scale)).images
    assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_rectangle_held_by_a_dynamic_threshold(tmp_path):
    """The noise then follows from the held estimate, as in the DDPM update that the stage comes with."""
    folder, pipeline = base_stage(tmp_path, **DYNAMIC)
    pipeline.scheduler.step = partial(pipeline.scheduler.step, use_clipped_model_output=True)
    assert describe(folder)["clamp"] == "dynamic"
    remembering = Remembering(guided(load_denoiser(folder, size=(16, 24)), 6.0, clamp="dynamic"))
    run = independent.sample(
        remembering, PROMPTS, p=2, steps=STEPS, eta=0.0, negatives=NEGATIVES, generator=torch.Generator().manual_seed(3)
    )
    ours = last(run).clean
    theirs = from_noise(pipeline, remembering.first)(PROMPTS, height=16, width=24, **ready(6.0)).images
    assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)
    assert float(ours.abs().max()) <= 1


def test_fresh_noise_at_every_step_is_the_sampler_that_the_stage_comes_with(tmp_path, monkeypatch):
    """DDPM with the dynamic threshold, at eta 1, given the same noise; its variance is that of the noise levels."""
    folder, pipeline = base_stage(tmp_path, **DYNAMIC)
    pipeline.scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    drawn = [torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(k)) for k in range(STEPS)]
    denoiser = guided(load_denoiser(folder), 6.0, clamp="dynamic")
    ours = walk(
        denoiser,
        denoiser.condition(PROMPTS, NEGATIVES),
        steps=STEPS,
        eta=1.0,
        draw=lambda _, left=iter(drawn): next(left),
        consolidate=lambda estimates, _: estimates,
        generator=torch.Generator(),
    )
    fresh = iter(drawn[1:])
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: next(fresh))
    theirs = from_noise(pipeline, drawn[0])(PROMPTS, **ready(6.0)).images
    assert torch.allclose(last(ours).clean, theirs, atol=1e-4)
    assert next(fresh, None) is None


@pytest.mark.parametrize(("scale", "level"), [(1.0, 250), (4.0, 250), (4.0, 999)])
def test_the_second_stage_is_what_their_pipeline_makes(second, scale, level):
    folder, pipeline = second
    levels = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    drawn = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    upscaler = load_upscaler(folder, size=(16, 16))
    denoiser = upscaler.denoiser(levels, noise_level=level, generator=torch.Generator(), draw=lambda shape: drawn)
    assert (upscaler.factor, denoiser.shape, denoiser.codec.factor) == (4, (3, 64, 64), 1)
    ours, started = plain_samples(denoiser, PROMPTS, STEPS, scale, NEGATIVES)
    theirs = from_noise(pipeline, started)(
        PROMPTS,
        image=levels,
        noise_level=level,
        generator=torch.Generator().manual_seed(5),
        **ready(scale),
    ).images
    assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)


def test_words_reach_the_network_and_letters_case_does_not(base):
    denoiser = load_denoiser(base[0])
    step, z = denoiser.ladder(STEPS)[2], torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def clean(words):
        return denoiser.predict_clean(z, step, denoiser.condition([words]))

    assert torch.equal(clean("A Leaf"), clean("a leaf"))
    assert not torch.allclose(clean("a leaf"), clean("a galaxy"), atol=1e-3)


def test_both_stages_show_their_attention_and_sample_jointly(base, second):
    denoiser = load_denoiser(base[0])
    generator = torch.Generator().manual_seed(0)
    stack = joint.sample_stack(Guided(denoiser, 3.0), PROMPTS, p=2, steps=2, feather=0.0, generator=generator)
    larger = load_upscaler(second[0]).denoiser(stack.levels, generator=generator)
    for one in (denoiser, larger):
        seen = attentive(one).attention_maps(torch.zeros(2, *one.shape), one.ladder(2)[1], one.condition(PROMPTS))
        assert seen.maps.shape == (2, math.prod(seen.grid), math.prod(seen.grid))
        assert 0.05 < float(seen.maps.sum(2).mean()) < 1, "the rest looks at the words"
    held = Guided(larger, 3.0, clamp=True)
    final = last(joint.sample(held, PROMPTS, p=2, steps=2, feather=0.0, generator=generator)).clean
    assert final.shape == (2, 3, 64, 64)
    assert torch.allclose(final[0, :, 16:48, 16:48], torch.nn.functional.avg_pool2d(final[1], 2), atol=1e-6)


def test_the_second_stage_shares_the_words_of_the_base(base, tmp_path):
    folder, _ = second_stage(tmp_path / "second", words=False)
    with pytest.raises(InvalidInputError, match=r"no text_encoder of its own.*shares"):
        load_upscaler(folder)
    levels = torch.zeros(1, 3, 16, 16)
    denoiser = load_upscaler(folder, text_of=base[0]).denoiser(levels, generator=torch.Generator())
    found = denoiser.condition(["a leaf"]).rows["text"]
    assert torch.equal(found, load_denoiser(base[0]).condition(["a leaf"]).rows["text"])
    with pytest.raises(InvalidInputError, match="no text_encoder of its own"):
        load_upscaler(folder, text_of="bundled")


def test_a_stage_that_was_fetched_without_its_text_encoder(second, base, tmp_path):
    """Its index names the encoder, its folder lacks it."""
    folder = shutil.copytree(second[0], tmp_path / "second")
    shutil.rmtree(folder / "text_encoder")
    assert describe(folder)["kind"] == "upscaler"
    assert describe(folder)["revision"] != describe(second[0])["revision"]
    load_upscaler(folder, text_of=base[0])


def test_what_watches_and_marks_pictures_is_not_needed(base, tmp_path):
    """The published indices name a safety checker and a watermarker; neither is fetched or read."""
    copy = shutil.copytree(base[0], tmp_path / "copy")
    index = json.loads((copy / "model_index.json").read_text())
    index["safety_checker"], index["watermarker"] = (["deepfloyd_if", k] for k in ("IFSafetyChecker", "IFWatermarker"))
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (copy / "model_index.json").write_text(json.dumps(index))
    assert load_denoiser(copy).shape == (3, 16, 16)


def test_descriptions(base, second):
    told = describe(base[0], size=(32, 16))
    assert (told["kind"], told["family"], told["shape"]) == ("model", "DeepFloyd IF", (3, 32, 16))
    assert (told["guidance"], told["clamp"], told["factor"]) == (7.0, False, 1)
    larger = describe(second[0])
    assert (larger["kind"], larger["factor"], larger["noise_level"], larger["most_noise"]) == ("upscaler", 4, 250, 999)
    assert larger["size_px"] == (64, 64)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("unet/config.json", {"in_channels": 6}, r"takes 6 channels.*enlarge\.stages"),
        ("unet/config.json", {"out_channels": 4}, r"gives 4 channels\. Expected 3, or 6"),
        ("scheduler/scheduler_config.json", DYNAMIC | {"sample_max_value": 3.0}, "largest value of 3.0"),
    ],
)
def test_what_is_no_base_stage_is_refused(base, tmp_path, part, change, words):
    copy = shutil.copytree(base[0], tmp_path / "copy")
    config = json.loads((copy / part).read_text())
    (copy / part).write_text(json.dumps(config | change))
    with pytest.raises(InvalidInputError, match=words):
        describe(copy)


def test_a_dynamic_threshold_without_room_is_a_plain_one(base, tmp_path):
    copy = shutil.copytree(base[0], tmp_path / "copy")
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | DYNAMIC | {"sample_max_value": 1.0}))
    assert describe(copy)["clamp"] is True
