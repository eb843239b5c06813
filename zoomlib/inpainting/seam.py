"""The border between made and kept pixels: colour matched across it, and a soft band, all on the made side.

Pictures are float (B, C, H, W) in [-1, 1]; masks (B, 1, H, W), 1 where pixels are made. Inside, all is float64.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from zoomlib.inpainting.locally import around, blur, distance, reach, spread, steps
from zoomlib.walk import Record

BAND_PX = 3  # of the soft band
WINDOW = 1 / 64  # of the smaller side: in which a step of colour is found
SCALE = 1 / 16  # of the smaller side: along how much of the border it may differ
CERTAIN, CERTAIN_HERE = 1.0, 4.0  # standard errors below which a step, of all or a part, is taken for chance
BESIDE_PX = 2.0  # of the windows in which it is told how visible the border is
SIDE = 1 / 2  # of the smaller side: along how much of the border it is as visible
REACH = 1 / 4  # of the smaller side: where its correction has faded out
GREY_LEVEL = 2 / 255  # a step of one in 8 bits


def join(made: Tensor, image: Tensor, mask: Tensor) -> tuple[Tensor, tuple[Record, ...]]:
    """What was made, joined to the kept pixels of `image`: float32 (B, C, H, W) on the CPU, and a record for each
    picture.

    1. What the codec did to the colours of kept pixels is undone. 2. A step of colour across the border is taken out,
    which fades into the made side. 3. In a narrow band there, as much as the border is more visible than its
    surroundings, what was made goes over into a continuation of what is kept. Where made continues kept, or one of them
    is nowhere, nothing changes but by rounding: planes to 1e-6. Kept pixels of the result are those of `made`; to put
    `image` there is the caller's. Record: `gain` and `offset` by channel, which 1 has undone; `step`, by channel, made
    less kept along the border, and `worst`, its largest local value, which 2 has taken out.
    """
    # In large pictures these windows cost more than the sampling on a fast GPU, so they are worked out there.
    device = made.device if made.device.type == "cuda" else torch.device("cpu")
    made, image, mask = (x.to(device).double() for x in (made, image, mask))
    kept = 1 - mask
    gain, offset = codec_colours(made, image, kept)
    made = torch.where(kept > 0, made, (made - offset) / gain)
    made, taken = level_colours(made, image, kept)
    made = soften(made, image, kept)
    values = [x.flatten(1).tolist() for x in (gain, offset, *taken)]
    records = tuple(
        {"what": "join", "row": row, "gain": g, "offset": o, "step": s, "worst": w[0]}
        for row, (g, o, s, w) in enumerate(zip(*values, strict=True))
    )
    return made.float().cpu(), records


def codec_colours(made: Tensor, image: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset (B, C, 1, 1) with made = gain image + offset over kept pixels: least squares, 1 and 0 where
    nothing changed. The gain stays within 0.8 .. 1.25: beyond that it is no matter of colour."""
    count = kept.sum((2, 3), keepdim=True).clamp_min(1)

    def mean(x: Tensor) -> Tensor:
        return (x * kept).sum((2, 3), keepdim=True) / count

    change, centre = made - image, mean(image)
    variance = mean((image - centre).square())
    # Flat pictures say nothing about a gain: a grey level of variance is added.
    slope = mean(change * (image - centre)) / (variance + GREY_LEVEL**2)
    gain = (1 + slope).clamp(0.8, 1.25)
    return gain, mean(change) - (gain - 1) * centre


