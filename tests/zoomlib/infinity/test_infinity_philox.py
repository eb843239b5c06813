"""Property test 10 of the specification, the random words: known answers, and normals that follow from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from zoomlib.infinity.field import philox
from zoomlib.infinity.field.philox import Key, fill, key_of, philox_torch

# Counter, key and words of Random123's own test (kat_vectors, philox4x32-10).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
KEY = (0x12345678, 0x9ABCDEF0)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_words_are_those_of_random123(counter: tuple[int, ...], key: Key, words: tuple[int, ...]) -> None:
    found = philox.philox(tuple(np.array([word], dtype=np.uint64) for word in counter), key)
    assert tuple(int(word[0]) for word in found) == words


def test_words_in_torch_are_bitwise_those_in_numpy() -> None:
    counter = np.random.default_rng(0).integers(0, 2**32, (4, 1000), dtype=np.uint64)
    counter[:, :2] = [[0, 2**32 - 1]] * 4
    expected = philox.philox(tuple(counter), KEY)
    found = philox_torch(tuple(torch.from_numpy(counter.astype(np.int64))), KEY)
    for one, other in zip(found, expected, strict=True):
        assert (one.numpy() == other.astype(np.int64)).all()


@pytest.mark.parametrize("at_once", [1, 7, 40, 16384])
def test_normals_are_box_muller_of_the_words(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    rng = np.random.default_rng(1)
    y, x, group = (rng.integers(0, 2**32, count, dtype=np.uint64) for count in (3, 11, 2))
    expected = _normals(philox.philox((y[None, :, None], x, group[:, None, None], np.uint64(5)), KEY))
    monkeypatch.setattr(philox, "_AT_ONCE", at_once)
    out = np.full((4, 2, 3, 11), np.nan, dtype=np.float32)
    fill(out, KEY, y, x, group, 5)
    assert np.abs(out - expected).max() <= 2e-6


def test_how_the_work_is_cut_does_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [np.arange(count, dtype=np.uint64) + np.uint64(77) for count in (6, 37, 5)]
    whole = np.empty((4, 5, 6, 37), dtype=np.float32)
    fill(whole, KEY, *places, 0)
    for at_once in (1, 3, 50, 100, 300):
        monkeypatch.setattr(philox, "_AT_ONCE", at_once)
        cut = np.empty_like(whole)
        fill(cut, KEY, *places, 0)
        assert cut.tobytes() == whole.tobytes()


def test_the_ends_of_the_words_give_finite_normals(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], dtype=np.uint64)
    first, second = (grid.reshape(1, 1, 5, 5) for grid in np.meshgrid(ends, ends))
    monkeypatch.setattr(philox, "_words", lambda *_: (np.concatenate([first] * 2), np.concatenate([second] * 2)))
    out = np.empty((4, 1, 5, 5), dtype=np.float32)
    fill(out, KEY, *(np.zeros(count, dtype=np.uint64) for count in (5, 5, 1)), 0)
    assert np.isfinite(out).all()
    assert np.abs(out).max() == pytest.approx(math.sqrt(2 * 33 * math.log(2)), rel=1e-6)
    assert np.abs(out - _normals((first[0], second[0], first[0], second[0]))).max() <= 2e-6


def test_every_block_of_the_plane_has_a_key_of_its_own() -> None:
    assert key_of(2**40 + 3) == (3, 2**8)
    blocks = [(y, x) for y in (-1, 0, 1, 2**31) for x in (-(2**31), -1, 0, 1)]
    assert len({key_of(9, *block) for block in blocks}) == len(blocks)
    assert key_of(9, 1, 0) != key_of(10, 1, 0)


def _normals(words: tuple[np.ndarray, ...]) -> np.ndarray:
    """The formula, in float64."""
    u = [(word.astype(np.float64) + 0.5) / 2**32 for word in words]
    radii = [np.sqrt(-2 * np.log(u[index])) for index in (0, 2)]
    angles = [2 * np.pi * u[index] for index in (1, 3)]
    pairs = [[radius * np.cos(angle), radius * np.sin(angle)] for radius, angle in zip(radii, angles, strict=True)]
    return np.stack(np.broadcast_arrays(*pairs[0], *pairs[1]))
