"""Planes that are a formula, so that means over any rectangle are known."""

import numpy as np
import torch

from zoomlib.denoiser import IdentityCodec


class Tile:
    def __init__(self, y0, x0, pixels):
        self.y0, self.x0, self.pixels = y0, x0, pixels


class FormulaPlane:
    """Pixel (y, x) of channel c is f_c(y) g_c(x), each of them between -1 and 1, with no pattern a tile could hide."""

    def __init__(self, seed=0, step=24, stretch=1.0, height=1.0, painted=None):
        self.seed, self.step, self.stretch, self.height = seed, step, stretch, height
        self.painted = [] if painted is None else painted

    def rows(self, y):
        return [np.sin((0.7 + 0.2 * c) * np.asarray(y) / self.stretch + self.seed) * self.height for c in range(3)]

    def columns(self, x):
        return [np.cos((0.45 + 0.1 * c) * np.asarray(x) - self.seed) for c in range(3)]

    def pixels(self, y0, x0, h, w):
        rows, columns = self.rows(range(y0, y0 + h)), self.columns(range(x0, x0 + w))
        return torch.from_numpy(np.stack([np.outer(f, g) for f, g in zip(rows, columns, strict=True)])).float()

    def tiles(self, y0, x0, h, w, *, workers=1):
        for top in range(y0 // self.step * self.step, y0 + h, self.step):
            for left in range(x0 // self.step * self.step, x0 + w, self.step):
                y, x = max(top, y0), max(left, x0)
                height, width = min(top + self.step, y0 + h) - y, min(left + self.step, x0 + w) - x
                self.painted.append((y, x, height, width))
                yield Tile(y, x, self.pixels(y, x, height, width))

    def means(self, top, left, scale, height, width):
        """Means over a grid of squares with sides of `scale` pixels, by integrals of steps: (3, height, width)."""

        def along(values, start, cells):
            edges = start + scale * np.arange(cells + 1)
            first, last = int(np.floor(edges[0])) - 1, int(np.ceil(edges[-1])) + 1
            found = []
            for value in values(range(first, last)):
                whole = np.concatenate([[0.0], np.cumsum(value)])
                found.append(np.diff(np.interp(edges, np.arange(first, last + 1), whole)) / scale)
            return found

        rows, columns = along(self.rows, top, height), along(self.columns, left, width)
        return np.stack([np.outer(f, g) for f, g in zip(rows, columns, strict=True)])


class FormulaPlanes:
    """Planes as `zoomlib.infinity.planes.Planes`, of that formula."""

    device, dtype, inpaints, workers = torch.device("cpu"), torch.float32, False, 1

    def __init__(self, size=(12, 16), step=24, axes="horizon"):
        self.shape, self.tile_px, self.axes, self.codec = (3, *size), step, axes, IdentityCodec()
        self.painted, self.stretches = [], []

    def plane(self, seed, *, stretch=1.0):
        self.stretches.append(stretch)
        return FormulaPlane(seed, self.tile_px, stretch, painted=self.painted)

    def close(self):
        self.closed = True
