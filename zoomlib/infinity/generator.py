"""A generator of planes: trained networks, and the planes that seeds and styles make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity import shipped
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.field.overrides import NONE, Overrides
from zoomlib.infinity.networks.files import CONFIG, GENERATOR, read_about, read_generator
from zoomlib.infinity.networks.pair import Networks
from zoomlib.infinity.painting.painter import Painter, PlainPainter, placed, texture_styles, undisturbed
from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.portable import Portable, devices_named

if TYPE_CHECKING:
    from zoomlib.infinity.fusion.styles import Fusion

_MEAN_OF = 10_000
_SEED_OF_MEAN = 0


class Generator:
    """Networks with their weights, which paint in `dtype` on `device`, or on several `devices`, a process for each.

    config: their sizes. facts: what the folder says of their training. revision: SHA-256 of the weights' file.
    networks: where they paint; for several devices on the CPU. devices: of one kind; those of the networks if not told.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        networks: Networks,
        facts: Mapping[str, Any],
        *,
        folder: Path | None = None,
        revision: str = "",
        dtype: torch.dtype = torch.float32,
        devices: Sequence[torch.device] = (),
    ) -> None:
        self.config, self._networks, self.facts = config, networks.eval().requires_grad_(False), dict(facts)
        self.folder, self.revision, self.dtype = folder, revision, dtype
        self.devices = tuple(devices) or (next(networks.parameters()).device,)

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path = "bundled",
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
    ) -> Generator:
        """As `zoomlib.infinity.load_generator`."""
        folder, devices = folder_of(name_or_folder), devices_named(device)
        alone = len(devices) == 1
        config, networks, facts = read_generator(folder, devices[0] if alone else "cpu", torch.float32)
        return cls(
            config,
            networks,
            facts,
            folder=folder,
            revision=described(folder).revision,
            dtype=dtype or torch.float32,
            devices=() if alone else devices,
        )

    @property
    def device(self) -> torch.device:
        """Where the networks are that work in this process; the first of several devices."""
        return self.devices[0]

    @cached_property
    def networks(self) -> Networks:
        """The networks, on `device`. Several devices paint without them: there is no need to load them here."""
        return placed(self._networks, self.device)

    def plane(
        self,
        seed: int,
        *,
        style: Tensor | None = None,
        w_plus: Tensor | None = None,
        fusion: Fusion | None = None,
        overrides: Overrides | None = None,
        period: int | None = None,
        stretch: float = 1.0,
        cells: int | None = None,
        batch: int = 1,
    ) -> Plane:
        """The plane of a seed.

        Args:
            seed: of all latents, 0 .. 2^64 - 1.
            style: (S,) z_g in place of the seed's.
            w_plus: (2L+1, S) styles of the texture in place of the mapped one.
            fusion: styles that change over the plane, in place of both.
            overrides: latents that take the place of the seed's.
            period: cells after which the plane repeats from left to right: a cyclic panorama.
            stretch: how many cells take the place of one in the vertical coordinate.
            cells, batch: side of a tile, and tiles that are painted together (`Plane`).

        Raises:
            InvalidInputError: values that do not fit these networks, or a style together with a fusion.
        """
        latents = Latents(self.config, seed, period=period, overrides=overrides or NONE)
        build = partial(
            painter_of, latents=latents, style=style, w_plus=w_plus, fusion=fusion, stretch=stretch, dtype=self.dtype
        )
        several = len(self.devices) > 1
        painter = Portable(self._networks, build, self.devices) if several else build(self._networks)
        more = {"revision": self.revision, "generator": self.folder.name if self.folder else ""}
        return Plane(painter, cells=cells, batch=batch, more=more)

    def render(self, y0: int, x0: int, height: int, width: int, *, seed: int) -> Tensor:
        """Raw pixels (3, height, width), float32 on the CPU, of a window of a seed's plane, as `Plane.window`."""
        return self.plane(seed).window(y0, x0, height, width)

    def styles(self, seed: int) -> tuple[Tensor, Tensor]:
        """The style (S,) of a seed, and what the texture makes of it, (2L+1, S); for several devices on the CPU."""
        style, where = Latents(self.config, seed).style(), next(self._networks.parameters()).device
        return style.to(where), texture_styles(self._networks, style).to(where)

    def mean_style(self) -> Tensor:
        """The mean of 10,000 mapped styles, (S,), always of the same ones."""
        return self._mean_style

    @cached_property
    def _mean_style(self) -> Tensor:
        drawn = torch.Generator().manual_seed(_SEED_OF_MEAN)
        styles = torch.randn(_MEAN_OF, self.config.style, generator=drawn).to(self.device)
        with torch.no_grad():
            mean: Tensor = self.networks.texture.mapping(styles).mean(0)
        return mean


def painter_of(
    networks: Networks,
    *,
    latents: Latents,
    style: Tensor | None,
    w_plus: Tensor | None,
    fusion: Fusion | None,
    stretch: float,
    dtype: torch.dtype,
) -> Painter:
    """What paints a field with one style, or with those of a fusion, where the networks are. As `Generator.plane`."""
    with undisturbed(next(networks.parameters()).device):
        if fusion is None:
            return PlainPainter(networks, latents, style=style, w_plus=w_plus, stretch=stretch, dtype=dtype)
        from zoomlib.infinity.fusion.styles import FusedPainter

        if style is not None or w_plus is not None:
            raise InvalidInputError("A fusion brings its styles along: give either a style, or a fusion.")
        return FusedPainter(networks, latents, fusion, stretch=stretch, dtype=dtype)


def folder_of(name_or_folder: str | Path) -> Path:
    """The folder of a shipped generator, by its name, or the folder given. Raises InvalidInputError for neither."""
    names = shipped()
    folder = names.get(str(name_or_folder), Path(name_or_folder))
    if not (folder / CONFIG).is_file():
        raise InvalidInputError(
            f"{name_or_folder} is no folder of a generator: it holds no {CONFIG}. Give a folder that train-infinity "
            f"wrote, or one of {', '.join(names) or 'those that come with the package (this copy has none)'}."
        )
    return folder


@dataclass(frozen=True)
class Described:
    """What a generator's folder says of itself, read without its weights. size_bytes: of the weights' file."""

    folder: Path
    config: GeneratorConfig
    facts: dict[str, Any]
    revision: str
    size_bytes: int


def described(name_or_folder: str | Path) -> Described:
    """A generator without its networks. Raises InvalidInputError where the folder holds none."""
    folder = folder_of(name_or_folder)
    about = read_about(folder)
    weights = folder / GENERATOR
    if not weights.is_file():
        raise InvalidInputError(f"{folder} holds no {GENERATOR}. Copy the folder again.")
    config, facts = GeneratorConfig.from_json(about["generator"]), dict(about.get("facts", {}))
    return Described(folder, config, facts, str(about.get("sha256", {}).get(GENERATOR, "")), weights.stat().st_size)
