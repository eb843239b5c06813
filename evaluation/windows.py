"""How well the levels of a stack agree. The geometry is known: no optical flow.

Images are float (..., C, H, W) in [-1, 1], C = 1 or 3. A pair is level i and level i + 1: the window of the one against
the other, both area-averaged to the window's size. Enlarging the window instead would score the enlargement.
Everything is computed in float64 on the CPU, wherever the images are.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from evaluation import border
from evaluation.colour import delta_e
from evaluation.filters import gaussian
from evaluation.table import Score
from zoomlib.area import mean
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Focus, Zoom, boxes, check_factors
from zoomlib.stack import ZoomStack

PSNR_CAP_DB = 100.0  # equal windows have no finite PSNR; 100 dB lies beyond what 8 or 16 bits can hold
SSIM_SIDE_PX = 11
_NO_PAIR = "A stack of one level has no windows to compare; score its text only."


def pairs(levels: Tensor, p: float, focus: Focus = None) -> tuple[Tensor, Tensor]:
    """Windows and finer levels, both (L - 1, C, h, w): entry i compares level i with level i + 1.

    h, w are the window's size in whole pixels, rounded down. Means over areas are exact, also where a window lies
    between pixels; it then blurs by less than a pixel. Any p > 1; float64 inside, so that equal means are equal.
    """
    L, _, H, W = levels.shape
    h, w = max(math.floor(H / p + 1e-6), 1), max(math.floor(W / p + 1e-6), 1)
    inside = boxes(L, H, W, p, focus)
    if not inside:
        raise InvalidInputError(_NO_PAIR)
    wide = [mean(level, box, h, w) for level, box in zip(levels[:-1], inside, strict=True)]
    fine = [mean(level, Box(0, 0, H, W), h, w) for level in levels[1:]]
    return torch.stack(wide), torch.stack(fine)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, one per image (...,), of images (..., C, H, W): 10 log10(2^2 / MSE).

    2 is the width of the range [-1, 1]. At most PSNR_CAP_DB, which equal images get.
    """
    error = (_exact(a) - _exact(b)).square().mean((-3, -2, -1))
    return (10 * torch.log10(4 / error)).clamp(max=PSNR_CAP_DB)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity, one per image (N,), of images (N, C, H, W), mean over channels.

    Wang et al. 2004, equation 13 with its constants: Gaussian window of 11 pixels and sigma 1.5, K = (0.01, 0.03), over
    positions where the window fits. Raises InvalidInputError for images smaller than that.
    """
    if min(a.shape[-2:]) < SSIM_SIDE_PX:
        raise InvalidInputError(f"SSIM needs images of at least {SSIM_SIDE_PX} pixels a side, got {tuple(a.shape)}.")
    return torch.tensor([_ssim(*pair) for pair in zip(a, b, strict=True)], dtype=torch.float64)


def _ssim(a: Tensor, b: Tensor) -> float:
    # Not indifferent to the origin: black must be 0.
    x, y = (np.ascontiguousarray(((_exact(image) + 1) / 2).movedim(0, -1).numpy()) for image in (a, b))
    edge = SSIM_SIDE_PX // 2
    mean_x, mean_y, xx_yy, xy = (
        gaussian(picture, SSIM_SIDE_PX, 1.5)[edge:-edge, edge:-edge] for picture in (x, y, x * x + y * y, x * y)
    )
    both, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    c1, c2 = 0.01**2, 0.03**2
    alike = ((2 * both + c1) * (2 * (xy - both) + c2)) / ((squares + c1) * (xx_yy - squares + c2))
    return float(alike.mean())


def spectrum_slope(images: Tensor) -> Tensor:
    """Slope of log power over log frequency, one per image (...,): about -2 for natural images, steeper when blurred.

    Radial means of the power spectrum of the luma under a Hann window, least squares from 2 cycles per image to half
    of the Nyquist frequency. NaN for an image without any detail.
    """
    H, W = images.shape[-2:]
    count = min(H, W) // 4 - 1
    if count < 2:
        raise InvalidInputError(f"A spectrum's slope needs an image of at least 12 pixels a side, got {H} x {W}.")
    weights = _luma(images.shape[-3])
    luma = sum((_exact(plane) * float(w) for plane, w in zip(images.unbind(-3), weights, strict=True)), torch.zeros(()))
    hann = [torch.hann_window(n, periodic=False, dtype=torch.float64) for n in (H, W)]
    half = torch.fft.rfft2((luma - luma.mean((-2, -1), keepdim=True)) * hann[0][:, None] * hann[1])
    ring, weight, sizes = _rings(H, W, count)
    half = half[..., : len(weight)]
    power = (half.real.square() + half.imag.square()) * weight
    sums = power.new_zeros(*power.shape[:-2], count + 3).index_add_(-1, ring, power.flatten(-2))
    rings = (sums / sizes)[..., 2 : count + 2]
    y = rings.log()
    x = torch.arange(2, count + 2, dtype=torch.float64).log()
    x = x - x.mean()
    slope = (y * x).sum(-1) / x.square().sum()
    return torch.where(slope.isfinite(), slope, torch.nan)


def each_pair(levels: Tensor, p: Zoom, focus: Focus = None, *, loop: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
    """As `pairs`, a pair (1, C, h, w) at a time: windows differ in size where p does from step to step. A closed loop
    has one more, of the last level with level 0."""
    if len(levels) == 1:
        raise InvalidInputError(_NO_PAIR)
    factors = check_factors(len(levels), p)
    for i, factor in enumerate(factors):
        yield pairs(levels[i : i + 2], factor, focus and focus[i : i + 2])
    if loop:
        yield pairs(torch.stack([levels[-1], levels[0]]), factors[0], focus and (focus[-1], None))


def estimate_psnr(estimates: Tensor, p: Zoom, focus: Focus = None, *, loop: bool = False) -> Tensor:
    """`psnr` of the pairs (L - 1,), of a loop (L,), of a model's own clean estimates (L, C, H, W), taken before they
    were blended."""
    return torch.cat([psnr(*pair) for pair in each_pair(estimates.clamp(-1, 1), p, focus, loop=loop)])


def score_windows(stack: ZoomStack, estimates: Tensor | None = None) -> list[Score]:
    """Every score of a stack that needs no model: one list, ready for `table.rows`.

    Per pair: window_psnr, window_ssim (where windows are large enough), delta_e, delta_e_sum (from level 0), and
    estimate_psnr if the model's last `estimates` (L, C, H, W) are given; a closed loop has one pair more, of its last
    level with level 0. Per level: spectrum_slope and, for levels with a window, its seams and colour steps in the
    levels as they are stored, with the colour drift from the deepest level out. A stack of one level has a slope only.
    """
    scores = _scores("spectrum_slope", spectrum_slope(stack.levels), "level") if _sloped(stack.levels) else []
    for level, box in enumerate(stack.ring):
        with suppress(InvalidInputError):  # a window that is too small to have a border
            found = border.seam(stack.levels[level], box)
            scores += [Score(name, value, "level", level) for name, value in found.items()]
    for name, values in border.colour_scores(stack).items():
        scores += [Score(name, value, "level", level) for level, value in values.items()]
    if len(stack.levels) == 1:
        return scores
    compared = list(each_pair(stack.levels, stack.p, stack.focus, loop=stack.loop))
    colours = torch.cat([delta_e(*pair) for pair in compared])
    scores += _scores("window_psnr", torch.cat([psnr(*pair) for pair in compared]), "pair")
    for level, (wide, fine) in enumerate(compared):
        if min(wide.shape[-2:]) >= SSIM_SIDE_PX:
            scores.append(Score("window_ssim", float(ssim(wide, fine)), "pair", level))
    scores += _scores("delta_e", colours, "pair") + _scores("delta_e_sum", colours.cumsum(0), "pair")
    if estimates is not None:
        scores += _scores("estimate_psnr", estimate_psnr(estimates, stack.p, stack.focus, loop=stack.loop), "pair")
    return scores


def _scores(name: str, values: Tensor, scope: str) -> list[Score]:
    return [Score(name, value, scope, level) for level, value in enumerate(values.tolist())]


def _sloped(levels: Tensor) -> bool:
    return min(levels.shape[-2:]) >= 12


def _exact(images: Tensor) -> Tensor:
    return images.detach().cpu().double()  # in this order: not every device has float64


@lru_cache(maxsize=8)
def _rings(H: int, W: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """For the part of a real image's spectrum that has rings up to count + 1: the ring of each frequency, flat, by its
    distance rounded, those beyond together; how often each column stands in the whole spectrum; each ring's size."""
    columns = min(math.ceil((count + 2) * W / min(H, W)) + 1, W // 2 + 1)
    radius = torch.hypot(torch.fft.fftfreq(H)[:, None], torch.fft.rfftfreq(W)[None, :columns]).double() * min(H, W)
    ring = (radius + 0.5).floor().clamp(max=count + 2).long().flatten()
    weight = torch.full((W // 2 + 1,), 2.0, dtype=torch.float64)
    weight[0] = 1
    if not W % 2:
        weight[-1] = 1
    weight = weight[:columns]
    return ring, weight, torch.zeros(count + 3, dtype=torch.float64).index_add_(0, ring, weight.repeat(H))


def _luma(channels: int) -> Tensor:
    weights = [0.2126, 0.7152, 0.0722] if channels == 3 else [1 / channels] * channels
    return torch.tensor(weights, dtype=torch.float64)
