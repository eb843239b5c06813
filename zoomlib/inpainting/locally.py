"""Local statistics of pictures (B, C, H, W) in Gaussian windows: means, distances, steps along a border."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def blur(x: Tensor, sigma: float, powers: tuple[int, int] = (0, 0)) -> Tensor:
    """Gaussian windows, zero beyond the picture. With `powers` (a, b): each value times y^a x^b, counted in sigmas from
    the window's middle."""
    rows, columns = (_window(n, sigma, power, x) for n, power in zip(x.shape[-2:], powers, strict=True))
    return rows @ x @ columns.T


def _window(side: int, sigma: float, power: int, like: Tensor) -> Tensor:
    """(side, side): the weights of every pixel in the window around every other, times their distance^power."""
    index = torch.arange(side, dtype=like.dtype, device=like.device)
    at = (index - index[:, None]) / sigma
    reach = torch.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1, dtype=like.dtype, device=like.device) / sigma
    weights = torch.exp(-0.5 * at.square()) * (at.abs() <= reach[-1] + 1e-9)
    return weights * at**power / torch.exp(-0.5 * reach.square()).sum()


def spread(values: Tensor, weights: Tensor, sigma: float) -> Tensor:
    """Weighted means in Gaussian windows; 0 where a window holds no weight."""
    total = blur(weights, sigma)
    return torch.where(total > 1e-9, blur(values * weights, sigma) / total.clamp_min(1e-9), 0.0)


def distance(inside: Tensor, most: int) -> Tensor:
    """Chessboard distance of every pixel to the nearest one where `inside` (B, 1, H, W) is 1; at most `most`."""
    out = 1 - inside
    for _ in range(most - 1):
        inside = F.max_pool2d(inside, 3, stride=1, padding=1)
        out = out + (1 - inside)
    return out


def steps(picture: Tensor, side: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """How much higher (B, C, H, W) is where `side` (B, 1, H, W) is 1 than where it is 0, around every pixel, and the
    squared standard error of that, mean over channels, (B, 1, H, W).

    Least squares in Gaussian windows of a plane and a step between the sides; so planes have no step. Where a window
    sees one side only, both are 0.
    """
    bases = [blur(torch.ones_like(side), sigma, powers) for powers in ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))]
    rows = [torch.stack([bases[k] for k in row], -1) for row in ((0, 1, 2), (1, 3, 4), (2, 4, 5))]
    planes = torch.stack(rows, -1)[:, 0]
    # Of the picture's channels and of the side: what planes have in common with them, and what they leave.
    both = torch.cat([picture, side], 1)
    shares = torch.stack([blur(both, sigma, powers) for powers in ((0, 0), (0, 1), (1, 0))], -1).movedim(1, -1)
    fits = torch.linalg.solve(planes, shares)
    left = (blur(both.square(), sigma).movedim(1, -1) - (fits * shares).sum(-2)).movedim(-1, 1)
    contrast = left[:, -1:]
    common = blur(picture * side, sigma) - (fits[..., :-1] * shares[..., -1:]).sum(-2).movedim(-1, 1)
    seen = contrast > 1e-3
    step = torch.where(seen, common / contrast.clamp_min(1e-3), 0.0)
    rest = (left[:, :-1] - step * common).clamp_min(0).mean(1, keepdim=True)
    return step, torch.where(seen, rest / (contrast.clamp_min(1e-3) * 4 * math.pi * sigma**2), 0.0)
