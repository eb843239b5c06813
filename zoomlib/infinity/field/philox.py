"""Normals by address: Philox4x32-10 (Salmon et al. 2011, Random123) and Box-Muller, in numpy.

A counter of four 32-bit words and a key of two make four random words, so that the normal of a cell follows from the
cell's own coordinates, whoever asks first and whatever window it lies in.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]
Reals = NDArray[np.float64]
Key = tuple[int, int]

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_MASK = 0xFFFFFFFF
_KEYS = 0xFFFFFFFF  # the fourth word of the calls that make keys; kinds are smaller
_AT_ONCE = 16384  # counters at a time: few calls, and what is in work stays in the caches
_LOW, _HALF = np.uint64(_MASK), np.uint64(32)
_FACTORS = np.array(MULTIPLIERS, dtype=np.uint64).reshape(2, 1, 1, 1)
_ORDERS = slice(None), slice(None, None, -1)


def philox(counter: tuple[Words, Words, Words, Words], key: Key) -> tuple[Words, Words, Words, Words]:
    """The four words of every counter: arrays of uint64 that hold 32-bit numbers, of shapes that broadcast.

    The algorithm in its plainest form; `fill` computes the same words faster.
    """
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    for k0, k1 in _round_keys(key):
        p0, p1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & np.uint64(_MASK)
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & np.uint64(_MASK)
    return c0, c1, c2, c3


def philox_torch(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: Key) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`philox` in int64 tensors on any device, bitwise the same words: products are split, since int64 has a sign."""
    c0, c1, c2, c3 = counter
    for k0, k1 in _round_keys(key):
        (h0, l0), (h1, l1) = _product(c0, MULTIPLIERS[0]), _product(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
    return c0, c1, c2, c3


def _product(word: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    low, high = word * (factor & 0xFFFF), word * (factor >> 16)  # each below 2^48
    middle = (low >> 16) + high  # the product over 2^16, below 2^49
    return middle >> 16, ((middle & 0xFFFF) << 16) | (low & 0xFFFF)


def key_of(seed: int, high_y: int = 0, high_x: int = 0) -> Key:
    """The key of a block of 2^32 times 2^32 cells: the seed's own for block (0, 0), one more call elsewhere.

    `seed` has 64 bits. Block b holds the coordinates of [2^32 b - 2^31, 2^32 b + 2^31), so that a coordinate is
    its block and its low 32 bits, and nothing repeats where the low bits do.
    """
    key = seed & _MASK, seed >> 32
    if high_y == high_x == 0:
        return key
    above = ((high_y >> 32) & 0xFFFF) << 16 | ((high_x >> 32) & 0xFFFF)  # the two last blocks differ here alone
    words = (np.uint64(value) for value in (high_y & _MASK, high_x & _MASK, above, _KEYS))
    k0, k1, _, _ = philox(tuple(np.array([word]) for word in words), key)  # type: ignore[arg-type]
    return int(k0[0]), int(k1[0])


def fill(out: NDArray[np.float32], key: Key, y: Words, x: Words, group: Words, kind: int) -> None:
    """Put N(0, 1) into out (4, G, H, W): the four words of the counter (y, x, group, kind) are its first axis.

    y (H,), x (W,) and group (G,) hold 32-bit numbers as uint64. By Box-Muller, with u = (word + 1/2) / 2^32,
    out[0] = sqrt(-2 ln u_0) cos 2 pi u_1, out[1] the same with the sine, and so the next two, in float32 (within 2e-6
    of float64). Bitwise the same for a cell in any window; memory: what comes out, and a MiB.
    """
    keys = [np.array(pair, dtype=np.uint64).reshape(2, 1, 1, 1) for pair in _round_keys(key)]
    size = 2 * min(_AT_ONCE, out[0].size)
    state, reals = np.empty((3, size), dtype=np.uint64), np.empty((2, size), dtype=np.float64)
    for g, r, c in _blocks(*out.shape[1:]):
        words = _words(keys, y[r], x[c], group[g], kind, state)
        _box_muller(*words, reals, out[::2, g, r, c], out[1::2, g, r, c])


def _round_keys(key: Key) -> list[Key]:
    return [((key[0] + i * WEYL[0]) & _MASK, (key[1] + i * WEYL[1]) & _MASK) for i in range(ROUNDS)]


def _blocks(groups: int, height: int, width: int) -> Iterator[tuple[slice, slice, slice]]:
    columns = min(width, _AT_ONCE)
    rows = min(height, max(1, _AT_ONCE // columns))
    deep = min(groups, max(1, _AT_ONCE // (rows * columns))) if (rows, columns) == (height, width) else 1
    for g in range(0, groups, deep):
        for r in range(0, height, rows):
            for c in range(0, width, columns):
                yield slice(g, g + deep), slice(r, r + rows), slice(c, c + columns)


def _words(keys: list[Words], y: Words, x: Words, group: Words, kind: int, state: Words) -> tuple[Words, Words]:
    """The words (c0, c2) and (c1, c3) of all counters (y, x, group, kind), each (2, G, H, W); the lower 32 bits count.

    Most terms of the first three rounds depend on fewer than three of the axes. From then on the two products of a
    round are one array of two rows, which change places in every round, and with them multipliers and keys.
    """
    m0, m1 = _FACTORS[:, 0, 0, 0]
    y, x, group = y[None, :, None], x[None, None, :], group[:, None, None]
    shape = (2, group.shape[0], y.shape[1], x.shape[2])
    a, low, product = (buffer[: 2 * shape[1] * shape[2] * shape[3]].reshape(shape) for buffer in state)

    p_y, p_g = y * m0, group * m1  # round 1: the products of c0 = y and of c2 = group
    p_gx = ((p_g >> _HALF) ^ x ^ keys[0][0]) * m0  # round 2
    p_1 = ((p_y >> _HALF) ^ np.uint64(kind) ^ keys[0][1]) * m1
    p_gy = ((p_1 >> _HALF) ^ (p_g & _LOW) ^ keys[1][0]) * m0  # round 3, of which c2 differs from cell to cell
    np.bitwise_xor(p_gx >> _HALF, (p_y & _LOW) ^ keys[1][1], out=a[1])
    np.multiply(a[1], m1, out=low[0])
    np.right_shift(low[0], _HALF, out=a[0])
    a[0] ^= (p_1 & _LOW) ^ keys[2][0]
    np.bitwise_xor((p_gy >> _HALF) ^ keys[2][1], p_gx & _LOW, out=a[1])
    low[1] = p_gy

    for number, pair in enumerate(keys[3:]):  # a = (c0, c2) and low = (c1, c3), then the other way round, and so on
        order = _ORDERS[number % 2]
        np.multiply(a, _FACTORS[order], out=product)
        np.right_shift(product, _HALF, out=a)
        low &= _LOW
        low ^= pair[order]
        a ^= low[::-1]
        low, product = product, low
    return a[::-1], low[::-1]


def _box_muller(
    first: Words, second: Words, reals: Reals, cosine: NDArray[np.float32], sine: NDArray[np.float32]
) -> None:
    """Of words (2, G, H, W), in place. The logarithm is of float64: near u = 1 it is the small distance to 1 that
    counts. reals: room for as many float64, twice."""
    double, half = (buffer[: first.size] for buffer in reals)
    long = double.reshape(first.shape)
    radius, angle = half.view(np.float32).reshape(2, *first.shape)
    words = angle.view(np.uint32)
    np.copyto(words, first, casting="unsafe")
    np.copyto(long, words)
    long += 0.5
    long *= 2.0**-32
    np.log(long, out=long)
    np.copyto(radius, long, casting="same_kind")
    radius *= np.float32(-2)
    np.sqrt(radius, out=radius)

    np.copyto(words, second, casting="unsafe")
    turned = double.view(np.float32)[: first.size].reshape(first.shape)
    np.copyto(turned, words.view(np.int32), casting="same_kind")  # with the sign: the same angle, nearer to zero
    turned *= np.float32(np.pi * 2.0**-31)
    np.cos(turned, out=angle)
    np.multiply(radius, angle, out=cosine)
    np.sin(turned, out=angle)
    np.multiply(radius, angle, out=sine)
