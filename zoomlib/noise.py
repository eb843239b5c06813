"""Zoom-consistent noise: white noise whose levels show each other (arXiv 2312.02149, section 4.1)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from zoomlib.geometry import Focus, check_factor, ring
from zoomlib.pyramid import nest

_MASK = 2**64 - 1


def draw_seed(generator: torch.Generator) -> int:
    """One 62-bit draw from the generator: all that a noise map of any number of levels takes from it."""
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def own_noise(
    indices: Iterable[int],
    shape: tuple[int, int, int],
    seed: int,
    device: torch.device | str = "cpu",
    seeds: Mapping[int, int] = MappingProxyType({}),
) -> Tensor:
    """Independent N(0, 1) noise of the given levels, float32 (len(indices), C, H, W).

    Level i's noise depends on the seed, i, the shape and the kind of device only: not on which other levels are asked
    for, nor in which order. That of a level in `seeds` depends on its own seed instead of the seed and i.
    """
    levels = list(indices)
    out = torch.empty((len(levels), *shape), device=device)
    for row, level in enumerate(levels):
        own = (seeds[level], 0) if level in seeds else (seed, level)
        out[row].normal_(generator=level_generator(*own, device))
    return out


def zoom_noise(
    levels: int,
    shape: tuple[int, int, int],
    p: int,
    generator: torch.Generator,
    focus: Focus = None,
    *,
    loop: bool = False,
    seeds: Mapping[int, int] = MappingProxyType({}),
) -> Tensor:
    """Pi_noise of every level: float32 (L, C, H, W), each level white with unit variance.

    In a closed loop of so few levels that one shows itself at a pixel's size or more, noise cannot be white there and
    agree: it agrees, and those few pixels follow from the others (in the worst loop, of two levels at p = 2, their
    standard deviation is 0.97 to 1.15). That costs less than noise that is white and disagrees (docs/layouts.md).

    The window of level i holds p times the down-scaled noise of level i+1, so that noise is the same wherever levels
    show the same place. Randomness: one draw from the generator, whatever the number of levels; a level's own noise
    (outside its window) does not change when deeper levels are added; `seeds` as in `own_noise`. The result lies on the
    generator's device.
    """
    _, height, width = shape
    inside = ring(levels, height, width, p, focus)
    own = own_noise(range(levels), shape, draw_seed(generator), generator.device, seeds)
    return nest(own, check_factor(p), inside, gain=p, loop=loop)


def level_generator(seed: int, index: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of one level's own, which follows from the seed and the index alone."""
    generator = torch.Generator(device)
    generator.manual_seed(stream(seed, index))
    return generator


def stream(seed: int, index: int) -> int:
    """A seed per level, well mixed: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) >> 1
