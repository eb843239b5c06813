"""Down-scaling, up-scaling, Laplacian pyramids, and nesting of levels: the linear operators on tensors.

Every function takes (..., H, W) tensors of any floating type and device and is differentiable.
"""

import math
from collections.abc import Sequence
from functools import lru_cache, reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Window, pyramid_depth


def down(x: Tensor, p: int) -> Tensor:
    """D: the mean of each p x p block, (..., H, W) -> (..., H/p, W/p).

    Area averages compose exactly, D^a D^b = D^(a+b), and p D keeps white noise white with unit variance, which the
    truncated Gaussian of arXiv 2312.02149 does not.
    """
    rows = reduce(torch.add, [x[..., k::p, :] for k in range(p)])
    return reduce(torch.add, [rows[..., k::p] for k in range(p)]) / (p * p)


def up(x: Tensor, p: int) -> Tensor:
    """Bilinear up-sampling with pixel areas aligned, (L, C, H, W) -> (L, C, pH, pW)."""
    return F.interpolate(x, scale_factor=float(p), mode="bilinear", align_corners=False)


def split(x: Tensor, p: int, depth: int | None = None) -> list[Tensor]:
    """Laplacian pyramid of (L, C, H, W): `depth` bands from fine to coarse, then the residual.

    By default as deep as the image allows. Source: Burt and Adelson 1983, with `down` and `up`.
    """
    limit = pyramid_depth(x.shape[-2], x.shape[-1], p)
    depth = limit if depth is None else depth
    if not 0 <= depth <= limit:
        raise InvalidInputError(
            f"A {x.shape[-2]} x {x.shape[-1]} image can be divided by {p} between 0 and {limit} times, not {depth}. "
            "Ask for less depth or give a larger image."
        )
    bands = []
    for _ in range(depth):
        coarse = down(x, p)
        bands.append(x - up(coarse, p))
        x = coarse
    return [*bands, x]


def merge(bands: Sequence[Tensor], p: int) -> Tensor:
    """The image of a Laplacian pyramid; inverse of `split`."""
    return reduce(lambda coarse, band: band + up(coarse, p), reversed(bands))


def nest(
    levels: Tensor, p: int, inside: Sequence[Window], *, gain: float = 1.0, feather: float = 0.0, loop: bool = False
) -> Tensor:
    """Replace the window of each level by gain * D(next level), from the deepest level up. (L, C, H, W) -> the same.

    Since the next level is complete before it is pasted, this recursion is exact at every depth, also where deeper
    windows fall between pixels (arXiv 2312.02149, Algorithm 1). `inside` holds L-1 windows; in a loop L, the last one
    showing level 0. `feather` is the share of the window's side over which the paste fades in.
    """
    out = levels.clone()
    L = len(out)
    # A loop goes round until what has not yet been replaced is too small to matter.
    turns = [*range(L), *([k % L for k in range(_loop_turns(p))] if loop else [])]
    for i in reversed(turns if loop else turns[:-1]):
        rows, columns = inside[i].slices
        paste = down(out[(i + 1) % L], p)
        if gain != 1:
            paste = paste * gain
        if feather:
            vertical, horizontal = fade(inside[i], levels.shape[-2], levels.shape[-1], feather, paste.device)
            paste = torch.lerp(levels[i, :, rows, columns], paste, vertical * horizontal)
        out[i, :, rows, columns] = paste
    return out


def _loop_turns(p: int) -> int:
    """Levels after which a window is below 2^-24 of its start."""
    return math.ceil(24 / math.log2(p))


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # the cache outlives the caller's mode
def fade(window: Window, height: int, width: int, feather: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weight of the paste, as factors (h, 1) and (w,): 0 at the window's border, 1 inside, smooth. A side on the
    image's own edge does not fade."""
    vertical = _ramp(window.height, window.top > 0, window.top + window.height < height, feather)
    horizontal = _ramp(window.width, window.left > 0, window.left + window.width < width, feather)
    return vertical[:, None].to(device), horizontal.to(device)


def _ramp(size: int, fades_in: bool, fades_out: bool, feather: float) -> Tensor:
    position = (torch.arange(size, dtype=torch.float32) + 0.5) / (feather * size)
    t = torch.ones(size)
    if fades_in:
        t = torch.minimum(t, position)
    if fades_out:
        t = torch.minimum(t, position.flip(0))
    return t * t * (3 - 2 * t)
