"""How evenly a video zooms: from the camera's plan, and measured again from its frames."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.images import from_uint8

ITERATIONS = 12
CONVERGED = 1e-6
STANDS = 1e-6  # of the longest step between frames: a shorter one is none
MARGIN = 0.1  # of a side is left out at the border, where the warped frame has no pixels


@dataclass(frozen=True)
class Motion:
    """A similarity from one frame to the next: `log_zoom` (natural, > 0 zooms in) and a shift of the centre."""

    log_zoom: float
    x_px: float
    y_px: float


def log_speed_sd(log_zooms: Sequence[float] | NDArray[np.float64]) -> float:
    """Standard deviation of the log-zoom steps between frames over their mean; 0 is a constant speed."""
    steps = np.asarray(log_zooms, dtype=np.float64)
    if len(steps) < 2 or not steps.mean():
        raise InvalidInputError("The evenness of a zoom needs at least three frames that move.")
    return float(steps.std() / abs(steps.mean()))


def log_zooms(positions: NDArray[np.float64], p: float | Sequence[float]) -> NDArray[np.float64]:
    """Log-zoom step between frames, from their level positions (T,): (T - 1,), natural logarithm.

    `p`: the zoom factor of every step, or one for each.
    """
    if not isinstance(p, Sequence):
        return np.diff(positions) * math.log(p)
    depths = np.concatenate([[0.0], np.cumsum(np.log(p))])
    return np.diff(np.interp(positions, np.arange(len(depths)), depths))


def measure(before: NDArray[np.uint8], after: NDArray[np.uint8], log_zoom: float) -> Motion:
    """The similarity that best maps frame `before` onto `after`, both (H, W, 3), by least squares on the luma.

    Gauss-Newton (Lucas and Kanade 1981) from a zoom of `log_zoom` around the centre; exact to some thousandths of a
    pixel for frames with detail. New detail that a zoom reveals only adds noise.
    """
    a, b = (_luma(from_uint8(np.array(frame))) for frame in (before, after))
    found = torch.tensor([log_zoom, 0.0, 0.0], dtype=torch.float64)
    for _ in range(ITERATIONS):
        step = _correction(_warp(a, found), b)
        found = found + step
        if (step.abs() < CONVERGED).all():
            break
    return Motion(found[0].item(), found[1].item(), found[2].item())


def score_motion(camera: Camera, p: float | Sequence[float]) -> list[Score]:
    """`log_speed_sd` of a camera's plan over a stack with factor p, or one p for each step.

    What is judged is the log zoom for each part of the way that the camera was asked to go: an even camera's speed
    itself, and whether an eased one's deviates from its curve. Frames that stand, as in holds and where the camera
    turns, are left out; there is nothing for a still film.
    """
    positions, asked = camera.positions(), np.diff(camera.ways())
    if camera.loop:
        positions = np.unwrap(positions, period=camera.levels)
        p = p[0] if isinstance(p, Sequence) else p
    moving = np.abs(asked) > STANDS * np.abs(asked).max(initial=0)
    steps = log_zooms(positions, p)[moving] / asked[moving]
    return [Score("log_speed_sd", log_speed_sd(steps), "video")] if len(steps) > 1 and np.any(steps) else []


def measured_log_zooms(frames: Iterable[NDArray[np.uint8]], log_zoom: float) -> NDArray[np.float64]:
    """Log-zoom steps (T - 1,) measured between the frames of a video, each search starting from the one before."""
    steps: list[float] = []
    for before, after in pairwise(frames):
        steps.append(measure(before, after, steps[-1] if steps else log_zoom).log_zoom)
    return np.array(steps)


def _luma(image: Tensor) -> Tensor:
    return (image.double() * image.new_tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1).double()).sum(0)


def _grid(H: int, W: int) -> tuple[Tensor, Tensor]:
    """Pixel coordinates from the centre."""
    y, x = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in (H, W))
    return x.expand(H, W), y[:, None].expand(H, W)


def _warp(image: Tensor, motion: Tensor) -> Tensor:
    """`image` (H, W) after the motion: what stood at (u - shift) / zoom from the centre stands at u."""
    zoom = motion[0].exp().item()
    across, down = (_resampling(n, zoom, shift.item()) for n, shift in zip(image.shape[::-1], motion[1:], strict=True))
    return down @ image @ across.T


def _resampling(n: int, zoom: float, shift: float) -> Tensor:
    """(n, n) weights by the cubic of Catmull and Rom: it keeps linear functions; a kernel that does not would shift."""
    x = torch.arange(n, dtype=torch.float64)
    source = ((x - (n - 1) / 2 - shift) / zoom + (n - 1) / 2).clamp(0, n - 1)
    d = (source[:, None] - x).abs()
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = torch.where(d < 1, near, torch.where(d < 2, far, 0.0))
    return weights / weights.sum(1, keepdim=True)


def _correction(warped: Tensor, target: Tensor) -> Tensor:
    """The step of Gauss-Newton for (log zoom, x, y), from the gradient of the warped frame."""
    H, W = target.shape
    x, y = _grid(H, W)
    inner = (slice(round(H * MARGIN), H - round(H * MARGIN)), slice(round(W * MARGIN), W - round(W * MARGIN)))
    down, across = torch.gradient(warped)
    columns = torch.stack([-(across * x + down * y), -across, -down], -1)[inner].reshape(-1, 3)
    residual = (target - warped)[inner].reshape(-1)
    inverse: Tensor = torch.linalg.pinv(columns.T @ columns, hermitian=True)
    return inverse @ (columns.T @ residual)
