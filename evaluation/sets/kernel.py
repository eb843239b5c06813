"""The kernel distance of two sets of features: KID where the features are Inception's.

The unbiased squared maximum mean discrepancy under the kernel (x.y / D + 1)^3 (Binkowski et al. 2018, arXiv
1801.01401). Unlike the Fréchet distance its expectation does not depend on the number of pictures; of two samples of
the same kind it scatters around 0, below it too.
"""

from dataclasses import dataclass

import torch
from numpy.random import Generator
from torch import Tensor

from zoomlib.errors import InvalidInputError

SUBSETS, SUBSET_SIZE = 100, 1000
"""As published: the mean over so many subsets of at most so many pictures."""
_ROWS = 1024
"""Rows of a kernel matrix in memory at a time."""


def kernel(one: Tensor, other: Tensor) -> Tensor:
    """(x.y / D + 1)^3 of all pairs: (N, D), (M, D) -> (N, M)."""
    return (one @ other.T / one.shape[1] + 1) ** 3


def kernel_distance(
    features: Tensor, reference: Tensor, random: Generator, *, subsets: int = SUBSETS, size: int = SUBSET_SIZE
) -> tuple[float, float]:
    """Mean and standard deviation over `subsets` random subsets of m = min(N, M, size) pictures of either side.

    Where m takes in everything there is one subset, and the deviation is NaN. Raises InvalidInputError for fewer than
    two pictures on a side.
    """
    m = min(len(features), len(reference), size)
    if m < 2:
        raise InvalidInputError("A distance of sets needs two pictures or more on either side.")
    whole = m == len(features) == len(reference)
    found = []
    for _ in range(1 if whole else subsets):
        # The reference is drawn first, as clean-fid does, so that equal seeds mean equal subsets.
        y = reference[torch.from_numpy(random.choice(len(reference), m, replace=False))].double()
        x = features[torch.from_numpy(random.choice(len(features), m, replace=False))].double()
        within = sum(float(k.sum() - k.diagonal().sum()) for k in (kernel(x, x), kernel(y, y)))
        found.append(within / (m * (m - 1)) - 2 * float(kernel(x, y).mean()))
    values = torch.tensor(found, dtype=torch.float64)
    return float(values.mean()), float("nan") if whole else float(values.std())


@dataclass(frozen=True)
class Weighted:
    """The distance, less what only the reference has in it, when each of S groups of pictures counts differently."""

    pairs: Tensor  # (S, S) kernel summed over the pairs of pictures of two groups
    own: Tensor  # (S,) kernel of each picture with itself, summed over a group
    across: Tensor  # (S,) kernel with all of the reference, mean over it, summed over a group
    sizes: Tensor  # (S,) pictures of each group

    @classmethod
    def of(cls, features: Tensor, reference: Tensor, groups: Tensor) -> "Weighted":
        """Sums over features (N, D) by `groups` (N,), numbers from 0; in blocks, no (N, N) matrix is kept."""
        count = int(groups.max()) + 1
        pairs = torch.zeros(count, count, dtype=torch.float64)
        own, across, sizes = (torch.zeros(count, dtype=torch.float64) for _ in range(3))
        x, y = features.double(), reference.double()
        for rows in torch.split(torch.arange(len(x)), _ROWS):
            group = groups[rows]
            by_column = torch.zeros(len(rows), count, dtype=torch.float64)
            by_column.index_add_(1, groups, kernel(x[rows], x))
            pairs.index_add_(0, group, by_column)
            own.index_add_(0, group, (x[rows].square().mean(1) + 1) ** 3)
            for part in torch.split(y, 4 * _ROWS):
                across.index_add_(0, group, kernel(x[rows], part).sum(1) / len(y))
            sizes.index_add_(0, group, torch.ones(len(rows), dtype=torch.float64))
        return cls(pairs, own, across, sizes)

    def distance(self, counts: Tensor) -> float:
        """With group g there `counts[g]` times. A picture makes no pair with its own copies: they would not be new."""
        w = counts.double()
        total = w @ self.sizes
        within = w @ self.pairs @ w - w.square() @ self.own
        return float(within / (total.square() - w.square() @ self.sizes) - 2 * (w @ self.across) / total)
