"""Features of many pictures: a stream that holds few, in order; folders and the pictures that they may hold."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.sets.extractors import Extractor
from evaluation.sets.features import Features, extract
from evaluation.sets.pictures import check_pictures, pictures_in, read
from tests.evaluation.sets.conftest import picture
from zoomlib.errors import InvalidInputError


def mean_colour(batches=None):
    """An extractor whose features are a picture's mean colours."""

    def embed(pixels):
        if batches is not None:
            batches.append(len(pixels))
        return pixels, None

    return Extractor("colour", "1", lambda image: image.mean((1, 2)), embed)


def test_features_come_in_the_order_of_the_pictures_in_batches():
    images = [torch.full((3, 16, 16), k / 100) for k in range(11)]
    batches, told = [], []
    found = extract(iter(images), lambda image: image, mean_colour(batches), batch=4, on_image=told.append)
    torch.testing.assert_close(found.values[:, 0], torch.arange(11) / 100)
    assert batches == [4, 4, 3]
    assert told == [4, 8, 11]


def test_few_pictures_are_in_memory_at_a_time():
    """Of 200 pictures of a generator never more than two batches and what the threads hold are alive."""
    alive, most, lock = weakref.WeakSet(), [0], threading.Lock()

    def draw():
        for _ in range(200):
            image = torch.zeros(3, 16, 16)
            with lock:
                alive.add(image)
                most[0] = max(most[0], len(alive))
            yield image
            del image

    extract(draw(), lambda image: image, mean_colour(), batch=8)
    assert 0 < most[0] <= 2 * 8 + 6
    gc.collect()
    assert not alive


def test_a_picture_that_fails_ends_it_by_name(folder):
    paths = pictures_in(folder)
    paths[7].write_bytes(paths[7].read_bytes()[:200])
    with pytest.raises(InvalidInputError, match=paths[7].name):
        extract(paths, read, mean_colour(), batch=2)
    with pytest.raises(InvalidInputError, match="without pictures"):
        extract([], read, mean_colour())


def test_parts_are_joined_in_order_with_their_logits():
    one, other = Features(torch.zeros(2, 3), torch.ones(2, 5)), Features(torch.ones(1, 3), torch.zeros(1, 5))
    joined = Features.cat([one, other])
    assert len(joined) == 3
    assert torch.equal(joined[2:].values, other.values)
    assert torch.equal(joined.logits[:2], one.logits)


def test_a_folder_is_listed_by_name_with_what_lies_below_and_without_what_is_hidden(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden").mkdir()
    picture(1).save(folder / ".hidden" / "h.png")
    picture(1).save(folder / ".thumb.png")
    names = [path.relative_to(folder).as_posix() for path in pictures_in(folder)]
    assert len(names) == 12
    assert "more/05.png" in names
    assert names == sorted(names)


def test_empty_folders_and_one_picture_are_refused(tmp_path):
    for count, message in ((0, "holds no picture"), (1, r"one picture only \(0\.png\)")):
        root = tmp_path / str(count)
        root.mkdir()
        for k in range(count):
            picture(k).save(root / f"{k}.png")
        with pytest.raises(InvalidInputError, match=message):
            pictures_in(root)
    with pytest.raises(InvalidInputError, match="is not a folder"):
        pictures_in(tmp_path / "none")


def test_every_unusable_picture_is_named_before_work(folder):
    whole = pictures_in(folder)
    check_pictures(whole)
    picture(1, (300, 300)).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-4000])
    picture(2, (300, 300)).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:-4000])
    (folder / "text.png").write_text("not a picture")
    picture(3, (12, 40)).save(folder / "thin.webp")
    with pytest.raises(InvalidInputError) as refused:
        check_pictures(pictures_in(folder))
    assert "4 of the pictures" in str(refused.value)
    for name in ("cut.jpg", "cut.png", "text.png", "thin.webp"):
        assert name in str(refused.value)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_all_kinds_of_pictures_become_colours_of_one_shape(tmp_path, mode):
    given = picture(4)
    if mode == "I;16":
        given = Image.fromarray(np.asarray(given.convert("L")).astype(np.uint16) * 257)
    else:
        given = given.convert(mode)
    file = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    given.save(file)
    check_pictures([file])
    image = read(file)
    assert image.shape == (3, 48, 40)
    assert image.dtype == torch.float32
    assert -1 <= float(image.min()) < float(image.max()) <= 1
