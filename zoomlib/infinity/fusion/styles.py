"""Styles that change over the plane (arXiv 2104.03963, appendix L): each place has the style of the nearest point, and
a box filter makes the change gradual."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.field.overrides import whole
from zoomlib.infinity.field.places import feature_px
from zoomlib.infinity.fusion.layers import FusedNetworks
from zoomlib.infinity.fusion.map import Box, Ruler, Site, counted, present, sites_near, turns
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.networks.prepared import Prepared
from zoomlib.infinity.painting.painter import facts_of, inputs
from zoomlib.infinity.sizes import layer_sides, out_side

_KEPT = 4  # styles whose prepared weights are kept: at the paper's width each takes 0.4 GB
_WIDEST_PX = 2**16


@dataclass(frozen=True, eq=False)
class StylePoint:
    """A style at pixel' (y, x): z_g (S,) for the structure and (2L+1, S) for the texture."""

    y: int
    x: int
    style: Tensor
    w_plus: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", whole(self.y, "the row of a style point"))
        object.__setattr__(self, "x", whole(self.x, "the column of a style point"))


@dataclass(frozen=True, eq=False)
class Fusion:
    """Styles at points, mixed by the mean over a box of blur_px a side of who is nearest.

    The plane has no border, and neither has the mixture. period_px: columns after which the points repeat, or None.
    Where a pixel is as far from two points, the upper one (then the left one) counts, so that the order of the points
    does not matter. Raises InvalidInputError for no point, two at one place, styles of several sizes, or no box.
    """

    points: tuple[StylePoint, ...]
    blur_px: int
    period_px: int | None = None

    def __post_init__(self) -> None:
        # Sorted, so that sums are the same whatever the order.
        object.__setattr__(self, "points", tuple(sorted(self.points, key=lambda point: (point.y, point.x))))
        if not self.points:
            raise InvalidInputError("A fusion has at least one style point; got none.")
        if not 1 <= self.blur_px <= _WIDEST_PX:
            raise InvalidInputError(f"blur_px is 1 to {_WIDEST_PX} pixels; got {self.blur_px}. 1 does not blur.")
        if self.period_px is not None and self.period_px < 1:
            raise InvalidInputError(f"period_px is at least 1; got {self.period_px}. Leave it out for a plane.")
        places = [(point.y, point.x if self.period_px is None else point.x % self.period_px) for point in self.points]
        if len(set(places)) < len(places):
            twice = next(place for place in places if places.count(place) > 1)
            raise InvalidInputError(f"Two style points lie at (y, x) = {twice}. Move or drop one of them.")
        shapes = {(tuple(point.style.shape), tuple(point.w_plus.shape)) for point in self.points}
        if len(shapes) > 1:
            raise InvalidInputError(f"All style points have styles of one generator; got shapes {sorted(shapes)}.")

    def present(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[int, ...]:
        """The numbers of the points that count at some pixel of an area: first and last row, first and last column."""
        rows, columns = self._boxes(rows, self.blur_px), self._boxes(columns, self.blur_px)
        if self.period_px is not None:  # once around is everywhere
            columns = columns[0], min(columns[1], columns[0] + self.period_px - 1)
        return tuple(sorted(present(self._near(rows, columns), rows, columns)))

    def weights(self, rows: Ruler, columns: Ruler) -> tuple[tuple[int, ...], Tensor]:
        """The numbers of the points that may count there, and their weights: float32 (K, rows, columns).

        Weights are at least 0 and sum to 1 (within 1e-6) in each place; they are bitwise the same in any window.
        """
        parts = [
            (times, some, width, self._near_boxes(rows, some, width))
            for times, some, width in turns(columns, self.blur_px, self.period_px)
        ]
        numbers = sorted({site.number for *_, near in parts for site in near})
        counts = np.zeros((len(numbers), rows.places, columns.places), dtype=np.int64)
        for times, some, width, near in parts:
            near = [site._replace(number=numbers.index(site.number)) for site in near]
            box = Box(self.blur_px // 2, self.blur_px, width)
            counts += times * counted(near, rows, some, box, len(numbers))
        return tuple(numbers), torch.from_numpy((counts / float(self.blur_px**2)).astype(np.float32))

    def _near_boxes(self, rows: Ruler, columns: Ruler, width: int) -> list[Site]:
        return self._near(
            self._boxes((rows.first, rows.last), self.blur_px), self._boxes((columns.first, columns.last), width)
        )

    def _boxes(self, pixels: tuple[int, int], size: int) -> tuple[int, int]:
        """First and last of what boxes of that size about these pixels hold."""
        begin = self.blur_px // 2
        return pixels[0] - begin, pixels[1] - begin + size - 1

    def _near(self, rows: tuple[int, int], columns: tuple[int, int]) -> list[Site]:
        sites = [Site(point.y, point.x, number) for number, point in enumerate(self.points)]
        return sites_near(sites, rows, columns, self.period_px)


class FusedPainter:
    """Paints with the styles of a fusion. A `Painter`; where one style alone counts, it costs what `PlainPainter` does.

    Of a cyclic panorama (latents with a period) the points repeat with it. Raises InvalidInputError where styles do not
    fit the networks, or the fusion has another period.
    """

    def __init__(
        self,
        networks: Networks,
        latents: Latents,
        fusion: Fusion,
        *,
        stretch: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config, self.latents, self.stretch, self.dtype = networks.config, latents, stretch, dtype
        self.blocks, self.period = self.config.blocks, latents.period
        self.fusion = _cyclic(fusion, None if self.period is None else self.period * 2**self.blocks)
        _check_styles(networks, fusion.points[0])
        if not all(point.style.isfinite().all() and point.w_plus.isfinite().all() for point in fusion.points):
            raise InvalidInputError("Styles are of finite numbers; some of these are not. Make them anew.")
        self.device = next(networks.parameters()).device
        self._networks = networks
        self._styles = torch.stack([point.style for point in fusion.points]).to(self.device, torch.float32)
        self._w_plus = torch.stack([point.w_plus for point in fusion.points]).to(self.device, torch.float32)
        self._fused = FusedNetworks(networks, self._styles, self._w_plus, dtype=dtype)
        self._plain: OrderedDict[int, Prepared] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """What other processes paint with, the same before and after painting: styles are made ready there anew."""
        return {**self.__dict__, "_plain": OrderedDict()}

    @torch.inference_mode()
    def paint(self, origins: Sequence[tuple[int, int]], n: int) -> Tensor:
        """As `Painter.paint`."""
        local, place, noises = inputs(self.config, self.latents, origins, n, self.stretch, self.device)
        side = out_side(n, self.blocks)
        out = torch.empty(len(origins), 3, side, side, device=self.device)
        for members, chosen, weights in self._together(origins, n):
            some = [noise[members] for noise in noises]
            if len(chosen) == 1:
                plain = self._prepared(chosen[0])
                out[members] = plain.texture(plain.structure(local[members], place[members]), some)
                continue
            features = self._fused.structure(local[members], place[members], weights[0], chosen)
            halo = self.config.halo
            inside = weights[0][:, :, halo : halo + n, halo : halo + n]
            out[members] = self._fused.texture(features, some, [inside, *weights[1:]], chosen)
        return out

    def facts(self) -> dict[str, Any]:
        """As `Painter.facts`."""
        return {
            **facts_of(self.latents, self.stretch, self.dtype),
            "blur_px": self.fusion.blur_px,
            "styles": [{"y": p.y, "x": p.x, "sha256": _digest(p)} for p in self.fusion.points],
        }

    def _together(self, origins: Sequence[tuple[int, int]], n: int) -> list[tuple[list[int], list[int], list[Tensor]]]:
        """Which tiles are painted together, with which styles, and the styles' weights at each layer's places."""
        found = [self.fusion.present(*self._area(origin, n)) for origin in origins]
        alone = sorted({numbers for numbers in found if len(numbers) == 1})
        out: list[tuple[list[int], list[int], list[Tensor]]] = [
            ([tile for tile, numbers in enumerate(found) if numbers == only], list(only), []) for only in alone
        ]
        mixed = [tile for tile, numbers in enumerate(found) if len(numbers) > 1]
        if mixed:
            every = sorted({number for tile in mixed for number in found[tile]})
            out.append((mixed, every, self._weights([origins[tile] for tile in mixed], n, every)))
        return out

    def _weights(self, origins: Sequence[tuple[int, int]], n: int, every: list[int]) -> list[Tensor]:
        """Weights (B, K, ., .) of the styles `every` at the cells, halo included, and at the outputs of all layers."""
        layers = []
        for rulers in zip(*(self._rulers(origin, n) for origin in origins), strict=True):
            values = torch.zeros(len(origins), len(every), rulers[0][0].places, rulers[0][1].places)
            for out, (rows, columns) in zip(values, rulers, strict=True):
                for number, found in zip(*self.fusion.weights(rows, columns), strict=True):
                    if number in every:  # others may have been near, and count nowhere
                        out[every.index(number)] = found
            layers.append(values.to(self.device))
        return layers

    def _area(self, origin: tuple[int, int], n: int) -> tuple[tuple[int, int], tuple[int, int]]:
        rows, columns = self._rulers(origin, n)[0]  # the cells with their halo surround all features
        return (rows.first, rows.last), (columns.first, columns.last)

    def _rulers(self, origin: tuple[int, int], n: int) -> list[tuple[Ruler, Ruler]]:
        scale, halo = int(2**self.blocks), self.config.halo
        cells = [Ruler(scale * (a - halo), scale, n + 2 * halo) for a in origin]
        out = [(cells[0], cells[1])]
        for layer, side in enumerate(layer_sides(n, self.blocks)):
            step, first = feature_px(layer, self.blocks)
            rows, columns = (Ruler(scale * a + first, step, side) for a in origin)
            out.append((rows, columns))
        return out

    def _prepared(self, number: int) -> Prepared:
        if number not in self._plain:
            made = Prepared(self._networks, self._styles[number], self._w_plus[number], dtype=self.dtype)
            self._plain[number] = made
        self._plain.move_to_end(number)
        while len(self._plain) > _KEPT:
            self._plain.popitem(last=False)
        return self._plain[number]


def _cyclic(fusion: Fusion, period_px: int | None) -> Fusion:
    if period_px is None or fusion.period_px == period_px:
        return fusion
    if fusion.period_px is not None:
        raise InvalidInputError(
            f"The panorama repeats after {period_px} pixels and the fusion after {fusion.period_px}. Leave the "
            "fusion's period out: it then has that of the panorama."
        )
    return replace(fusion, period_px=period_px)


def _check_styles(networks: Networks, point: StylePoint) -> None:
    S, entries = networks.config.style, networks.config.layers + 1
    if point.style.shape != (S,) or point.w_plus.shape != (entries, S):
        raise InvalidInputError(
            f"A style point of these weights has a style ({S},) and styles of the texture ({entries}, {S}); got "
            f"{tuple(point.style.shape)} and {tuple(point.w_plus.shape)}. Take them of this generator."
        )


def _digest(point: StylePoint) -> str:
    values = torch.cat([point.style[None], point.w_plus]).detach().cpu().float().contiguous()
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()[:16]
