"""The photograph start: levels that, seen from level 0, look like a given picture (arXiv 2312.02149, section 4.4)."""

from typing import Literal, get_args

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, corner, windows

Mode = Literal["projection", "adam"]

ADAM_STEPS = 5
ADAM_RATE = 0.1


class Photograph:
    """A picture xi of level 0, (C, H, W) in [-1, 1], and what every level must show of it.

    Level i lies within some pixels of xi. The mean over the part of such a pixel that the level shows should have the
    pixel's colour; where the level's window lies on whole pixels of xi this is D^i(x_i) = window_i(xi). The edges of
    the pixels of xi lie on whole pixels of every level, so this holds for any depth and focus.
    Raises InvalidInputError as `geometry.windows`.
    """

    def __init__(self, xi: Tensor, levels: int, p: int, focus: Focus = None):
        if xi.ndim != 3 or not bool(xi.isfinite().all()):
            raise InvalidInputError(f"A photograph is a finite (C, H, W) tensor in [-1, 1], not {tuple(xi.shape)}.")
        _, H, W = xi.shape
        inside = windows(levels, H, W, p, focus)
        corners = [corner(inside, 0, depth, p) if depth else (0, 0) for depth in range(levels)]
        self._rows = [_Pixels(top, depth, H, p, xi) for depth, (top, _) in enumerate(corners)]
        self._columns = [_Pixels(left, depth, W, p, xi) for depth, (_, left) in enumerate(corners)]
        self._targets = [xi[:, r.span, c.span] for r, c in zip(self._rows, self._columns, strict=True)]

    def apply(self, clean: Tensor, mode: Mode = "projection") -> Tensor:
        """Move the estimates (L, C, H, W) towards the picture, as `project` or `descend` do."""
        if mode not in get_args(Mode):
            raise InvalidInputError(f"photo_mode must be one of {', '.join(get_args(Mode))}, but is {mode!r}.")
        return self.project(clean) if mode == "projection" else self.descend(clean)

    def project(self, clean: Tensor) -> Tensor:
        """The nearest estimates that show the picture exactly: each residual added back, repeated over its block."""
        parts = zip(self._residuals(clean), self._rows, self._columns, strict=True)
        return clean + torch.stack([(r.spread @ residual) @ c.spread.T for residual, r, c in parts])

    def descend(self, clean: Tensor) -> Tensor:
        """The paper's way: 5 steps of Adam at rate 0.1 on the summed squared residuals, from fresh moments."""
        with torch.enable_grad():
            x = clean.detach().clone().requires_grad_()
            optimizer = torch.optim.Adam([x], lr=ADAM_RATE)
            for _ in range(ADAM_STEPS):
                optimizer.zero_grad()
                loss = torch.stack([residual.square().sum() for residual in self._residuals(x)]).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        return x.detach()

    def _residuals(self, clean: Tensor) -> list[Tensor]:
        parts = zip(clean, self._targets, self._rows, self._columns, strict=True)
        return [target - r.mean @ x @ c.mean.T for x, target, r, c in parts]


class _Pixels:
    """Along one axis: the pixels of xi that a level overlaps, and the matrices that average into and repeat them."""

    def __init__(self, first: int, depth: int, side: int, p: int, like: Tensor):
        # `first` counts in 1 / p^(depth-1) pixel of xi, one pixel of the level is 1 / p^depth.
        index = [(first * p + k) // p**depth for k in range(side)]
        self.span = slice(index[0], index[-1] + 1)
        belongs = torch.tensor(index, device=like.device) - index[0]
        self.spread = torch.nn.functional.one_hot(belongs, index[-1] - index[0] + 1).to(like)
        self.mean = (self.spread / self.spread.sum(0)).T
