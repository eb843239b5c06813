"""Pictures in files, an Inception with random weights, and a scorer that is quick."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from evaluation.networks.clip import create, save
from evaluation.sets.inception import untrained
from tests.evaluation.tiny_scorer import config, tokenizer


def picture(seed: int, size=(40, 48), mode: str = "RGB") -> Image.Image:
    """Smooth colours with some grain, so that resizing has something to lose."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 6, 4), dtype=np.uint8)
    large = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    grained = (large + random.normal(0, 12, large.shape)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grained).convert(mode)


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of two sizes, one of them in a folder below."""
    root = tmp_path / "pictures"
    (root / "more").mkdir(parents=True)
    for k in range(12):
        picture(k, (40, 48) if k % 2 else (64, 33)).save(root / ("more" if k == 5 else ".") / f"{k:02}.png")
    return root


@pytest.fixture(scope="session")
def inception_file(tmp_path_factory):
    """Random weights in the format of the published ones, through which differences of pictures last to the end."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = untrained().state_dict()
    for name, value in tensors.items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1, generator=generator)
        elif name.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    file = tmp_path_factory.mktemp("inception") / "inception.safetensors"
    save_file({name: value.contiguous() for name, value in tensors.items()}, file)
    return file


@pytest.fixture(scope="session")
def scorer_folder(tmp_path_factory):
    """A tiny scorer in a folder."""
    words = tokenizer()
    cfg = config(words.get_vocab_size())
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return save(create(cfg), cfg, words, tmp_path_factory.mktemp("scorer") / "tiny")
