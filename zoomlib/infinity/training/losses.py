"""The losses of training (arXiv 2104.03963, section 3.4, and StyleGAN2's regularisers), as functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-5
"""Of the diversity loss, so that features that are the same give a number."""


def real_loss(score: Tensor) -> Tensor:
    """softplus(-D(x)), the mean over scores (B,): of real pictures for D, of made ones for G (non-saturating)."""
    return F.softplus(-score).mean()


def fake_loss(score: Tensor) -> Tensor:
    """softplus(D(G)), the mean over scores (B,) of made pictures."""
    return F.softplus(score).mean()


def auxiliary_loss(found: Tensor, rows: Tensor) -> Tensor:
    """Mean |y_hat - y| of rows (B,) in [-1, 1] (Eq. 5, with the same linear labels for real and made pictures)."""
    return (found - rows).abs().mean()


def row_label(row: Tensor, rows: float) -> Tensor:
    """The label of the `row`-th of patches that may start at 0 ... rows: linear, -1 at the first, 1 at the last."""
    return row * (2 / rows) - 1 if rows else torch.zeros_like(row)


def diversity_loss(local: Tensor, features: Tensor) -> Tensor:
    """How little the structure changes with its local latents (Eq. 2, with L1): a number above 0, to be made small.

    Pairs lie beside each other in the batch, [A, A, C, C, ...], with the same global latent and coordinates: local
    (2N, C, m, m), features (2N, C, n, n). mean |z_1 - z_2| / (mean |f_1 - f_2| + 1e-5), the mean over pairs.
    """
    return (_apart(local) / (_apart(features) + EPSILON)).mean()


def _apart(pairs: Tensor) -> Tensor:
    """Mean absolute difference of the two of each pair, (N,)."""
    return (pairs[0::2] - pairs[1::2]).abs().flatten(1).mean(1)


def r1_penalty(score: Tensor, pictures: Tensor) -> Tensor:
    """Mean over pictures of |grad_x D(x)|^2, summed over pixels (R1, arXiv 1801.04406); differentiable.

    `score` (B,) was computed from `pictures` (B, 3, s, s), which require gradients.
    """
    (gradient,) = torch.autograd.grad(score.sum(), pictures, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def path_lengths(pictures: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
    """|J^T y| of each picture (B,), differentiable: root of the mean over the numbers of w+ of the squared gradient.

    (StyleGAN2, arXiv 1912.04958, Eq. 4.) pictures (B, 3, s, s) were made of styles w+ (B, N, S); noise, N(0, 1) of the
    pictures' shape, is y before it is divided by the root of the number of pixels.
    """
    pixels = pictures.shape[2] * pictures.shape[3]
    (gradient,) = torch.autograd.grad((pictures * noise).sum() / pixels**0.5, styles, create_graph=True)
    return gradient.square().mean((1, 2)).sqrt()


def path_penalty(lengths: Tensor, usual: Tensor | float) -> Tensor:
    """Mean squared distance of lengths (B,) from the usual one."""
    return (lengths - usual).square().mean()


@torch.no_grad()
def average_into(mean: Tensor, value: Tensor, decay: float) -> None:
    """mean <- decay mean + (1 - decay) value, in place."""
    mean.lerp_(value.to(mean.dtype), 1 - decay)
