"""LoRAs on DeepFloyd IF and Sana: as diffusers' own layers beside the weights."""

import pytest
import torch

from tests.doubles.plain_samples import plain_samples
from tests.doubles.tiny_lora import FILE, write_lora
from tests.doubles.tiny_sana import sana_pipeline
from tests.doubles.tiny_upscalers import base_stage
from zoomlib.models import load_denoiser
from zoomlib.models.files.extra_files import Lora

PROMPT = "a red galaxy"


def theirs(pipeline, noise):
    """Their pictures or latents from our noise; the base stage takes no noise, so its own is replaced."""
    told = {"num_inference_steps": 4, "guidance_scale": 1.0, "clean_caption": False}
    if "unet" in pipeline.components:
        pipeline.prepare_intermediate_images = lambda *_: noise.clone()
        return pipeline(PROMPT, output_type="pt", **told).images
    told |= {"height": 32, "width": 32, "use_resolution_binning": False}
    return pipeline(PROMPT, latents=noise.clone(), output_type="latent", **told).images


@pytest.mark.parametrize("make", [base_stage, sana_pipeline])
def test_a_merged_change_is_diffusers_own_layers(tmp_path, make):
    """To 1e-4."""
    folder, pipeline = make(tmp_path / "model")
    lora = write_lora(pipeline, tmp_path / "lora")
    ours, noise = plain_samples(load_denoiser(folder, loras=[Lora(str(lora), 0.5)]), [PROMPT], 4)
    plain = theirs(pipeline, noise)
    pipeline.load_lora_weights(lora, weight_name=FILE, adapter_name="a")
    pipeline.set_adapters(["a"], [0.5])
    changed = theirs(pipeline, noise)
    assert torch.allclose(ours, changed, atol=1e-4, rtol=1e-4)
    assert (changed - plain).abs().max() > 0.01