def level_colours(made: Tensor, image: Tensor, kept: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """`made` without its step of colour against kept pixels; the mean (B, C) and the largest (B, 1) step."""
    size = min(kept.shape[-2:])
    sigma = max(WINDOW * size, 1.0)
    border = (distance(kept, 2) == 1).double()
    # All that is looked at lies along the border: with the reach of the windows around it, nothing is lost.
    rows, columns = around(border, reach(sigma))
    whole, keeps, along = (x[:, :, rows, columns] for x in (torch.where(kept > 0, image, made), kept, border))
    step, error = steps(whole, 1 - keeps, sigma)
    # Flat windows know a step to a grey level; those that hold the edge of a thing know little of it.
    weight = along / (error + GREY_LEVEL**2)
    alike = 2 * math.sqrt(math.pi) * sigma  # as long a piece of border is one observation
    shared, scale = _shared_step(step, weight, keeps, alike), max(SCALE * size, 2.0)
    here = torch.zeros_like(made)
    here[:, :, rows, columns] = _local_steps(step - shared, weight, scale, alike)
    smooth = shared + spread(here, border, scale)
    taken = smooth * border
    far = max(round(REACH * size), 2)
    fade = torch.cos((distance(kept, far + 1) - 1).clamp(0) * (math.pi / 2 / far)).square()
    made = made - torch.where(kept > 0, 0.0, smooth * fade)
    return made, (taken.sum((2, 3)) / border.sum((2, 3)).clamp_min(1), taken.abs().amax((1, 2, 3))[:, None])


def _shared_step(step: Tensor, weight: Tensor, kept: Tensor, alike: float) -> Tensor:
    """The step (B, C, 1, 1) that the four sides of the border share: where kept pixels lie to the right, left, below or
    above. It must stand out from how they differ, so that the step of one is not spread over all."""
    near = F.pad(kept, (1, 1, 1, 1))
    facing = torch.cat([near[..., 1:-1, 2:], near[..., 1:-1, :-2], near[..., 2:, 1:-1], near[..., :-2, 1:-1]], 1)
    weights = weight * facing
    total = weights.sum((2, 3)).clamp_min(1e-9)[:, None]  # (B, 1, sides)
    mean, square = (torch.einsum("bchw,bshw->bcs", x, weights) / total for x in (step, step.square()))
    number = total.square() / weights.square().sum((2, 3)).clamp_min(1e-9)[:, None] / alike
    share = total / total.sum(2, keepdim=True)
    shared = (share * mean).sum(2, keepdim=True)
    inside = (share.square() * (square - mean.square()).clamp_min(0) / (number - 1).clamp_min(1e-3)).sum(
        2, keepdim=True
    )
    sides = 1 / share.square().sum(2, keepdim=True)
    between = (share * (mean - shared).square()).sum(2, keepdim=True) / (sides - 1).clamp_min(0.5)
    return _certain(shared, torch.maximum(between, inside), CERTAIN)[..., None]


def _local_steps(step: Tensor, weight: Tensor, scale: float, alike: float) -> Tensor:
    """Steps of parts of the border, by pixel of it (B, C, H, W); these must be surer than those of sides."""
    total = blur(weight, scale).clamp_min(1e-9)
    mean, square = spread(step, weight, scale), spread(step.square(), weight, scale)
    number = 2 * math.pi * scale**2 * total.square() / blur(weight.square(), scale).clamp_min(1e-9) / alike
    error = (square - mean.square()).clamp_min(0) / (number - 1).clamp_min(1e-3)
    return _certain(mean, error, CERTAIN_HERE)


def _certain(mean: Tensor, error: Tensor, certain: float) -> Tensor:
    """s (1 - (certain error / s)^2), or 0 where that is negative; `error` is squared."""
    return mean * (1 - certain**2 * error / mean.square().clamp_min(1e-12)).clamp_min(0)


def soften(made: Tensor, image: Tensor, kept: Tensor) -> Tensor:
    """`made`, blended in a band of BAND_PX into a smooth continuation of kept pixels where the border is visible."""
    rows, columns = around(distance(kept, 2) == 1, max(BAND_PX + reach(1.0), 1 + reach(BESIDE_PX)))
    near, image, keeps = (x[:, :, rows, columns] for x in (made, image, kept))
    whole, scale = torch.where(keeps > 0, image, near), max(SIDE * min(kept.shape[-2:]), 2.0)
    visible = torch.maximum(_visible(whole, keeps, scale), _visible(whole.mT, keeps.mT, scale).mT)
    far = distance(keeps, BAND_PX + 1)
    amount = spread(visible, (visible > 0).double(), 1.0) * (1 - (far - 1) / BAND_PX).clamp(0, 1)
    continued = spread(image * keeps, keeps, 1.0)
    out = made.clone()
    out[:, :, rows, columns] = torch.where((keeps > 0) | (amount == 0), near, torch.lerp(near, continued, amount))
    return out


def _visible(whole: Tensor, kept: Tensor, scale: float) -> Tensor:
    """(B, 1, H, W): for made pixels with a kept one to the left or right, the share of the step between them that the
    steps beside it, in the same direction, do not have; elsewhere 0."""
    change = whole.diff(dim=-1).abs().mean(1, keepdim=True)
    across = kept.diff(dim=-1).abs()
    beside = blur(across, BESIDE_PX) * (1 - across)
    seen, usual = (spread(change, weight, scale) + GREY_LEVEL / 2 for weight in (across, beside))
    shares = (1 - usual / seen).clamp_min(0) * across
    return torch.maximum(F.pad(shares, (1, 0)), F.pad(shares, (0, 1))) * (1 - kept)
