"""The window of a level, and the next level that shows it at full size: shrinking, enlarging, and making them agree."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomlib.area import shares
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, whole_pixels

ROUNDS, RELAXATION, CLOSE = 64, 1.7, 1e-6
_PIECE, _NOTHING = 64, 1e-14


class Magnifier:
    """A box of a wide H x W level that a deep H x W level shows, at any zoom factor, also between pixels.

    `window`: the pixels of the wide level that lie wholly in the box; each is the mean of what the deep level shows of
    it. All functions take and return float tensors (..., H, W), or (..., h, w) for windows, and work in float64 inside,
    so that means that should be equal are. Raises InvalidInputError for a box without a whole pixel.
    """

    def __init__(self, box: Box, height: int, width: int):
        self.box, self.size, self.window = box, (height, width), whole_pixels(box, height, width)
        if not self.window.height or not self.window.width:
            raise InvalidInputError(
                f"A window of {box.height:.3g} x {box.width:.3g} pixels holds no whole pixel that could be enlarged. "
                "Use a smaller zoom factor or larger levels."
            )
        rows = _products(self.window.top - box.top, self.window.height, box.height, height)
        columns = _products(self.window.left - box.left, self.window.width, box.width, width)
        self._means, self._spread, self._smooth = zip(rows, columns, strict=True)

    def shown(self, wide: Tensor) -> Tensor:
        """What the wide level shows in the window."""
        rows, columns = self.window.slices
        return wide[..., rows, columns]

    def shrink(self, deep: Tensor) -> Tensor:
        """The deep level as the window shows it: the means over its pixels."""
        return _between(deep, *self._means)

    def spread(self, window: Tensor) -> Tensor:
        """The smallest change of the deep level that changes these means by `window`: pseudo-inverse of `shrink`."""
        return _between(window, *self._spread)

    def project(self, deep: Tensor, window: Tensor) -> Tensor:
        """A deep level near this one whose means are `window`: x + U (w - A x) with A U = 1 (arXiv 2212.00490, section
        3.1). U is smooth: the nearest level of all, by the pseudo-inverse, changes whole pixels of the window at once,
        and after a few levels they are blocks that anyone sees."""
        return deep + _between(window - self.shrink(deep), *self._smooth)

    def confine(self, deep: Tensor, window: Tensor) -> Tensor:
        """A deep level in [-1, 1] whose means are `window`, if there is one: mostly to 1e-6, where much is
        black or white to a few hundredths.

        Projections in turn onto the two convex sets, over-relaxed, from what `project` gives.
        """
        deep = self.project(deep, window).clamp(-1, 1)
        for _ in range(ROUNDS):
            missing = window - self.shrink(deep)
            if float(missing.abs().max()) < CLOSE:
                break
            deep = (deep + RELAXATION * self.spread(missing)).clamp(-1, 1)
        return deep

    def enlarge(self, wide: Tensor) -> Tensor:
        """The box of a wide level (C, H, W) at the deep level's size: bicubic, then with the means of its pixels."""
        H, W = self.size
        y = self.box.top + (torch.arange(H, dtype=torch.float64) + 0.5) * self.box.height / H
        x = self.box.left + (torch.arange(W, dtype=torch.float64) + 0.5) * self.box.width / W
        down, across = torch.meshgrid(y * 2 / H - 1, x * 2 / W - 1, indexing="ij")
        grid = torch.stack([across, down], -1)[None].to(wide.device, wide.dtype)
        smooth = F.grid_sample(wide[None], grid, mode="bicubic", padding_mode="border", align_corners=False)[0]
        return self.project(smooth, self.shown(wide))


def _shares(start: float, pixels: int, length: float, size: int) -> Tensor:
    """(pixels, size): shares of the deep level's pixels in each pixel of the window, which begins at `start` in a box
    of that length; what rounding has put outside the level is moved inside."""
    scale = size / length
    first = max(start * scale, 0.0)
    return shares(first, min(pixels * scale, size - first), pixels, size)


class _Near:
    """A matrix whose rows weigh places near to each other, as pieces of it without what weighs nothing."""

    def __init__(self, matrix: Tensor):
        self._pieces = list[tuple[slice, Tensor]]()
        for rows in torch.split(matrix, _PIECE):
            places = (rows.abs() > _NOTHING).any(0).nonzero().flatten()
            near = slice(int(places[0]), int(places[-1]) + 1)
            self._pieces.append((near, rows[:, near].T.contiguous()))

    def along(self, x: Tensor) -> Tensor:
        """The product with every row of x (..., n), in its place."""
        return torch.cat([x[..., near] @ piece for near, piece in self._pieces], -1)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cache outlives the caller's mode
def _products(start: float, pixels: int, length: float, size: int) -> tuple[_Near, _Near, _Near]:
    """Along one axis: the means over the window's pixels, their pseudo-inverse, and their smooth right inverse."""
    means = _shares(start, pixels, length, size)
    return _Near(means), _Near(torch.linalg.pinv(means)), _Near(_smooth(means))


def _between(x: Tensor, rows: _Near, columns: _Near) -> Tensor:
    exact = x.detach().cpu().double()  # in this order: not every device has float64
    return rows.along(columns.along(exact).mT).mT.to(x)


def _smooth(means: Tensor) -> Tensor:
    """A smooth right inverse (size, pixels) of `means` (pixels, size): between the middles of the window's pixels it is
    linear, and its values there are such that the means are right."""
    size, pixels = means.shape[1], means.shape[0]
    at = torch.arange(size, dtype=means.dtype)
    if pixels == 1:
        return torch.ones(size, 1, dtype=means.dtype)
    middles = means @ at
    place = ((at - middles[0]) * (pixels - 1) / (middles[-1] - middles[0])).clamp(0, pixels - 1)
    hats = (1 - (place[:, None] - torch.arange(pixels, dtype=means.dtype)).abs()).clamp_min(0)
    inverse: Tensor = torch.linalg.inv(means @ hats)
    return hats @ inverse
