"""Every family, got from a hub file by file: what is got is all that loading needs, in every precision of its files."""

from pathlib import Path

import pytest
import torch

from tests.doubles import tiny_flows, tiny_upscalers
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.doubles.tiny_sana import sana_pipeline
from tests.doubles.tiny_sdxl import sdxl_pipeline
from zoomlib.models import describe, load_denoiser, load_upscaler

DRAW = {
    "stable diffusion": lambda folder: latent_pipeline(folder, 4),
    "stable diffusion xl": sdxl_pipeline,
    "stable diffusion 3": tiny_flows.sd3_pipeline,
    "flux": tiny_flows.flux_pipeline,
    "flux fill": lambda folder: tiny_flows.flux_pipeline(folder, "fill"),
    "z-image": tiny_flows.z_image_pipeline,
    "qwen-image": tiny_flows.qwen_image_pipeline,
    "sana": sana_pipeline,
    "deepfloyd": tiny_upscalers.base_stage,
}
ENLARGE = {"x4": tiny_upscalers.x4, "x2": tiny_upscalers.x2, "second stage": tiny_upscalers.second_stage}


def put(hub, make, folder: Path) -> str:
    """A family's folder at the hub, and nowhere else; returns its name there."""
    made = make(folder)
    place = made[0] if isinstance(made, tuple) else made
    hub.add("someone/model", Path(place))
    return "someone/model"


@pytest.mark.parametrize("family", DRAW)
def test_what_is_got_of_a_family_is_all_that_drawing_needs(family, hub_here, tmp_path):
    name = put(hub_here, DRAW[family], tmp_path / "made")
    facts = describe(name, download=True)
    hub_here.asked.clear()
    denoiser = load_denoiser(name, size=(32, 32))
    assert denoiser.shape[0] == facts["shape"][0]
    z = torch.zeros(1, *denoiser.shape)
    out = denoiser.predict_clean(z, denoiser.ladder(2)[1], denoiser.condition(["a red galaxy"]))
    assert out.isfinite().all()
    assert hub_here.asked == []


@pytest.mark.parametrize("kind", ENLARGE)
def test_what_is_got_of_an_up_scaler_is_all_that_enlarging_needs(kind, hub_here, tmp_path):
    name = put(hub_here, ENLARGE[kind], tmp_path / "made")
    facts = describe(name, download=True)
    assert facts["kind"] == "upscaler"
    hub_here.asked.clear()
    assert load_upscaler(name).factor == facts["factor"]
    assert hub_here.asked == []
