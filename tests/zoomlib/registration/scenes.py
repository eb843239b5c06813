"""A world with detail at every scale, seen from anywhere: what placements are measured against.

Smooth noise and hard-edged discs of all octaves add up, so that contrast is the same at every depth and a pixel is
the mean of what finer pixels show.
"""

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from zoomlib.registration.placement import Placement, then

TILE, FINE = 16, 32  # cells of noise before it repeats, samples to a cell
EDGE_PX = 0.8  # a cell of the finest octave that a view shows, in its pixels


def _tile(random):
    """Three channels of noise that goes on across its borders: smooth, with discs of one colour on a sixth of it."""
    side = TILE * FINE
    spectrum = np.fft.fft2(random.standard_normal((3, TILE, TILE)).repeat(FINE, 1).repeat(FINE, 2))
    frequency = np.fft.fftfreq(side) * FINE
    spectrum *= np.exp(-4 * (frequency[:, None] ** 2 + frequency**2))
    noise = np.fft.ifft2(spectrum).real
    tile = 0.35 * noise / noise.std()
    at = np.arange(side)
    for _ in range(TILE * TILE // 5):
        x, y, radius = *random.uniform(0, side, 2), random.uniform(0.3, 0.7) * FINE
        dx, dy = (np.abs((at - middle + side / 2) % side - side / 2) for middle in (x, y))
        tile[:, dx**2 + dy[:, None] ** 2 < radius**2] += random.normal(0, 0.8, (3, 1))
    return np.moveaxis(tile, 0, -1).reshape(-1, 3).astype(np.float32)


def _sample(tile, x, y):
    """The samples of the tile at (x, y), counted in samples, (..., 3); it repeats."""
    side = TILE * FINE
    i, j = (np.floor(at).astype(np.int32) & (side - 1) for at in (x, y))
    return np.take(tile, j * side + i, 0)


@cache
def _tiles(seed):
    random = np.random.default_rng(seed)
    return [_tile(random) for _ in range(3)], random.uniform(0, TILE, (64, 2)), random.uniform(0, 2 * np.pi, 64)


@dataclass(frozen=True)
class World:
    """The world of a seed. Its views are (H, W, 3) uint8, box-averaged over each pixel."""

    seed: int = 0
    samples: int = 4

    def view(self, matrix, size):
        """What pixels show that lie at `matrix` of theirs in the world; the widest picture's width is about 1."""
        tiles, shifts, turns = _tiles(self.seed)
        n = self.samples
        cols = (np.arange(size[0] * n) + 0.5) / n - 0.5
        rows = (np.arange(size[1] * n) + 0.5) / n - 0.5
        rows = rows[:, None]
        pixel = np.hypot(matrix[0, 0], matrix[1, 0])
        total = np.zeros((len(rows), len(cols), 3), np.float32)
        for octave in range(1, 64):
            if 2.0**-octave < EDGE_PX * pixel:
                break
            c, s = np.cos(turns[octave]), np.sin(turns[octave])
            to_tile = np.array([[c, -s], [s, c]]) @ matrix * 2**octave
            to_tile[:, 2] += shifts[octave]
            u, v = (a * cols + (b * rows + off) for a, b, off in to_tile * FINE)
            total += _sample(tiles[octave % len(tiles)], u, v)
        colours = 0.5 + 0.11 * total
        mean = colours.reshape(size[1], n, size[0], n, 3).mean((1, 3))
        return np.clip(np.round(mean * 255), 0, 255).astype(np.uint8)


def base(size):
    """The widest view: one world across."""
    return np.array([[1.0, 0, 0], [0, 1.0, 0]]) / size[0]


def zoom(world, sizes, placements, first=None):
    """The pictures of a zoom whose every step is as placed, from the widest on."""
    matrix = base(sizes[0]) if first is None else first
    pictures = [world.view(matrix, sizes[0])]
    for i, placement in enumerate(placements):
        matrix = then(placement.matrix(sizes[i], sizes[i + 1]), matrix)
        pictures.append(world.view(matrix, sizes[i + 1]))
    return pictures


def recoloured(picture, random, strength=1.0):
    """Each channel with a gain, an offset and a gamma of its own."""
    gain = np.exp(random.uniform(-0.15, 0.15, 3) * strength)
    offset = random.uniform(-0.06, 0.06, 3) * strength
    gamma = np.exp(random.uniform(-0.15, 0.15, 3) * strength)
    return np.clip(np.round(((picture / 255.0) ** gamma * gain + offset) * 255), 0, 255).astype(np.uint8)


def jpeg(picture, quality=80):
    """After a JPEG file of that quality."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def any_placement(random, low=1.2, high=4.0, turn_deg=0.0):
    """A step with a factor between low and high, off centre, wholly inside unless turned far."""
    p = float(np.exp(random.uniform(np.log(low), np.log(high))))
    free = (1 - 1 / p) / 2 * 0.85
    x, y = 0.5 + random.uniform(-free, free, 2)
    return Placement(p, float(x), float(y), float(random.uniform(-turn_deg, turn_deg)))


def mandelbrot(middle, width, size, samples=3, rounds=150):
    """A view of the set's border, (H, W, 3) uint8, box-averaged: by how soon a point escapes."""
    cols, rows = ((np.arange(n * samples) + 0.5) / (n * samples) - 0.5 for n in size)
    c = middle + width * (cols[None] + 1j * rows[:, None] * size[1] / size[0])
    z, escape = np.zeros_like(c), np.zeros(c.shape)
    for count in range(1, rounds + 1):
        inside = escape == 0
        z[inside] = z[inside] ** 2 + c[inside]
        out = inside & (np.abs(z) > 4)
        escape[out] = count + 1 - np.log2(np.log(np.abs(z[out])))
    shade = np.log(np.maximum(escape, 1))[..., None] * 3 + np.array([0, 0.8, 2])
    colours = (0.5 + 0.5 * np.sin(shade)) * (escape > 0)[..., None]
    mean = colours.reshape(size[1], samples, size[0], samples, 3).mean((1, 3))
    return np.round(mean * 255).astype(np.uint8)
