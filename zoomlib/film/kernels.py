"""The arithmetic of `zoomlib.film.resample`, compiled by numba: taps, and both passes over a plane.

Numba widens integers to 64 bits, and its loops are vectorised only where nothing stands in the way. So the innermost
steps, on BLOCK values at a time, are written as LLVM vectors: a product of 16-bit lanes of which the upper half is
kept is one instruction on x86 and three on ARM. They work on addresses; `resample` checks every range before.

Each function here is asked for, `draw()`, and then called, `draw()(...)`: compiled once per machine, since its types
are given and the result is cached on disk, it runs without Python's lock. The cache looks for changes in this file
alone, which is why it is not two. `zoomlib.film.compiled` asks, and knows what to do where this cannot be had.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from zoomlib.film.taps import C0, C1, C2, C3, C4, C5, C6, C7, EDGE, NINTH, PHASE_BITS, PHASES, SUPPORT, UNIT

if config.DISABLE_JIT:
    raise ImportError("numba is told not to compile, by NUMBA_DISABLE_JIT, and these are not for Python to run")

BLOCK = 64
"""Values that a step works on: what it reads may end up to BLOCK - 1 values after the last one that counts."""

TILE = 64
"""Columns that pass through both passes together: what lies between the passes then stays in the second cache."""

_BYTE, _WORD, _LONG, _ADDRESS = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_LOW, _HIGH = [0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]


def _step(build: Callable[..., None]) -> Callable[..., None]:
    """A function on addresses and counts, for compiled code to call, from what builds its LLVM code."""

    def typed(_: Any, *arguments: Any) -> Any:
        def generate(context: Any, b: ir.IRBuilder, _: Any, values: list[ir.Value]) -> ir.Value:
            build(b, *cgutils.unpack_tuple(b, values[0]))
            return context.get_dummy_value()

        return types.void(types.StarArgTuple.from_types(arguments)), generate

    return intrinsic(typed)  # type: ignore[no-any-return]


def _vector(lane: ir.Type, value: int | None = None, lanes: int = BLOCK) -> Any:
    """The type of so many lanes, or the constant of that type with one value in each."""
    kind = ir.VectorType(lane, lanes)
    return kind if value is None else ir.Constant(kind, [value] * lanes)


def _load(b: ir.IRBuilder, address: ir.Value, kind: ir.Type, align: int) -> ir.Value:
    value = b.load(b.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def _store(b: ir.IRBuilder, value: ir.Value, address: ir.Value, align: int) -> None:
    b.store(value, b.inttoptr(address, value.type.as_pointer())).align = align


def _spread(b: ir.IRBuilder, value: ir.Value, lanes: int = BLOCK) -> ir.Value:
    """One value in all lanes."""
    empty = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = b.insert_element(empty, value, ir.Constant(_LONG, 0))
    return b.shuffle_vector(first, empty, _vector(_LONG, 0, lanes))


def _upper_half(b: ir.IRBuilder, value: ir.Value, weight: ir.Value) -> ir.Value:
    """(value weight) >> 16 in 16-bit lanes; LLVM knows this form as its own instruction."""
    lanes = value.type.count
    product = b.mul(b.sext(value, _vector(_LONG, lanes=lanes)), b.sext(weight, _vector(_LONG, lanes=lanes)))
    return b.trunc(b.ashr(product, _vector(_LONG, 16, lanes)), value.type)


def _weighted(
    b: ir.IRBuilder,
    read: Callable[[ir.Value], ir.Value],
    source: ir.Value,
    stride: ir.Value,
    weights: ir.Value,
    K: ir.Value,
    start: int,
) -> ir.Value:
    """start + (K >> 1) + sum over K taps of (value weight) >> 16, in BLOCK lanes; `read` gives them at an address."""
    half = b.trunc(b.lshr(K, ir.Constant(_ADDRESS, 1)), _WORD)
    total = cgutils.alloca_once_value(b, _spread(b, b.add(half, ir.Constant(_WORD, start))))
    with cgutils.for_range(b, K) as loop:
        weight = _load(b, b.add(weights, b.shl(loop.index, ir.Constant(_ADDRESS, 1))), _WORD, 2)
        value = read(b.add(source, b.mul(loop.index, stride)))
        b.store(b.add(b.load(total), _upper_half(b, value, _spread(b, weight))), total)
    return b.load(total)


@_step
def _along(b: ir.IRBuilder, out: ir.Value, source: ir.Value, stride: ir.Value, weights: ir.Value, K: ir.Value) -> None:
    """First pass: BLOCK words at `out` from K lines of bytes that lie `stride` bytes apart."""

    def read(address: ir.Value) -> ir.Value:
        return b.shl(b.zext(_load(b, address, _vector(_BYTE), 1), _vector(_WORD)), _vector(_WORD, 8))

    total = _weighted(b, read, source, stride, weights, K, 0)
    _store(b, b.shl(total, _vector(_WORD, 1)), out, 2)


@_step
def _down(b: ir.IRBuilder, out: ir.Value, source: ir.Value, stride: ir.Value, weights: ir.Value, K: ir.Value) -> None:
    """Second pass: BLOCK bytes at `out`, rounded and clamped, from K lines of words that lie `stride` bytes apart."""

    def read(address: ir.Value) -> ir.Value:
        return _load(b, address, _vector(_WORD), 2)

    total = _weighted(b, read, source, stride, weights, K, 16)
    grey = b.add(b.ashr(total, _vector(_WORD, 5)), _vector(_WORD, 128))
    for sign, bound in (("<", 0), (">", 255)):
        grey = b.select(b.icmp_signed(sign, grey, _vector(_WORD, bound)), _vector(_WORD, bound), grey)
    _store(b, b.trunc(grey, _vector(_BYTE)), out, 1)


def _transposed(b: ir.IRBuilder, lane: ir.Type, source: ir.Value, stride: ir.Value) -> list[ir.Value]:
    """8 x 8 values, transposed: three rounds of riffling the upper four lines with the lower four. Stride in bytes."""
    mixes = [ir.Constant(_vector(_LONG, lanes=8), lanes) for lanes in (_LOW, _HIGH)]
    places = [b.add(source, b.mul(stride, ir.Constant(_ADDRESS, i))) for i in range(8)]
    lines = [_load(b, place, _vector(lane, lanes=8), 1) for place in places]
    for _ in range(3):
        lines = [b.shuffle_vector(lines[i // 2], lines[i // 2 + 4], mixes[i % 2]) for i in range(8)]
    return lines


@_step
def _turn_words(b: ir.IRBuilder, out: ir.Value, out_stride: ir.Value, source: ir.Value, stride: ir.Value) -> None:
    """Transpose 8 x 8 words."""
    for i, line in enumerate(_transposed(b, _WORD, source, stride)):
        _store(b, line, b.add(out, b.mul(out_stride, ir.Constant(_ADDRESS, i))), 2)


@_step
def _turn_bytes(b: ir.IRBuilder, out: ir.Value, out_stride: ir.Value, source: ir.Value, stride: ir.Value) -> None:
    """Transpose 8 x 8 bytes, and flip the highest bit of each."""
    for i, line in enumerate(_transposed(b, _BYTE, source, stride)):
        flipped = b.xor(line, _vector(_BYTE, 0x80, 8))
        _store(b, flipped, b.add(out, b.mul(out_stride, ir.Constant(_ADDRESS, i))), 1)


@_step
def _copy(b: ir.IRBuilder, out: ir.Value, source: ir.Value, count: ir.Value) -> None:
    """Copy `count` bytes."""
    cgutils.raw_memcpy(b, b.inttoptr(out, _BYTE.as_pointer()), b.inttoptr(source, _BYTE.as_pointer()), count, 1)


@_step
def _gather(
    b: ir.IRBuilder, out: ir.Value, corner: ir.Value, stride: ir.Value, x_weights: ir.Value, y_weights: ir.Value
) -> None:
    """One word at `out`, (v - 128) 2^5 with 16 added, from 6 lines of 8 words each; 6 weights, 8 for a line."""
    kind, start = ir.VectorType(_WORD, 8), ir.Constant(_WORD, 3)
    total = _spread(b, start, 8)
    for i in range(6):
        line = _load(b, b.add(corner, b.mul(stride, ir.Constant(_ADDRESS, i))), kind, 2)
        weight = _load(b, b.add(y_weights, ir.Constant(_ADDRESS, 2 * i)), _WORD, 2)
        total = b.add(total, _upper_half(b, line, _spread(b, weight, 8)))
    products = _upper_half(b, b.shl(total, _vector(_WORD, 1, 8)), _load(b, x_weights, kind, 2))
    reduce = cgutils.get_or_insert_function(b.module, ir.FunctionType(_WORD, [kind]), "llvm.vector.reduce.add.v8i16")
    _store(b, b.add(b.call(reduce, [products]), ir.Constant(_WORD, 3 + 16)), out, 2)


@_step
def _riffle(b: ir.IRBuilder, out: ir.Value, red: ir.Value, green: ir.Value, blue: ir.Value) -> None:
    """16 bytes from each of three places, one of each in turn."""
    reds, greens, blues = (_load(b, place, _vector(_BYTE, lanes=16), 1) for place in (red, green, blue))
    both = ir.Constant(_vector(_LONG, lanes=32), list(range(32)))
    turns = ir.Constant(_vector(_LONG, lanes=48), [place for i in range(16) for place in (i, 16 + i, 32 + i)])
    pair, last = b.shuffle_vector(reds, greens, both), b.shuffle_vector(blues, blues, both)
    _store(b, b.shuffle_vector(pair, last, turns), out, 1)


def _compiled(signature: str) -> Callable[[Callable[..., None]], Callable[[], Callable[..., None]]]:
    """Makes of a function one that gives it compiled, which is done when it is first asked for.

    What comes of it is cached on disk; where no folder can be written to, each process compiles again.
    """

    def later(function: Callable[..., None]) -> Callable[[], Callable[..., None]]:
        @cache
        def compiled() -> Callable[..., None]:
            try:
                return njit(signature, nogil=True, cache=True)(function)  # type: ignore[no-any-return]
            except (RuntimeError, OSError):  # "cannot cache function ...: no locator available"; a full disk
                return njit(signature, nogil=True)(function)  # type: ignore[no-any-return]

        return compiled

    return later


@_compiled("void(uint8[:,:], uint8[:,::1])")
def lay(plane: Any, lines: Any) -> None:
    """Put a plane (H, W), whose rows are contiguous, into `lines` (more than W, H or more) as `draw` takes it."""
    H, W = plane.shape
    for top in range(0, H // 8 * 8, 8):
        source, target = plane.ctypes.data + top * plane.strides[0], lines.ctypes.data + top
        for left in range(0, W // 8 * 8, 8):
            _turn_bytes(target + left * lines.strides[0], lines.strides[0], source + left, plane.strides[0])
    for y in range(H):
        for x in range(0 if y >= H // 8 * 8 else W // 8 * 8, W):
            lines[x, y] = plane[y, x] ^ np.uint8(0x80)


@_compiled("void(uint8[:,::1], int32[::1], int16[:,::1], int32[::1], int16[:,::1], uint8[:,:])")
def draw(plane: Any, x_first: Any, x_weights: Any, y_first: Any, y_weights: Any, out: Any) -> None:
    """Resample a plane into `out` (h, w), whose rows are contiguous.

    `plane` is transposed, one line per column, each value with its highest bit flipped (v - 128 as a signed byte), and
    has BLOCK bytes after the last one. Taps must lie within it and be in order.
    """
    h, w = out.shape
    low, high = y_first[0], y_first[h - 1] + y_weights.shape[1]
    blocks = (high - low + BLOCK - 1) // BLOCK
    lines, tile = np.empty((8, blocks * BLOCK), np.int16), np.empty((blocks * BLOCK, TILE), np.int16)
    rest = np.empty(TILE, np.uint8)
    for left in range(0, w, TILE):
        width = min(TILE, w - left)
        for part in range(0, width, 8):
            for i in range(min(8, width - part)):
                x = left + part + i
                source = plane.ctypes.data + x_first[x] * plane.strides[0] + low
                weights = x_weights.ctypes.data + x * x_weights.strides[0]
                line = lines.ctypes.data + i * lines.strides[0]
                for y in range(0, blocks * BLOCK, BLOCK):
                    _along(line + 2 * y, source + y, plane.strides[0], weights, x_weights.shape[1])
            for y in range(0, high - low, 8):
                corner = tile.ctypes.data + y * tile.strides[0] + 2 * part
                _turn_words(corner, tile.strides[0], lines.ctypes.data + 2 * y, lines.strides[0])
        for y in range(h):
            source = tile.ctypes.data + (y_first[y] - low) * tile.strides[0]
            target = out.ctypes.data + y * out.strides[0] + left
            weights = y_weights.ctypes.data + y * y_weights.strides[0]
            if width == TILE:
                _down(target, source, tile.strides[0], weights, y_weights.shape[1])
            else:
                _down(rest.ctypes.data, source, tile.strides[0], weights, y_weights.shape[1])
                _copy(target, rest.ctypes.data, width)


@_compiled("void(float64, float64, int64, int64, int32[::1], int16[:,::1])")
def fill_taps(start: Any, step: Any, count: Any, n_in: Any, first: Any, weights: Any) -> None:
    """Fill `first` (n,) and `weights` (n, K) with Lanczos3 taps; see `zoomlib.film.taps`.

    `count` is the number of taps before those outside the line are folded into it, so at least K. All is reckoned in
    the same order as there, so that both give equal integers.
    """
    n, K = weights.shape
    reach, shrink = SUPPORT * max(step, 1.0), 1.0 / max(step, 1.0)
    values, total = np.empty((count, n)), np.zeros(n)
    before, rest = np.empty(n), np.full(n, float(UNIT))
    for o in range(n):
        centre = start + o * step
        before[o] = np.floor(centre - reach) + 1.0 - centre
    for k in range(count):
        value = values[k]
        for o in range(n):
            x = (before[o] + k) * shrink
            y = min(x * x, EDGE)
            series = C7
            series = series * y + C6
            series = series * y + C5
            series = series * y + C4
            series = series * y + C3
            series = series * y + C2
            series = series * y + C1
            series = series * y + C0
            value[o] = series * ((1.0 - y) * (1.0 - y * 0.25)) * ((1.0 - y * NINTH) * (1.0 - y * NINTH))
            total[o] += value[o]
    for o in range(n):
        total[o] = UNIT / total[o]
    for k in range(count):
        value = values[k]
        for o in range(n):
            value[o] = np.rint(value[o] * total[o])
            rest[o] -= value[o]
    for o in range(n):
        centre = start + o * step
        values[int(np.rint(-before[o])), o] += rest[o]
        begin = int(np.floor(centre - reach)) + 1
        first[o] = min(max(begin, 0), n_in - K)
        if first[o] == begin and count == K:
            for k in range(K):
                weights[o, k] = np.int16(values[k, o])
        else:
            weights[o, :] = 0
            for k in range(count):
                weights[o, min(max(begin + k, 0), n_in - 1) - first[o]] += np.int16(values[k, o])


@_compiled("void(int16[:,::1], int16[:,::1], float64, float64, float64, float64, uint8[:,:])")
def turn(padded: Any, weights: Any, x0: Any, y0: Any, cosine: Any, sine: Any, out: Any) -> None:
    """Fill `out` (h, w): pixel (y, x) is at x0 + x cosine + y sine, y0 - x sine + y cosine in `padded`.

    See `zoomlib.film.rotation.plain_turn`.
    """
    h, w = out.shape
    H, W = padded.shape
    right, bottom = PHASES * (W - 8) - 1.0, PHASES * (H - 8) - 1.0
    columns, rows, sums = np.empty(w, np.int32), np.empty(w, np.int32), np.empty(w, np.int16)
    for y in range(h):
        for x in range(w):
            across = np.floor((x0 + (x * cosine + y * sine)) * PHASES + 0.5)
            down = np.floor((y0 + (y * cosine - x * sine)) * PHASES + 0.5)
            columns[x] = np.int32(min(max(across, 2 * PHASES), right))
            rows[x] = np.int32(min(max(down, 2 * PHASES), bottom))
        for x in range(w):
            across, down = columns[x], rows[x]
            corner = (
                padded.ctypes.data + ((down >> PHASE_BITS) - 2) * padded.strides[0] + 2 * ((across >> PHASE_BITS) - 2)
            )
            x_weights = weights.ctypes.data + (across & (PHASES - 1)) * weights.strides[0]
            y_weights = weights.ctypes.data + (down & (PHASES - 1)) * weights.strides[0]
            _gather(sums.ctypes.data + 2 * x, corner, padded.strides[0], x_weights, y_weights)
        for x in range(w):
            out[y, x] = np.uint8(min(max((sums[x] >> 5) + 128, 0), 255))


@_compiled("void(uint8[:,::1], uint8[:,::1], uint8[:,::1], uint8[:,:,::1])")
def weave(red: Any, green: Any, blue: Any, out: Any) -> None:
    """Three planes (H, W) into `out` (H, W, 3)."""
    H, W = red.shape
    whole = W // 16 * 16
    for y in range(H):
        for x in range(y * W, y * W + whole, 16):
            _riffle(out.ctypes.data + 3 * x, red.ctypes.data + x, green.ctypes.data + x, blue.ctypes.data + x)
        for x in range(whole, W):
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = red[y, x], green[y, x], blue[y, x]
