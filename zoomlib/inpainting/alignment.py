"""Stage 1 of AlignNoise: initial noise moved until the places to be made look at what is kept.

After a description of AlignNoise (ACM Multimedia 2025); its neighbour is InitNO (arXiv 2404.04650).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.denoiser import AttentionMaps, attentive
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting.filling import Filling
from zoomlib.walk import Record

SMOOTHING = 0.5
ADAM_EPS = 1e-3


@dataclass(frozen=True)
class Alignment:
    """Settings of stage 1.

    iterations: Adam's steps at most, at `learning_rate`. stop_below: the objective that is good enough; the authors'
    program stops below 0.55, where the bundled model stands before the first step. tau, penalty: places to be made that
    attract less than tau cost penalty times what is missing. kl: weight of the divergence of the moved noise from
    standard normal. project: set mean and variance of a picture's noise to 0 and 1 before every look, so that they hold
    whatever the weight. grid: shorter side of the attention grid; None is the one nearest 16.
    """

    iterations: int = 10
    learning_rate: float = 1e-2
    stop_below: float = 0.0
    tau: float = 0.15
    penalty: float = 1.0
    kl: float = 0.0
    project: bool = True
    grid: int | None = None

    def __post_init__(self) -> None:
        for name in ("iterations", "grid"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InvalidInputError(f"{name} must be a whole number of at least 1, but is {value!r}.")
        for name in ("learning_rate", "stop_below", "tau", "penalty", "kl"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InvalidInputError(f"{name} must be a finite number of at least 0, but is {value!r}.")


@dataclass(frozen=True, eq=False)
class Score:
    """What stage 1 makes small, and the attention that it is made of: (B,) each."""

    objective: Tensor
    a_out: Tensor
    a_src: Tensor


def score(attention: AttentionMaps, made: Tensor, settings: Alignment) -> Score:
    """How much the places to be made look at each other instead of at what is kept.

    `made` (B, h, w) on the maps' grid is the share of each place that is to be made; with shares between 0 and 1, sums
    over places become weighted ones. Every query's map over keys is smoothed (3 x 3 Gaussian, edges repeated) and
    stretched to 0..1; their sum over the places to be made is stretched to 0..1 again. A_out is its mean over these
    places, A_src over the others; the objective is A_out / A_src + penalty max(0, tau - A_out).
    """
    B, N = attention.maps.shape[:2]
    weight = made.flatten(1)
    maps = _stretched(_smoothed(attention.maps.reshape(B, N, *attention.grid)).reshape(B, N, N))
    heat = _stretched((weight[:, None] @ maps)[:, 0])
    a_out, a_src = _mean(heat, weight), _mean(heat, 1 - weight)
    return Score(a_out / (a_src + 1e-6) + settings.penalty * F.relu(settings.tau - a_out), a_out, a_src)


def align(filling: Filling, noise: Tensor, settings: Alignment) -> tuple[Tensor, list[Record]]:
    """Better noise (B, C, H, W) for a filling: of all that was looked at, each picture's with the lowest objective.

    z' = z exp(v / 2) + m, with v and m from 0 by Adam down the gradient through one evaluation of the model at the
    first step. Nothing is drawn. A record for each picture and look; the first look is at the noise as it came. Where a
    picture keeps nothing, or everything, there is nothing to align. Raises InvalidInputError if the model shows no
    attention, or none on that grid.
    """
    attentive(filling.denoiser)
    start = noise.to(filling.denoiser.device)
    shares = filling.unknown.mean((1, 2, 3))
    active = (shares > 0) & (shares < 1)
    if not bool(active.any()):
        return noise, [{"what": "alignnoise", "stage": "attention", "skipped": "nothing is both kept and made"}]
    with torch.enable_grad():
        return _descend(filling, start, active, settings)


def _descend(filling: Filling, start: Tensor, active: Tensor, settings: Alignment) -> tuple[Tensor, list[Record]]:
    m, v = (torch.zeros_like(start, requires_grad=True) for _ in range(2))
    adam = torch.optim.Adam([m, v], lr=settings.learning_rate, eps=ADAM_EPS)
    best, lowest, records = start, torch.full((len(start),), torch.inf, device=start.device), list[Record]()
    for iteration in range(settings.iterations + 1):
        moved = _moved(start, m, v, settings.project)
        seen = _look(filling, moved, settings)
        records += _records(iteration, seen, moved, active)
        better = active & (seen.objective < lowest)
        best, lowest = _where(better, moved.detach(), best), torch.where(better, seen.objective.detach(), lowest)
        active = active & (seen.objective >= settings.stop_below)
        if iteration == settings.iterations or not bool(active.any()):
            break
        loss = seen.objective + settings.kl * kl_from_normal(m, v)
        _step(adam, [m, v], loss[active].sum(), active)
    return best, records


def _look(filling: Filling, noise: Tensor, settings: Alignment) -> Score:
    """The score of noise: one evaluation of the model."""
    first = filling.denoiser.ladder(filling.config.steps)[filling.start]
    model = attentive(filling.denoiser)
    attention = model.attention_maps(filling.begin(noise), first, filling.condition, settings.grid)
    return score(attention, F.interpolate(filling.unknown, attention.grid, mode="area")[:, 0], settings)


def _step(adam: torch.optim.Optimizer, variables: list[Tensor], loss: Tensor, active: Tensor) -> None:
    """One step of Adam for the active pictures; the others stay, also against their momentum."""
    before = [variable.detach().clone() for variable in variables]
    for variable, gradient in zip(variables, torch.autograd.grad(loss, variables), strict=True):
        variable.grad = gradient
    adam.step()
    with torch.no_grad():
        for variable, old in zip(variables, before, strict=True):
            variable.copy_(_where(active, variable, old))


def kl_from_normal(m: Tensor, v: Tensor) -> Tensor:
    """Divergence of N(m, exp(v)) from N(0, 1), the mean over a picture's places: (B,)."""
    return 0.5 * (v.exp() + m**2 - 1 - v).mean((1, 2, 3))


