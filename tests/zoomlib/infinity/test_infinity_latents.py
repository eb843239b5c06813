"""Property test 10 of the specification (latents), and what 9 and 15 say of latents: periods and overrides."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field import latents
from zoomlib.infinity.field.latents import STYLE, Latents
from zoomlib.infinity.field.overrides import Overrides, Patch
from zoomlib.infinity.field.philox import fill, key_of, philox
from zoomlib.infinity.sizes import unit

SMALL = GeneratorConfig(blocks=3, style=10, local=6, texture=(8, 8, 8), period=64, cells=9)
FIELD = Latents(SMALL, 2**63 + 5)
FAR = [-(10**12), 10**12, 2**31 - 2, -(2**31) - 2, 2**32 - 2, 3 * 2**32 - 2, 2**61]


@settings(max_examples=25, deadline=None)
@given(
    y=st.sampled_from([-7, 0, 1, *FAR]),
    x=st.sampled_from([-3, 0, 2, *FAR]),
    top=st.integers(0, 6),
    left=st.integers(0, 9),
    h=st.integers(1, 6),
    w=st.integers(1, 9),
    layer=st.integers(0, 5),
)
def test_a_window_within_a_window_is_bitwise_the_same(
    y: int, x: int, top: int, left: int, h: int, w: int, layer: int
) -> None:
    inner = slice(top, top + h), slice(left, left + w)
    whole = FIELD.local(y, x, 12, 18)
    assert torch.equal(whole[:, *inner], FIELD.local(y + top, x + left, h, w))
    noise = FIELD.noise(layer, y, x, 12, 18)
    assert torch.equal(noise[:, *inner], FIELD.noise(layer, y + top, x + left, h, w))


@pytest.mark.parametrize("y", [2**33, -(2**33), 3 * 2**33, 2**62])
@pytest.mark.parametrize("x", [2**31, -(2**31), 3 * 2**31])
def test_a_window_over_a_border_of_keys_is_its_cells_asked_for_singly(y: int, x: int) -> None:
    """Cells change their key at odd multiples of 2^31, rows of noise, four to a counter, at those of 2^33."""
    noise, local = FIELD.noise(5, y - 2, x - 2, 4, 4), FIELD.local(y // 4 - 2, x - 2, 4, 4)
    for i in range(4):
        for j in range(4):
            assert torch.equal(noise[:, i : i + 1, j : j + 1], FIELD.noise(5, y - 2 + i, x - 2 + j, 1, 1))
            assert torch.equal(local[:, i : i + 1, j : j + 1], FIELD.local(y // 4 - 2 + i, x - 2 + j, 1, 1))
    assert len(noise.unique()) == noise.numel()


def test_far_from_the_origin_no_more_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cost, counted in normals."""
    drawn: list[int] = []

    def counting(out: np.ndarray, *rest: object) -> None:
        drawn.append(out.size)
        fill(out, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(latents, "fill", counting)
    for at in (0, 10**12, -(10**12)):
        FIELD.local(at, at, 9, 12)
        FIELD.noise(4, at, at, 8, 12)
    assert drawn == drawn[:2] * 3


def test_values_are_those_of_their_own_counter() -> None:
    for y, x, channel in ((3, -2, 5), (-1, 4, 0)):
        words = _words(FIELD.seed, y, x, channel // 4, 0)
        assert FIELD.local(y, x, 1, 1)[channel] == pytest.approx(_normals(words)[channel % 4], abs=2e-6)
    for layer, y, x in ((0, -5, 9), (5, 6, -1)):
        words = _words(FIELD.seed, y // 4, x, 0, layer + 1)
        assert FIELD.noise(layer, y, x, 1, 1).item() == pytest.approx(_normals(words)[y % 4], abs=2e-6)
    expected = [_normals(_words(FIELD.seed, 0, 0, group, STYLE)) for group in range(3)]
    assert FIELD.style().tolist() == pytest.approx([value for four in expected for value in four][:10], abs=2e-6)


@pytest.mark.slow
def test_another_process_draws_the_same() -> None:
    program = (
        "import sys; from zoomlib.infinity.config import GeneratorConfig;"
        "from zoomlib.infinity.field.latents import Latents;"
        "config = GeneratorConfig(blocks=3, style=10, local=6, texture=(8, 8, 8), period=64, cells=9);"
        f"sys.stdout.write(Latents(config, {FIELD.seed}).local(-3, 10**12, 5, 7).numpy().tobytes().hex())"
    )
    drawn = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert drawn == FIELD.local(-3, 10**12, 5, 7).numpy().tobytes().hex()


def test_values_are_standard_normal() -> None:
    values = torch.cat([FIELD.local(0, 0, 100, 100).flatten(), FIELD.noise(2, 0, 0, 250, 250).flatten()]).double()
    N = len(values)
    assert abs(values.mean()) < 4 / math.sqrt(N)
    assert abs(values.var() - 1) < 6 / math.sqrt(N)
    below = torch.special.ndtr(values.sort().values)
    steps = torch.arange(N + 1, dtype=torch.float64) / N
    distance = max((below - steps[:-1]).max().item(), (steps[1:] - below).max().item())
    assert _kolmogorov(distance * math.sqrt(N)) > 1e-4


def test_nothing_else_looks_alike() -> None:
    here = FIELD.local(0, 0, 60, 60)
    others = {
        "seed": Latents(SMALL, FIELD.seed + 1).local(0, 0, 60, 60),
        "high half of the seed": Latents(SMALL, FIELD.seed - 2**63).local(0, 0, 60, 60),
        "row": FIELD.local(1, 0, 60, 60),
        "column": FIELD.local(0, 1, 60, 60),
        "channel": here.roll(1, 0),
        "rows and columns": here.transpose(1, 2),
        "2^32 cells on": FIELD.local(2**32, 0, 60, 60),
        "2^32 cells aside": FIELD.local(0, -(2**32), 60, 60),
    }
    off = ~torch.eye(60, dtype=torch.bool)  # a transpose keeps the diagonal
    for name, other in others.items():
        pair = torch.stack([here[:, off].flatten(), other[:, off].flatten()])
        assert abs(torch.corrcoef(pair)[0, 1]) < 4 / math.sqrt(pair.shape[1]), name
    layers = [FIELD.noise(layer, 0, 0, 100, 100).flatten() for layer in range(6)]
    layers.append(FIELD.local(0, 0, 100, 100)[0].flatten())
    rho = torch.corrcoef(torch.stack(layers)) - torch.eye(7)
    assert rho.abs().max() < 4 / 100


def test_no_value_comes_twice_across_2_to_the_32() -> None:
    windows = [
        FIELD.local(y, x, 4, 4) for y in (2**31 - 2, -(2**31) - 2, 2**32 - 2) for x in (-2, 2**31 - 2, 2**32 - 2)
    ]
    values = torch.stack(windows).flatten()
    assert len(values.unique()) >= len(values) - 2  # of 864 floats, two may fall together
    around = 4 * 2**32, 2**32  # rows of noise, four to a counter, and columns
    noises = [FIELD.noise(2, k * around[0], j * around[1], 8, 8) for k in (-1, 0, 1) for j in (-1, 0, 1)]
    assert len(torch.stack(noises).unique()) >= 9 * 64 - 2


@pytest.mark.parametrize("period", [1, 5, 64])
def test_a_panorama_repeats_bit_for_bit(period: int) -> None:
    panorama = Latents(SMALL, 4, period=period)
    for x in (-2, 10**12):
        assert torch.equal(panorama.local(2, x, 3, 2 * period), panorama.local(2, x + period, 3, 2 * period))
        for layer in range(6):
            around = unit(layer) * period
            one = panorama.noise(layer, -5, x, 6, 3)
            assert torch.equal(one, panorama.noise(layer, -5, x + around, 6, 3))
            assert around < 3 or not torch.equal(one, panorama.noise(layer, -5, x + 1, 6, 3))
    plane = Latents(SMALL, 4)
    assert torch.equal(panorama.local(0, 0, 3, period), plane.local(0, 0, 3, period))
    assert not torch.equal(plane.local(0, 0, 3, 3), plane.local(0, period, 3, 3))


def test_overrides_change_their_rectangle_and_nothing_else() -> None:
    values, noise = torch.full((6, 2, 3), 7.0), torch.full((1, 4, 1), 5.0)
    edited = Latents(SMALL, FIELD.seed, overrides=Overrides((Patch(1, -2, values),), {3: (Patch(-1, 4, noise),)}))
    inside = torch.zeros(12, 12, dtype=torch.bool)
    inside[5:7, 3:6] = True  # rows 1, 2 and columns -2, -1, 0 of a window that begins at (-4, -5)
    found, plain = edited.local(-4, -5, 12, 12), FIELD.local(-4, -5, 12, 12)
    assert (found[:, inside] == 7).all()
    assert torch.equal(found[:, ~inside], plain[:, ~inside])
    found = edited.noise(3, -4, -5, 12, 12)
    assert (found[0, 3:7, 9] == 5).all()
    assert (found != FIELD.noise(3, -4, -5, 12, 12)).sum() == 4
    assert torch.equal(edited.noise(2, -4, -5, 12, 12), FIELD.noise(2, -4, -5, 12, 12))
    assert torch.equal(pickle.loads(pickle.dumps(edited)).local(-4, -5, 12, 12), edited.local(-4, -5, 12, 12))


def test_overrides_of_a_panorama_repeat_with_it() -> None:
    values = torch.arange(18, dtype=torch.float32).reshape(6, 1, 3)
    around = Latents(SMALL, 1, period=5, overrides=Overrides((Patch(0, 4, values),)))
    row = around.local(0, -9, 1, 20)
    for start in (-6, -1, 4, 9):  # of the patch; the window begins at -9
        shown = row[:, :, start + 9 : start + 12]
        assert torch.equal(shown, values[..., : shown.shape[2]])
    assert torch.equal(row[..., :5], row[..., 5:10])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Latents(SMALL, -1), "seed"),
        (lambda: Latents(SMALL, 2**64), "seed"),
        (lambda: Latents(SMALL, 1.5), "A seed is a whole number"),
        (lambda: Latents(SMALL, 1, period=2.5), "A period is a whole number"),
        (lambda: Patch("1", 0, torch.zeros(1, 1, 1)), "The row of a patch is a whole number"),
        (lambda: Latents(SMALL, 0, period=0), "period"),
        (lambda: Latents(SMALL, 0, period=2**30), "period"),
        (lambda: Latents(SMALL, 0, overrides=Overrides((Patch(0, 0, torch.zeros(5, 1, 1)),))), r"\(6, h, w\)"),
        (lambda: Latents(SMALL, 0, overrides=Overrides((), {6: ()})), "layer"),
        (lambda: Latents(SMALL, 0, period=2, overrides=Overrides((Patch(0, 0, torch.zeros(6, 1, 3)),))), "round"),
        (lambda: FIELD.local(0, 0, 0, 3), "at least 1 row"),
        (lambda: FIELD.noise(6, 0, 0, 1, 1), "layers 0 to 5"),
        (lambda: FIELD.local(2**63 - 3, 0, 4, 1), "64 bits"),
        (lambda: FIELD.local(0, -(2**63) - 1, 1, 1), "64 bits"),
    ],
)
def test_what_cannot_be_is_refused(make: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        make()  # type: ignore[operator]


def _words(seed: int, y: int, x: int, group: int, kind: int) -> list[int]:
    counter = tuple(np.array([value % 2**32], dtype=np.uint64) for value in (y, x, group, kind))
    return [int(word[0]) for word in philox(counter, key_of(seed))]


def _normals(words: list[int]) -> list[float]:
    u = [(word + 0.5) / 2**32 for word in words]
    out = []
    for radius, turn in ((u[0], u[1]), (u[2], u[3])):
        length = math.sqrt(-2 * math.log(radius))
        out += [length * math.cos(2 * math.pi * turn), length * math.sin(2 * math.pi * turn)]
    return out


def _kolmogorov(x: float) -> float:
    """How likely the largest distance of a sample's distribution from its own is at least x / sqrt(N)."""
    return 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 100))
