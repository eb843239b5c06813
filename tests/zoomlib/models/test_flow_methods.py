"""Whole zooms by flow models with random weights, by the same calls as with any model."""

import pytest
import torch

from tests.doubles.tiny_flows import flux_pipeline, qwen_image_pipeline, sd3_pipeline, z_image_pipeline
from tests.doubles.tiny_sana import sana_pipeline
from zoomlib.chunks import Chunked
from zoomlib.guidance import guided
from zoomlib.methods import load_method
from zoomlib.models import load_denoiser
from zoomlib.stack import render_levels

SIZE = (32, 48)
PROMPTS = ["a red galaxy", "a star", "a planet, from afar"]
FAMILIES = {
    "sd3": sd3_pipeline,
    "flux": flux_pipeline,
    "fill": lambda folder: flux_pipeline(folder, "fill"),
    "z": z_image_pipeline,
    "qwen": qwen_image_pipeline,
    "sana": sana_pipeline,
}


@pytest.fixture(scope="module", params=FAMILIES)
def denoiser(request, tmp_path_factory):
    return load_denoiser(FAMILIES[request.param](tmp_path_factory.mktemp(request.param))[0], size=SIZE)


@pytest.fixture(scope="module")
def fill(tmp_path_factory):
    return load_denoiser(flux_pipeline(tmp_path_factory.mktemp("fill"), "fill")[0], size=SIZE)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("space", ["pixels", "latents"])
def test_a_joint_zoom_agrees_in_every_window(denoiser, space):
    """Rendering changes nothing any more, to 1e-5, before colours beyond black and white are cut; with chunks and
    guidance around the model, as in a run."""
    model = guided(Chunked(denoiser, 2), 3.0)
    settings = {"p": 2, "steps": 3, "eta": 1.0, "space": space, "feather": 0.0, "generator": generator()}
    *_, state = load_method("joint").sample(model, PROMPTS, **settings)
    assert state.pictures
    assert state.clean.shape == (3, 3, *SIZE)
    assert torch.allclose(render_levels(state.clean, 2), state.clean, atol=1e-5)
    assert state.clean.std() > 0.01


def test_a_joint_zoom_goes_on_where_it_was_left(denoiser):
    """Bit for bit: noise levels of flows begin at 1, where nothing of the picture is in z."""
    settings = {"p": 2, "steps": 4, "eta": 1.0, "generator": generator()}
    joint = load_method("joint")
    states = list(joint.sample(denoiser, PROMPTS, **settings))
    *_, last = joint.sample(denoiser, PROMPTS, **settings | {"generator": generator(5)}, state=states[1])
    assert torch.equal(last.clean, states[-1].clean)


@pytest.mark.parametrize("method", ["outpaint-direct", "outpaint-sequential", "lanpaint", "alignnoise"])
def test_fill_paints_outwards(fill, method):
    """Every method that makes one level around the other: the deepest, a photograph, stays as it is, and the next shows
    it in its middle, smaller: to 1e-5."""
    photo = torch.linspace(-0.8, 0.8, 48).expand(3, *SIZE).contiguous()
    given = {"p": 2, "steps": 2, "photo": photo, "generator": generator()}
    stack = load_method(method).sample_stack(guided(fill, 30.0), PROMPTS, **given)
    assert torch.equal(stack.levels[-1], photo)
    assert stack.levels.isfinite().all()
    middle = stack.levels[1, :, 8:24, 12:36]
    small = torch.nn.functional.avg_pool2d(photo[None], 2)[0]
    assert (middle - small)[:, 4:-4, 4:-4].abs().max() < 0.1


@pytest.mark.parametrize("method", ["lanpaint", "outpaint-direct"])
def test_flows_that_were_never_taught_to_inpaint_do(denoiser, method):
    given = {"p": 2, "steps": 2, "photo": torch.zeros(3, *SIZE), "generator": generator()}
    stack = load_method(method).sample_stack(guided(denoiser, 2.0), PROMPTS[:2], **given)
    assert torch.equal(stack.levels[-1], torch.zeros(3, *SIZE))
    assert stack.levels.isfinite().all()
