"""Pictures of a folder, to train on: which, how they are cut and scaled, and what is refused at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.training.picture_folder import PictureFolder, square


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "more").mkdir()
    for number, name in enumerate(("a.png", "b.jpg", "more/c.webp", "d.PNG")):
        colour = np.full((40 + number, 60, 3), 60 * number, np.uint8)
        Image.fromarray(colour + rng.integers(0, 3, colour.shape, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def drawn(pictures: PictureFolder, count: int, seed: int = 0, side: int = 24) -> torch.Tensor:
    return pictures(count, side, torch.Generator().manual_seed(seed))


def test_pictures_are_drawn_by_the_generator_alone(folder: Path) -> None:
    pictures = PictureFolder(folder, 32)
    assert len(pictures) == 4
    one = drawn(pictures, 3)
    assert one.shape == (3, 3, 24, 24)
    assert one.abs().max() <= 1
    assert torch.equal(one, drawn(PictureFolder(folder, 32, cache_bytes=0), 3))
    assert not torch.equal(one, drawn(pictures, 3, seed=1))


def test_every_picture_comes_once_before_any_comes_again(folder: Path) -> None:
    means = drawn(PictureFolder(folder, 32), 8).mean((1, 2, 3))
    levels = means.add(1).mul(127.5 / 60).round().int().tolist()
    assert sorted(levels[:4]) == sorted(levels[4:]) == [0, 1, 2, 3]


def test_a_picture_is_the_square_about_its_centre() -> None:
    picture = torch.zeros(3, 4, 10)
    picture[:, :, 3:7] = torch.arange(16.0).reshape(4, 4)
    assert torch.equal(square(picture, 4), picture[:, :, 3:7])
    assert torch.allclose(square(picture.transpose(1, 2), 4), picture[:, :, 3:7].transpose(1, 2))
    # Without aliasing: the finest stripes become grey, not black or white.
    stripes = torch.tensor([-1.0, 1.0]).repeat(16).expand(3, 32, 32)
    assert square(stripes, 8)[:, :, 1:-1].abs().max() < 0.2


def test_what_is_no_folder_of_large_enough_pictures_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"2 of 4 pictures have a side below 42 px: a\.png, b\.jpg"):
        PictureFolder(folder, 42)
    with pytest.raises(InvalidInputError, match="checked for 32 px"):
        drawn(PictureFolder(folder, 32), 1, side=33)
    (folder / "z.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInputError, match=r"1 of 5 pictures cannot be read: z\.png"):
        PictureFolder(folder, 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="holds no picture"):
        PictureFolder(tmp_path / "empty", 8)
    with pytest.raises(InvalidInputError, match="is no folder"):
        PictureFolder(folder / "notes.txt", 8)
