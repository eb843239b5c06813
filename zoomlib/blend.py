"""Blending: one consistent estimate of every level from all the levels that see it (arXiv 2312.02149, section 4.2)."""

import math
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, check_factor
from zoomlib.pyramid import down, up
from zoomlib.sightings import Sighting, sightings

Mode = Literal["laplacian", "naive", "none"]


def blend(
    clean: Tensor,
    p: int,
    mode: Mode = "laplacian",
    focus: Focus = None,
    coarse_weight: float = 1.0,
    *,
    loop: bool = False,
) -> Tensor:
    """Consolidate the levels' own estimates, float (L, C, H, W) -> the same shape.

    Level i is observed by itself and, d levels further out, by the window of level i-d that shows it. The observation
    from d levels out weighs coarse_weight^d; the paper's rule is 1. Modes: `laplacian` averages band by band what each
    observation resolves, `naive` averages up-scaled pixels (the paper's ablation), `none` returns `clean` itself.
    Blending a consistent stack changes nothing in mode `laplacian`. Raises InvalidInputError for an unknown mode, a
    negative or non-finite weight, and as `geometry.windows`.
    """
    if mode not in get_args(Mode):
        raise InvalidInputError(f"blending must be one of {', '.join(get_args(Mode))}, but is {mode!r}.")
    if not 0 <= coarse_weight < math.inf:
        raise InvalidInputError(f"coarse_weight must be a number of at least 0, but is {coarse_weight!r}; 1 is usual.")
    p, (L, _, H, W) = check_factor(p), clean.shape
    seen = sightings(L, H, W, p, focus, loop)
    if mode == "none":
        return clean
    totals = _totals(seen, L, coarse_weight, clean.device)
    return (_laplacian if mode == "laplacian" else _naive)(clean, p, seen, totals, coarse_weight)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cache outlives the caller's mode
def _totals(seen: tuple[tuple[Sighting, ...], ...], levels: int, weight: float, device: torch.device) -> list[Tensor]:
    """Entry k: the summed weight of the observations of each level from at most k levels out, (L, 1, 1, 1)."""
    totals = [torch.ones(levels, 1, 1, 1, device=device)]
    for depth, runs in enumerate(seen, start=1):
        total = totals[-1].clone()
        for run in runs:
            total[run.levels] += weight**depth
        totals.append(total)
    return totals


def _add_sightings(onto: Tensor, clean: Tensor, runs: tuple[Sighting, ...], weight: float) -> Tensor:
    for run in runs:
        rows, columns = run.window.slices
        onto[run.levels].add_(clean[run.sources, :, rows, columns], alpha=weight**run.depth)
    return onto


def _laplacian(
    clean: Tensor, p: int, seen: tuple[tuple[Sighting, ...], ...], totals: list[Tensor], weight: float
) -> Tensor:
    """The mean of the observations' Laplacian pyramids, recomposed, with one pyramid for all of them.

    Splitting is linear, so the weighted sum over observations goes down as one image: sums[k] holds, at resolution
    H / p^k, all observations from at most k levels out. Band k is (sums[k] - up(down(sums[k]))) / totals[k], since the
    observation that joins at k+1 has no band k. Each pyramid is of a crop, never a crop of a pyramid.
    """
    sums, shrunk = [clean], []
    for runs in seen:
        shrunk.append(down(sums[-1], p))
        sums.append(_add_sightings(shrunk[-1].clone(), clean, runs, weight))
    out = sums[-1] / totals[-1]
    for total, here, below in zip(totals[-2::-1], sums[-2::-1], shrunk[::-1], strict=True):
        out = here / total + up(out - below / total, p)
    return out


def _naive(
    clean: Tensor, p: int, seen: tuple[tuple[Sighting, ...], ...], totals: list[Tensor], weight: float
) -> Tensor:
    """The mean of the observations, each up-scaled to full size, from the coarsest up."""
    L, C, H, W = clean.shape
    out = clean.new_zeros(L, C, H // p ** len(seen), W // p ** len(seen))
    for runs in reversed(seen):
        out = up(_add_sightings(out, clean, runs, weight), p)
    return (clean + out) / totals[-1]
