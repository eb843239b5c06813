"""The Fréchet distance of two sets of features, as Gaussians: FID where the features are Inception's.

    d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))          (Heusel et al. 2017, arXiv 1706.08500)

With any root R of a covariance, C = R' R, the last trace is the sum of the singular values of R1 R2'. That form is
real, not negative, and as exact for covariances without full rank, where matrix square roots give complex numbers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and a root (R, D) of the covariance, `root.T @ root`; float64."""

    mean: Tensor
    root: Tensor


def fit(features: Tensor) -> Gaussian:
    """Mean and unbiased covariance of features (N, D), N at least 2. R is the smaller of N and D.

    Raises InvalidInputError for fewer than two rows, and for values that are not numbers.
    """
    if features.ndim != 2 or len(features) < 2:
        raise InvalidInputError(
            f"A distance of sets needs features (N, D) of two pictures or more, got {tuple(features.shape)}."
        )
    values = features.double()
    if not bool(values.isfinite().all()):
        raise InvalidInputError("The features hold values that are not numbers; look at the extractor's weights.")
    mean = values.mean(0)
    root = (values - mean) / (len(values) - 1) ** 0.5
    return Gaussian(mean, torch.linalg.qr(root, mode="r").R if len(root) > root.shape[1] else root)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """d^2 above; 0 for equal Gaussians, never negative. Raises InvalidInputError unless both have the same D."""
    if one.mean.shape != other.mean.shape:
        raise InvalidInputError(f"Features of {len(one.mean)} and of {len(other.mean)} numbers cannot be compared.")
    shared = torch.linalg.svdvals(one.root @ other.root.T).sum()
    gap = (one.mean - other.mean).square().sum()
    return max(float(gap + one.root.square().sum() + other.root.square().sum() - 2 * shared), 0.0)


@dataclass(frozen=True)
class Weighted:
    """Distances of a set (N, D) to a reference when its pictures count differently; all else is computed once."""

    offsets: Tensor  # (N, D) features less the reference's mean
    shared: Tensor  # (N, R) the same, times the reference's root
    spread: Tensor  # tr(C2)

    @classmethod
    def of(cls, features: Tensor, reference: Gaussian) -> "Weighted":
        """Ready for `distance`."""
        offsets = features.double() - reference.mean
        return cls(offsets, offsets @ reference.root.T, reference.root.square().sum())

    def distance(self, weights: Tensor) -> float:
        """d^2 of the set in which picture i is there `weights[i]` times, (N,); their sum is at least 2.

        From the eigenvalues of the smaller Gram matrix: to about 1e-6 of the largest, enough for intervals.
        """
        rows = weights.nonzero()[:, 0]
        w, total = weights[rows].double(), float(weights.sum())
        offsets, shared = self.offsets[rows], self.shared[rows]
        mean = w @ offsets / total
        root = (shared - w @ shared / total) * (w / (total - 1)).sqrt()[:, None]
        gram = root @ root.T if len(root) < root.shape[1] else root.T @ root
        spread = (w @ offsets.square().sum(1) - total * mean.square().sum()) / (total - 1)
        trace = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt().sum()
        return max(float(mean.square().sum() + spread + self.spread - 2 * trace), 0.0)