def standardised(noise: Tensor) -> Tensor:
    """Each picture's noise with mean 0 and variance 1 over all its places."""
    centred = noise - noise.mean((1, 2, 3), keepdim=True)
    return centred / centred.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _moved(start: Tensor, m: Tensor, v: Tensor, project: bool) -> Tensor:
    moved = start * torch.exp(v / 2) + m
    return standardised(moved) if project else moved


def _records(iteration: int, seen: Score, noise: Tensor, active: Tensor) -> list[Record]:
    """What is recorded of one look at each picture that is still on its way."""
    names = ("objective", "a_out", "a_src")
    return [
        {"what": "alignnoise", "stage": "attention", "row": row, "iteration": iteration}
        | {name: float(getattr(seen, name)[row].detach()) for name in names}
        | moments(noise[row])
        for row in active.nonzero().flatten().tolist()
    ]


def moments(noise: Tensor) -> dict[str, float]:
    """Mean and variance over all places, for a record."""
    return {"mean": float(noise.detach().mean()), "variance": float(noise.detach().var(correction=0))}


def _where(rows: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(rows[:, None, None, None], a, b)


def _mean(heat: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over the places of each picture."""
    return (heat * weight).sum(1) / weight.sum(1).clamp_min(1e-6)


def _stretched(x: Tensor) -> Tensor:
    """Shifted and scaled so that the last axis reaches from 0 to 1."""
    low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
    return (x - low) / (high - low).clamp_min(1e-12)


def _smoothed(maps: Tensor) -> Tensor:
    """3 x 3 Gaussian over (..., h, w), edges repeated."""
    rows, columns = (_blur(n).to(maps.device) for n in maps.shape[-2:])
    smooth: Tensor = rows @ maps @ columns.mT
    return smooth


def _blur(n: int) -> Tensor:
    """The Gaussian along an axis of n places, as a matrix: its gradient is far quicker than that of a convolution."""
    side, middle, _ = torch.exp(-0.5 * (torch.arange(-1.0, 2.0) / SMOOTHING) ** 2).tolist()
    one = torch.eye(n)
    neighbours = one[[0, *range(n - 1)]] + one[[*range(1, n), n - 1]]
    blur: Tensor = (middle * one + side * neighbours) / (middle + 2 * side)
    return blur
