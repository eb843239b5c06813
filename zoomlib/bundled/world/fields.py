"""Building blocks of the procedural world: batched random fields and colours, torch only.

Shapes: B pictures, S pixels a side. Coordinates run from -1 to 1 over a picture. Everything random comes from the
given `torch.Generator`, always drawn on the CPU.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor


def uniform(generator: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform numbers in [low, high)."""
    return torch.rand(*shape, generator=generator) * (high - low) + low


def grid(size: int) -> tuple[Tensor, Tensor]:
    """Coordinates (x, y) of the pixel centres, each (1, S, S), in (-1, 1)."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x[None], y[None]


def per_image(values: Tensor) -> Tensor:
    """(B,) to (B, 1, 1), to be combined with (B, S, S)."""
    return values[:, None, None]


def smoothstep(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, a cubic between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def fractal_noise(
    generator: torch.Generator, batch: int, size: int, slope: float, lowest: Tensor | float = 1.0
) -> Tensor:
    """Gaussian noise with amplitude f^-slope above `lowest` cycles a picture; zero mean, unit variance; (B, S, S)."""
    spectrum = torch.fft.rfft2(torch.randn(batch, size, size, generator=generator))
    fy = torch.fft.fftfreq(size)[:, None] * size
    fx = torch.fft.rfftfreq(size)[None] * size
    f = (fx * fx + fy * fy).sqrt()[None]
    low = lowest if isinstance(lowest, float) else per_image(lowest)
    amplitude = (f * f + low * low) ** (-slope / 2)
    amplitude[..., 0, 0] = 0
    field = torch.fft.irfft2(spectrum * amplitude, s=(size, size))
    scaled: Tensor = field / field.std(dim=(1, 2), keepdim=True)
    return scaled


class CellGrid:
    """Points on a jittered square grid, and every pixel's nine nearest candidates (Worley's construction).

    `cells` (B,) is the number of cells across a picture. Attributes: `dx`, `dy` (B, 9, S, S), the vector from candidate
    to pixel in cell units; `cell` (B, 9, S, S), the candidate's index into tables made by `table`.
    """

    def __init__(self, generator: torch.Generator, x: Tensor, y: Tensor, cells: Tensor, jitter: float = 0.9) -> None:
        self.generator = generator
        self.batch = cells.shape[0]
        self.side = math.ceil(float(cells.max()) * 1.7) + 6
        offset = torch.rand(self.batch, 2, generator=generator)
        gx = x * per_image(cells) / 2 + self.side / 2 + per_image(offset[:, 0])
        gy = y * per_image(cells) / 2 + self.side / 2 + per_image(offset[:, 1])
        ix, iy = gx.floor(), gy.floor()
        steps = torch.tensor([-1.0, 0.0, 1.0])
        cx = (ix[:, None] + steps.repeat(3)[None, :, None, None]).clamp(0, self.side - 1)
        cy = (iy[:, None] + steps.repeat_interleave(3)[None, :, None, None]).clamp(0, self.side - 1)
        self.cell = (cy * self.side + cx).long()
        self.dx = gx[:, None] - cx - 0.5 - self.look_up(self.table(low=-jitter / 2, high=jitter / 2))
        self.dy = gy[:, None] - cy - 0.5 - self.look_up(self.table(low=-jitter / 2, high=jitter / 2))

    def table(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """A random number for each cell, (B, cells)."""
        return uniform(self.generator, self.batch, self.side * self.side, low=low, high=high)

    def look_up(self, table: Tensor, cell: Tensor | None = None) -> Tensor:
        """The table's entries at the candidates (or at the given cells)."""
        cell = self.cell if cell is None else cell
        return table.gather(1, cell.flatten(1)).view(cell.shape)

    def nearest(self) -> tuple[Tensor, Tensor, Tensor]:
        """Distance to the nearest point, to the second nearest, and the nearest's cell; each (B, S, S)."""
        distance = (self.dx * self.dx + self.dy * self.dy).sqrt()
        two, which = distance.topk(2, dim=1, largest=False)
        return two[:, 0], two[:, 1], self.cell.gather(1, which[:, :1])[:, 0]


def splats(x: Tensor, y: Tensor, width: Tensor, weight: Tensor, size: int) -> Tensor:
    """Sum of Gaussians: centres x, y and standard deviations `width` (B, K), weight (B, K, C); (B, C, S, S)."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    gx = torch.exp(-0.5 * ((axis - x[..., None]) / width[..., None]) ** 2)
    gy = torch.exp(-0.5 * ((axis - y[..., None]) / width[..., None]) ** 2)
    return torch.einsum("bkc,bky,bkx->bcyx", weight, gy, gx)


def hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """HSV in [0, 1] (hue in turns, any real number) to RGB; adds a last axis of 3."""
    k = torch.tensor([5.0, 3.0, 1.0])
    t = (k + hue[..., None] * 6) % 6
    ramp = torch.minimum(t, 4 - t).clamp(0, 1)
    return value[..., None] * (1 - saturation[..., None] * ramp)


def ramp(value: Tensor, stops: list[tuple[float, Tensor]]) -> Tensor:
    """Piecewise linear colours: value (B, S, S), stops (position, (B, 3)) in rising order; gives (B, 3, S, S)."""
    out = stops[0][1][:, :, None, None].expand(-1, -1, *value.shape[1:])
    for (a, _), (b, colour) in pairwise(stops):
        t = ((value - a) / (b - a)).clamp(0, 1)[:, None]
        out = out + t * (colour[:, :, None, None] - out)
    return out


def hill_shade(height: Tensor, strength: float, direction: Tensor) -> Tensor:
    """Lambert shading of a height field lit from `direction` (B,) in radians; (B, S, S), about 0 to 1."""
    size = height.shape[-1]
    gx = (torch.roll(height, -1, 2) - torch.roll(height, 1, 2)) * size / 4
    gy = (torch.roll(height, -1, 1) - torch.roll(height, 1, 1)) * size / 4
    slope = gx * per_image(direction.cos()) + gy * per_image(direction.sin())
    return 0.5 + 0.5 * torch.tanh(strength * slope)
