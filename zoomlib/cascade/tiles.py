"""Levels larger than what a model was trained for: estimated in overlapping tiles, whose estimates are blended."""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from zoomlib.denoiser import Condition, Denoiser, Wrapper
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Window
from zoomlib.ladder import Step

OVERLAP = 0.25
_TILE = "tile:"


def places(length: int, tile: int, overlap: float = OVERLAP) -> tuple[int, ...]:
    """First places of the fewest tiles that cover `length` and overlap by at least that share of a tile, spread evenly.

    >>> places(128, 64), places(64, 64)
    ((0, 32, 64), (0,))
    """
    room = length - tile
    count = math.ceil(room / max(tile * (1 - overlap), 1)) + 1
    return tuple(round(k * room / (count - 1)) for k in range(count)) if count > 1 else (0,)


def tiles(size: tuple[int, int], tile: tuple[int, int], overlap: float = OVERLAP) -> tuple[Window, ...]:
    """The tiles (height, width) of a level of `size`, in reading order. Raises InvalidInputError for a tile that is
    larger than the level, or an overlap outside 0 .. 0.75."""
    if not 0 <= overlap <= 0.75:
        raise InvalidInputError(f"Tiles overlap by a share of themselves between 0 and 0.75, not {overlap!r}.")
    if any(t > side or t < 1 for t, side in zip(tile, size, strict=True)):
        raise InvalidInputError(
            f"A level of {size[1]} x {size[0]} places cannot be made in tiles of {tile[1]} x {tile[0]}: they are "
            "larger than it. Choose smaller tiles or a larger level."
        )
    rows, columns = (places(side, t, overlap) for side, t in zip(size, tile, strict=True))
    return tuple(Window(top, left, *tile) for top in rows for left in columns)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # the cache outlives the caller's mode
def weights(size: tuple[int, int], tile: tuple[int, int], overlap: float = OVERLAP) -> Tensor:
    """What each tile counts in each of its places, float32 (tiles, 1, h, w): smooth, above 0, and 1 in all at every
    place of the level."""
    rows, columns = (_shares(side, t, overlap) for side, t in zip(size, tile, strict=True))
    both = rows[:, None, :, None] * columns[None, :, None, :]
    return both.flatten(0, 1)[:, None].float()


def _shares(length: int, tile: int, overlap: float) -> Tensor:
    """The same along one axis, float64 (tiles, tile); a level's own edge does not fade."""
    starts = places(length, tile, overlap)
    shares = torch.zeros(len(starts), tile, dtype=torch.float64)
    total = torch.zeros(length, dtype=torch.float64)
    for k, start in enumerate(starts):
        shares[k] = 1.0
        for other, flipped in ((k - 1, False), (k + 1, True)):
            if 0 <= other < len(starts):
                shared = tile - abs(starts[other] - start)
                ramp = torch.ones(tile, dtype=torch.float64)
                t = (torch.arange(max(shared, 0), dtype=torch.float64) + 0.5) / max(shared, 1)
                ramp[: len(t)] = t * t * (3 - 2 * t)
                shares[k] *= ramp.flip(0) if flipped else ramp
        total[start : start + tile] += shares[k]
    return torch.stack([s / total[start : start + tile] for s, start in zip(shares, starts, strict=True)])


class Tiled(Wrapper):
    """A denoiser of larger levels than the model's own: estimates of overlapping tiles, averaged by smooth weights
    (MultiDiffusion, arXiv 2302.08113, here on the clean estimates, where it is the same average).

    size: (H, W) of z, at least the model's own in both directions; then tiles are of the model's own size, and each is
    told what an inpainting model is told of its part of the picture. Without `size` levels stay as large as the
    denoiser within says and pass it in tiles of `tile`; rows of its conditions that are laid out like z, as those of an
    up-scaler, are cut like it. Where a level is one tile, estimates are those of the model within. Raises
    InvalidInputError as `tiles`.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        size: tuple[int, int] | None = None,
        *,
        tile: tuple[int, int] | None = None,
        overlap: float = OVERLAP,
    ):
        super().__init__(denoiser)
        own = denoiser.shape[1:]
        self._size, self._tile = (own, tile or own) if size is None else (size, own)
        self._tiles = tiles(self._size, self._tile, overlap)
        self._weights = weights(self._size, self._tile, overlap)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a whole level."""
        return self.denoiser.shape[0], *self._size

    @property
    def count(self) -> int:
        """Tiles of a level: how often it passes the model for one estimate."""
        return len(self._tiles)

    def condition(
        self,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Condition:
        """One row per prompt; what tiles are told of different parts of a picture stands in one row, (tiles, ...)."""
        if image is None or mask is None or self._size == self.denoiser.shape[1:]:
            return self.denoiser.condition(prompts, negatives, image=image, mask=mask)
        f = self.codec.factor
        parts = []
        for tile in self._tiles:
            area = Window(tile.top * f, tile.left * f, tile.height * f, tile.width * f)
            shown = (image[..., *area.slices], mask[..., *area.slices])
            parts.append(self.denoiser.condition(prompts, negatives, image=shown[0], mask=shown[1]).rows)
        return Condition(dict(_joined(name, [part[name] for part in parts]) for name in parts[0]))

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of whole levels, float32 (L, C, H, W): memory is that of the levels and of one tile of them."""
        out = torch.zeros_like(z, dtype=torch.float32)
        weights = self._weights.to(out.device)
        for k, tile in enumerate(self._tiles):
            part = self.denoiser.predict_clean(z[..., *tile.slices], step, self._of(condition, k, tile))
            out[..., *tile.slices] += weights[k] * part
        return out

    def _of(self, condition: Condition, k: int, tile: Window) -> Condition:
        """What the model is told of one tile."""
        rows = {}
        for name, value in condition.rows.items():
            if name.startswith(_TILE):
                rows[name.removeprefix(_TILE)] = value[:, k]
            else:
                cut = value.ndim == 4 and tuple(value.shape[-2:]) == self._size
                rows[name] = value[..., *tile.slices] if cut else value
        return Condition(rows)


def _joined(name: str, parts: list[Tensor]) -> tuple[str, Tensor]:
    """A row that all tiles share, or all tiles' own ones, marked."""
    if all(torch.equal(part, parts[0]) for part in parts[1:]):
        return name, parts[0]
    return _TILE + name, torch.stack(parts, 1)
