"""Runs of latent models: what is given stays bit for bit in pixels, though the model sees only what its codec makes."""

import pytest
import torch

from tasks.continuation import extended, rerolled
from tasks.finished import read_finished
from tasks.given import fit
from tasks.pipeline import Making, Report, run_zoom
from tasks.plan import prepare
from tasks.sample import SAMPLING
from tasks.specs import RunConfig, with_settings
from tests.doubles.tiny_pipelines import latent_pipeline, write_tiny_vae
from tests.tasks.test_continuation import outside, sampling_of
from tests.tasks.test_given import level, picture, sampled
from tests.tasks.test_pipeline import BASE, story
from zoomlib.errors import InvalidInputError
from zoomlib.methods import load_method, method_names

SIZE = (16, 16)


@pytest.fixture(scope="session")
def latent(tmp_path_factory):
    """A folder of a model with a codec of factor 2, 16 x 16 pixels."""
    return latent_pipeline(tmp_path_factory.mktemp("latent"), 4)[0]


@pytest.fixture(scope="session")
def inpainting(tmp_path_factory):
    """The same, told by its own input what is kept."""
    return latent_pipeline(tmp_path_factory.mktemp("inpainting"), 9)[0]


def those_with(*abilities: str) -> list[str]:
    """The methods that have these constants; alignnoise needs attention, and `zoomlib` tests it."""
    can = {name: vars(load_method(name)).keys() for name in method_names() if name != "alignnoise"}
    return [name for name, constants in can.items() if {*abilities} <= constants]


def asked(latent, *settings: str) -> RunConfig:
    return with_settings(RunConfig(), [*BASE, f"model.name={latent}", "sampling.steps=2", "film.fps=2", *settings])


def run(latent, root, *settings: str) -> Report:
    return run_zoom(asked(latent, *settings), story(), root)


def drawn(latent, root, *settings: str, levels=("a", "b", "c")) -> Making:
    """The levels of such a run; no film of them."""
    making = Making(prepare(asked(latent, *settings), story(levels=list(levels)), root, None))
    making.make(SAMPLING)
    return making


@pytest.mark.parametrize("method", those_with("IMAGES"))
def test_a_picture_of_a_level_comes_out_as_it_is(latent, tmp_path, method):
    file = picture(tmp_path / "a.png")
    report = drawn(latent, tmp_path / "runs", f"method={method}", levels=["a", level("b", file), "c"])
    assert torch.equal(outside(sampled(report)[1], 0.8), outside(fit(file, SIZE), 0.8))


@pytest.mark.parametrize("method", those_with("PHOTO"))
def test_a_photograph_starts_every_method_that_can(latent, tmp_path, method):
    file = picture(tmp_path / "a.png")
    report = drawn(latent, tmp_path / "runs", f"method={method}", f"photo={file}")
    start = 0 if load_method(method).PHOTO == "widest" else 2
    off = (sampled(report)[start] - fit(file, SIZE)).abs().amax()
    # Where levels are blended, it is held as the means of what they show: exact but for rounding.
    assert off.max() < (1e-5 if method in ("joint", "iterative") else 1e-9)


@pytest.mark.parametrize("method", those_with("IMAGES", "EXTENDS"))
def test_a_run_goes_on_and_a_level_is_made_again(latent, tmp_path, method):
    report = run(latent, tmp_path, f"method={method}")
    base = read_finished(report.run.id, tmp_path)
    more = extended(base, 1)
    longer = sampled(sampling_of(more, None))
    old = sampled(report)
    assert torch.equal(longer[1:] if more.story.levels[1:] == base.story.levels else longer[:-1], old)
    other = sampled(sampling_of(rerolled(base, 1), None))
    assert torch.equal(other[2], old[2])
    assert torch.equal(outside(other[0], 0.8), outside(old[0], 0.8))
    assert not torch.equal(outside(other[1]), outside(old[1]))


def test_an_inpainting_model_goes_on_and_keeps_a_picture(inpainting, tmp_path):
    test_a_picture_of_a_level_comes_out_as_it_is(inpainting, tmp_path, "outpaint-direct")
    test_a_run_goes_on_and_a_level_is_made_again(inpainting, tmp_path / "more", "outpaint-sequential")


def test_a_run_takes_a_tiny_autoencoder_and_depends_on_it(latent, tmp_path):
    write_tiny_vae(tmp_path / "tiny")
    ways = [["sampling.space=pixels"], ["sampling.space=pixels", f"model.tiny_vae={tmp_path / 'tiny'}"]]
    plain, drafted = (drawn(latent, tmp_path / "runs", "sampling.steps=3", *way) for way in ways)
    assert plain.run.model["tiny_vae"] is None
    assert drafted.run.model["tiny_vae"]["id"] == str(tmp_path / "tiny")
    assert drafted.run.id != plain.run.id
    assert not torch.equal(sampled(drafted), sampled(plain))
    write_tiny_vae(tmp_path / "wrong", channels=16)
    with pytest.raises(InvalidInputError, match="16 channels"):
        drawn(latent, tmp_path / "runs", f"model.tiny_vae={tmp_path / 'wrong'}")
