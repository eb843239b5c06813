"""Local statistics of pictures (B, C, H, W) in Gaussian windows: means, distances, steps along a border."""

import math

import torch
from torch import Tensor


def around(marked: Tensor, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the smallest window that holds all places where `marked` (B, 1, H, W) is not 0, and `margin`
    more on every side, as far as the picture goes. Where nothing is marked, it lies around the first place."""
    rows, columns = (marked.any(0)[0].any(axis).nonzero().flatten().tolist() or [0] for axis in (1, 0))
    H, W = marked.shape[-2:]
    return _grown(rows, margin, H), _grown(columns, margin, W)


def _grown(places: list[int], margin: int, size: int) -> slice:
    return slice(max(places[0] - margin, 0), min(places[-1] + 1 + margin, size))


def reach(sigma: float) -> int:
    """How far Gaussian windows reach, in pixels."""
    return math.ceil(3 * sigma)


def blur(x: Tensor, sigma: float, powers: tuple[int, int] = (0, 0)) -> Tensor:
    """Gaussian windows, zero beyond the picture. With `powers` (a, b): each value times y^a x^b, counted in sigmas from
    the window's middle."""
    return _along(_along(x, sigma, powers[1]).mT, sigma, powers[0]).mT


def _along(x: Tensor, sigma: float, power: int) -> Tensor:
    """`blur` along the last axis: a matrix product for each piece of it, with as much of x as its windows reach."""
    size = x.shape[-1]
    far = min(reach(sigma), size)
    piece = min(max(2 * far, 64), size)
    weights = _weights(piece, far, sigma, power, x)
    pieces = []
    for start in range(0, size, piece):
        first, end = max(start - far, 0), min(start + piece + far, size)
        columns = slice(first - start + far, end - start + far)
        pieces.append(x[..., first:end] @ weights[: size - start, columns].T)
    return torch.cat(pieces, -1)


def _weights(piece: int, far: int, sigma: float, power: int, like: Tensor) -> Tensor:
    """(piece, far + piece + far): how the windows around each place of a piece weigh what is there and beside it, times
    the distance^power."""
    places = torch.arange(-far, piece + far, dtype=like.dtype, device=like.device)
    whole = torch.arange(-reach(sigma), reach(sigma) + 1, dtype=like.dtype, device=like.device) / sigma
    at = (places - places[far : far + piece, None]) / sigma
    weights = torch.exp(-0.5 * at.square()) * (at.abs() <= whole[-1] + 1e-9)
    return weights * at**power / torch.exp(-0.5 * whole.square()).sum()


def spread(values: Tensor, weights: Tensor, sigma: float) -> Tensor:
    """Weighted means in Gaussian windows; 0 where a window holds no weight."""
    total = blur(weights, sigma)
    return torch.where(total > 1e-9, blur(values * weights, sigma) / total.clamp_min(1e-9), 0.0)


def distance(inside: Tensor, most: int) -> Tensor:
    """Chessboard distance of every pixel to the nearest one where `inside` (B, 1, H, W) is 1; at most `most`."""
    near = inside > 0
    out = (~near).to(torch.int16)
    for _ in range(most - 1):
        near = _wider(_wider(near).mT).mT
        out += ~near
    return out.to(inside)


def _wider(marked: Tensor) -> Tensor:
    """Marks grown by a place to the left and right."""
    out = marked.clone()
    out[..., 1:] |= marked[..., :-1]
    out[..., :-1] |= marked[..., 1:]
    return out


def steps(picture: Tensor, side: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """How much higher (B, C, H, W) is where `side` (B, 1, H, W) is 1 than where it is 0, around every pixel, and the
    squared standard error of that, mean over channels, (B, 1, H, W).

    Least squares in Gaussian windows of a plane and a step between the sides; so planes have no step. Where a window
    sees one side only, both are 0.
    """
    down, across = ([_along(side.new_ones(1, n), sigma, k)[0] for k in range(3)] for n in side.shape[-2:])
    bases = [down[y][:, None] * across[x] for y, x in ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))]
    rows = [torch.stack([bases[k] for k in row], -1) for row in ((0, 1, 2), (1, 3, 4), (2, 4, 5))]
    planes = torch.stack(rows, -1)
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
