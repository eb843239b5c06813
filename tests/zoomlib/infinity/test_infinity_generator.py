"""Generators in folders: loaded whole or refused, the planes and styles that they make."""

import json
import pickle

import pytest
import torch

import zoomlib.infinity
from tests.doubles.planes import SMALL, random_networks, write_plane_folder
from zoomlib.errors import InvalidInputError
from zoomlib.infinity import load_generator
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.fusion.styles import Fusion, StylePoint
from zoomlib.infinity.generator import described
from zoomlib.infinity.painting.painter import PlainPainter
from zoomlib.infinity.painting.plane import Plane

PLACE = (-20, 30, 40, 50)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "small")


@pytest.fixture(scope="module")
def generator(folder):
    return load_generator(folder)


def test_a_folder_gives_the_networks_that_were_written(folder, generator):
    assert (generator.config, generator.folder, generator.device.type) == (SMALL, folder, "cpu")
    assert generator.facts == {"title": "random weights for tests"}
    for name, value in random_networks().state_dict().items():
        assert torch.equal(generator.networks.state_dict()[name], value)
    assert not any(value.requires_grad for value in generator.networks.parameters())


def test_a_description_needs_no_weights_in_memory_and_says_the_same(folder, generator):
    found = described(folder)
    assert (found.config, found.facts, found.revision) == (SMALL, generator.facts, generator.revision)
    assert found.size_bytes == (folder / "generator.safetensors").stat().st_size
    assert len(found.revision) == 64


def test_other_weights_have_another_revision(tmp_path, generator):
    assert described(write_plane_folder(tmp_path, seed=1)).revision != generator.revision


def test_a_plane_is_what_render_shows_and_says_what_made_it(generator):
    plane = generator.plane(5)
    assert torch.equal(generator.render(*PLACE, seed=5), plane.window(*PLACE))
    assert not torch.equal(generator.render(*PLACE, seed=6), plane.window(*PLACE))
    facts = json.loads(json.dumps(plane.facts()))
    assert facts["seed"] == 5
    assert facts["revision"] == generator.revision
    assert facts["tile_cells"] == plane.grid.cells == 37


def test_a_style_takes_the_place_of_the_seeds(generator):
    style, w_plus = generator.styles(5)
    plain, other = generator.plane(5).window(*PLACE), generator.styles(6)
    assert torch.equal(generator.plane(5, style=style, w_plus=w_plus).window(*PLACE), plain)
    changed = generator.plane(5, style=other[0], w_plus=other[1]).window(*PLACE)
    assert float((changed - plain).abs().max() / plain.std()) > 0.1
    point = StylePoint(0, 0, *other)
    fused = generator.plane(5, fusion=Fusion((point,), blur_px=9)).window(*PLACE)
    assert float((fused - changed).abs().max() / changed.std()) <= 2e-5


def test_the_mean_style_is_near_no_single_one_and_always_the_same(folder, generator):
    mean = generator.mean_style()
    assert mean.shape == (SMALL.style,)
    assert torch.equal(mean, load_generator(folder).mean_style())
    spread = torch.stack([generator.styles(seed)[1][0] for seed in range(64)])
    error = (spread.mean(0) - mean).abs() / (spread.std(0) / 8)  # in standard errors of a mean of 64
    assert float(error.max()) < 5


def test_bfloat16_is_near_float32(folder, generator):
    coarse = load_generator(folder, dtype=torch.bfloat16)
    fine, rough = generator.render(*PLACE, seed=5), coarse.render(*PLACE, seed=5)
    assert rough.dtype == torch.float32
    assert 0 < float((rough - fine).abs().max() / fine.std()) <= 0.15  # the bar of property 2
    assert float((rough - fine).abs().mean() / fine.std()) <= 0.02
    assert coarse.plane(5).facts()["dtype"] == "bfloat16"


def test_stretch_and_period_reach_the_plane(generator):
    plain = generator.render(*PLACE, seed=5)
    assert float((generator.plane(5, stretch=2.0).window(*PLACE) - plain).abs().max()) > 0
    assert generator.plane(5, period=40).period_px == 320
    with pytest.raises(InvalidInputError, match="period"):
        generator.plane(5, period=0)


def test_what_a_plane_is_asked_for_is_checked_at_once(generator):
    style, _ = generator.styles(1)
    with pytest.raises(InvalidInputError, match="either a style, or a fusion"):
        generator.plane(5, style=style, fusion=Fusion((StylePoint(0, 0, *generator.styles(1)),), blur_px=9))
    with pytest.raises(InvalidInputError, match=r"\(16,\)"):
        generator.plane(5, style=torch.zeros(17))
    with pytest.raises(InvalidInputError, match="below 2\\^64"):
        generator.plane(2**64)
    with pytest.raises(InvalidInputError, match="5 cells a side is too small"):
        generator.plane(5, cells=5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cells": 9.5}, "whole number; got 9.5"),
        ({"batch": 1.5}, "whole number; got 1.5"),
        ({"style": torch.full((SMALL.style,), torch.nan)}, "finite"),
        ({"w_plus": torch.full((SMALL.layers + 1, SMALL.style), torch.inf)}, "finite"),
        ({"fusion": Fusion((StylePoint(0, 0, torch.full((16,), torch.nan), torch.zeros(7, 16)),), 9)}, "finite"),
    ],
)
def test_numbers_that_are_none_make_no_plane(generator, wrong, words):
    with pytest.raises(InvalidInputError, match=words):
        generator.plane(5, **wrong)


def test_planes_of_all_kinds_can_go_to_other_processes(generator):
    fusion = Fusion((StylePoint(0, 0, *generator.styles(1)), StylePoint(0, 40, *generator.styles(2))), blur_px=9)
    for plane in (generator.plane(5, cells=9), generator.plane(5, fusion=fusion, period=40, cells=9)):
        assert torch.equal(pickle.loads(pickle.dumps(plane)).window(*PLACE), plane.window(*PLACE))


def test_so_can_a_plane_of_wide_layers_that_has_painted():
    wide = GeneratorConfig(
        blocks=1, style=16, local=256, structure_layers=1, radius=1, texture=(256,), mapping_layers=1, cells=9
    )
    plane = Plane(PlainPainter(random_networks(wide), Latents(wide, 1)), cells=13)
    pixels = plane.window(0, 0, 9, 9)
    assert torch.equal(pickle.loads(pickle.dumps(plane)).window(0, 0, 9, 9), pixels)


def test_names_are_those_of_the_shipped_folders(tmp_path, monkeypatch):
    write_plane_folder(tmp_path / "weights")
    write_plane_folder(tmp_path / "weights" / "map", seed=1)
    monkeypatch.setattr(zoomlib.infinity, "__file__", str(tmp_path / "__init__.py"))
    assert list(zoomlib.infinity.shipped()) == ["bundled", "bundled-map"]
    assert load_generator().revision != load_generator("bundled-map").revision
    with pytest.raises(InvalidInputError, match=r"no folder of a generator.*one of bundled, bundled-map"):
        load_generator(tmp_path / "nothing")


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    folder = write_plane_folder(tmp_path)
    (folder / "generator.safetensors").unlink()
    for look in (described, load_generator):
        with pytest.raises(InvalidInputError, match=r"generator\.safetensors"):
            look(folder)
