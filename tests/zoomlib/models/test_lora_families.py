"""What a LoRA does to the weights of every family that takes one: the product of its two matrices, times its weight."""

import pytest
from safetensors.torch import load_file

from tests.doubles.tiny_flows import flux_pipeline, qwen_image_pipeline, sd3_pipeline, z_image_pipeline
from tests.doubles.tiny_lora import FILE, write_lora
from tests.doubles.tiny_sana import sana_pipeline
from tests.doubles.tiny_sdxl import sdxl_pipeline
from zoomlib.models import load_denoiser
from zoomlib.models.files.extra_files import Lora, is_pair

FAMILIES = {
    "sdxl": sdxl_pipeline,
    "sd3": sd3_pipeline,
    "flux": flux_pipeline,
    "z_image": z_image_pipeline,
    "qwen_image": qwen_image_pipeline,
    "sana": sana_pipeline,
}
WEIGHT = -0.7


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_changed_by_the_product_and_nothing_else(tmp_path, family):
    """To 1e-5, layer by layer; whatever the file does not name stays as it was, to the bit."""
    folder, pipeline = FAMILIES[family](tmp_path / "model")
    changes = load_file(write_lora(pipeline, tmp_path / "lora") / FILE)
    before, after = (
        load_denoiser(folder, loras=loras).parts.backbone.network.state_dict()
        for loras in ((), (Lora(str(tmp_path / "lora"), WEIGHT),))
    )
    assert before.keys() == after.keys()
    named = {}
    for name in filter(is_pair, changes):
        layer = name.partition(".")[2].replace(".lora_A.weight", "")
        named[f"{layer}.weight"] = WEIGHT * changes[name.replace("lora_A", "lora_B")] @ changes[name]
    assert named
    for name, change in named.items():
        assert (after[name] - before[name] - change).abs().max() < 1e-5
    assert all(before[name].equal(after[name]) for name in before.keys() - named.keys())
