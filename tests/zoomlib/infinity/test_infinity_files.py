"""Folders of generators: what is written is read again, what is not whole or of other sizes is refused.

And the names of the released program.
"""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.planes import SMALL, random_networks
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import DiscriminatorConfig
from zoomlib.infinity.networks.discriminator import Discriminator
from zoomlib.infinity.networks.files import CONFIG, GENERATOR, read_discriminator, read_generator, write_generator
from zoomlib.infinity.networks.layouts import from_released, to_released
from zoomlib.infinity.networks.pair import Networks

SLIM = DiscriminatorConfig(patch_px=37, channels=(4, 4), linear=4, blur=False)
FACTS = {"iterations": 3, "title": "größer"}


@pytest.fixture
def folder(tmp_path):
    discriminator = Discriminator(SLIM).init(torch.Generator().manual_seed(1))
    write_generator(tmp_path / "made", SMALL, random_networks(), discriminator=discriminator, facts=FACTS)
    return tmp_path / "made"


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    return all(a == b and torch.equal(v, w) for (a, v), (b, w) in pairs)


def test_what_is_written_is_read(folder):
    config, networks, facts = read_generator(folder)
    assert (config, facts) == (SMALL, FACTS)
    assert same(networks, random_networks())
    assert not any(p.requires_grad for p in networks.parameters())
    discriminator = read_discriminator(folder)
    assert discriminator.config == SLIM
    assert same(discriminator, Discriminator(SLIM).init(torch.Generator().manual_seed(1)))
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, "discriminator.safetensors", GENERATOR]


def test_another_precision_is_of_the_reader(folder):
    _, networks, _ = read_generator(folder, dtype=torch.float64)
    assert {p.dtype for p in networks.parameters()} == {torch.float64}


def test_a_folder_is_overwritten_and_its_other_files_stay(folder):
    (folder / "card.md").write_text("ours")
    write_generator(folder, SMALL, random_networks(seed=5), facts={})
    assert same(read_generator(folder)[1], random_networks(seed=5))
    assert (folder / "card.md").read_text() == "ours"


def test_a_full_disk_leaves_what_was_there(folder, monkeypatch):
    written = type(folder).write_bytes

    def full(path, content):
        if CONFIG in path.name:
            raise OSError(28, "No space left on device")
        return written(path, content)

    monkeypatch.setattr(type(folder), "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_generator(folder, SMALL, random_networks(seed=5), facts={})
    assert same(read_generator(folder)[1], random_networks())
    assert len(list(folder.iterdir())) == 3


def test_weights_of_other_sizes_are_refused_with_both_shapes(folder, tmp_path):
    wider = replace(SMALL, texture=(16, 16, 20))
    write_generator(tmp_path / "wide", wider, random_networks(wider), facts={})
    (tmp_path / "wide" / GENERATOR).replace(folder / GENERATOR)
    with pytest.raises(InvalidInputError, match=r"texture\.\S+ of shape \(.*20.*\).*Use the config"):
        read_generator(folder)


def test_layers_that_are_not_there_are_refused(folder):
    about = json.loads((folder / CONFIG).read_text())
    about["generator"]["mapping_layers"] = 3
    (folder / CONFIG).write_text(json.dumps(about))
    with pytest.raises(InvalidInputError, match=r"lacks tensor texture\.mapping\.layers\.2"):
        read_generator(folder)


def test_weights_of_another_training_are_noticed(folder, tmp_path):
    write_generator(tmp_path / "other", SMALL, random_networks(seed=9), facts={})
    (tmp_path / "other" / GENERATOR).replace(folder / GENERATOR)
    with pytest.raises(InvalidInputError, match="Copy the folder again"):
        read_generator(folder)


def test_numbers_that_are_none_are_refused(tmp_path):
    networks = random_networks()
    networks.texture.layers[1].bias[0] = float("nan")
    write_generator(tmp_path, SMALL, networks, facts={})
    with pytest.raises(InvalidInputError, match=r"texture\.layers\.1\.bias.*finite"):
        read_generator(tmp_path)


@given(cut=st.integers(0, 200))
@settings(max_examples=10)
def test_a_cut_file_is_refused(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut")
    write_generator(folder, SMALL, random_networks(), facts={})
    content = (folder / GENERATOR).read_bytes()
    (folder / GENERATOR).write_bytes(content[: len(content) * cut // 201])
    with pytest.raises(InvalidInputError, match="Copy the folder again"):
        read_generator(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"format": "else"}', '{"format": "tenfold-infinity-1"}', "{"])
def test_a_folder_of_something_else_is_refused(tmp_path, content):
    (tmp_path / CONFIG).write_text(content)
    with pytest.raises(InvalidInputError):
        read_generator(tmp_path)


def test_a_missing_folder_and_a_missing_discriminator_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="train-infinity"):
        read_generator(tmp_path / "none")
    write_generator(tmp_path, SMALL, random_networks(), facts={})
    with pytest.raises(InvalidInputError, match="no discriminator"):
        read_discriminator(tmp_path)


def test_names_of_the_released_program_and_back():
    state = random_networks().state_dict()
    theirs = to_released(state, SMALL)
    assert theirs["structure_synthesizer.implicit_model.conv_stack.1.conv.conv.weight"].shape == (1, 8, 11, 5, 5)
    assert theirs["texture_synthesizer.to_rgbs.0.bias"].shape == (1, 3, 1, 1)
    assert theirs["texture_synthesizer.convs.3.noise.weight"].shape == (1,)
    unused = {"texture_synthesizer.const_z.input": torch.zeros(1), "texture_synthesizer.noises.noise_0": torch.zeros(1)}
    back = from_released({f"module.{name}": tensor for name, tensor in {**theirs, **unused}.items()}, SMALL)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
    Networks(SMALL).load_state_dict(back)


def test_a_released_generator_of_other_sizes_is_refused():
    theirs = to_released(random_networks().state_dict(), SMALL)
    with pytest.raises(InvalidInputError, match=r"\(1, 8, 11, 5, 5\).*\(8, 11, 7, 7\)"):
        from_released(theirs, replace(SMALL, radius=3))
    with pytest.raises(InvalidInputError, match="No place for"):
        from_released(theirs, replace(SMALL, structure_layers=1))
    with pytest.raises(InvalidInputError, match="there is none"):
        from_released(theirs, replace(SMALL, structure_layers=3))
