"""Sizes of a generator and of its discriminator, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.sizes import out_side

AXES = {"horizon": 3, "periodic": 4}
"""What the coordinates of a cell may be, and how many numbers that is."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of both synthesizers (paper section 3; its defaults), and what their coordinates mean.

    `local` is the width of z_l, of every structure layer and of what the texture synthesizer reads; `texture` holds the
    output channels of each block, `radius` is R of the structure synthesizer's (2R+1)-square neighbourhoods. `axes`
    "horizon" gives a cell tanh(rise·i_y), cos and sin of 2π·i_x/period; "periodic" gives cos and sin of both axes.
    `period` counts cells, `rise` is per cell, `cells` is the side n of a training patch.
    """

    blocks: int = 4
    style: int = 512
    local: int = 256
    structure_layers: int = 4
    radius: int = 3
    texture: tuple[int, ...] = (512,) * 4
    mapping_layers: int = 8
    axes: str = "horizon"
    rise: float = 0.3
    period: int = 139
    cells: int = 11

    def __post_init__(self) -> None:
        object.__setattr__(self, "texture", tuple(self.texture))
        _at_least_one(self, ("blocks", "style", "local", "structure_layers", "mapping_layers", "period"))
        _at_least_one(self, ("texture",))
        if len(self.texture) != self.blocks:
            raise InvalidInputError(
                f"texture names the channels of each of the {self.blocks} blocks, so {self.blocks} numbers; "
                f"got {list(self.texture)}. Give one number a block."
            )
        if self.axes not in AXES:
            raise InvalidInputError(f"axes is one of {', '.join(AXES)}; got {self.axes!r}.")
        if self.radius < 0 or not self.rise > 0:
            raise InvalidInputError(
                f"radius is at least 0 and rise is above 0; got radius {self.radius} and rise {self.rise}."
            )
        out_side(self.cells, self.blocks)

    @property
    def halo(self) -> int:
        """Cells that the structure synthesizer reads beyond each edge: M·R."""
        return self.structure_layers * self.radius

    @property
    def coordinates(self) -> int:
        """Numbers that tell a cell where it is."""
        return AXES[self.axes]

    @property
    def layers(self) -> int:
        """Noisy layers of the texture synthesizer: 2L. A w+ has one entry more, for the last ToRGB."""
        return 2 * self.blocks

    @property
    def patch_px(self) -> int:
        """Side of a training patch."""
        return out_side(self.cells, self.blocks)

    def as_json(self) -> dict[str, Any]:
        """Plain values by name, which `from_json` reads."""
        return _plain(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GeneratorConfig:
        """The inverse of `as_json`. Raises InvalidInputError for a name that is none of ours or a wrong type."""
        return _read(cls, values)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of the residual discriminator (StyleGAN2's, with a head that tells the row of a patch).

    `channels[0]` follows the first 1x1 convolution, each further number is a block that halves the side. `linear` is
    the width of both heads, `group` the largest number of pictures whose spread is measured together. `blur` halves by
    the filter [1,3,3,1] and a stride; without it by means of 2x2, which is quicker.
    """

    patch_px: int = 101
    channels: tuple[int, ...] = (256, 512, 512, 512, 512, 512)
    linear: int = 512
    group: int = 4
    blur: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        _at_least_one(self, ("patch_px", "channels", "linear", "group"))
        if self.last_px < 1:
            raise InvalidInputError(
                f"{len(self.channels) - 1} blocks halve {self.patch_px} px to nothing. Name fewer channels."
            )

    @property
    def last_px(self) -> int:
        """Side of the map that the heads read."""
        return int(self.patch_px >> (len(self.channels) - 1))

    def as_json(self) -> dict[str, Any]:
        """Plain values by name, which `from_json` reads."""
        return _plain(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DiscriminatorConfig:
        """The inverse of `as_json`. Raises InvalidInputError for a name that is none of ours or a wrong type."""
        return _read(cls, values)


_Config = TypeVar("_Config", GeneratorConfig, DiscriminatorConfig)


def _plain(config: GeneratorConfig | DiscriminatorConfig) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def _read(cls: type[_Config], values: Mapping[str, Any]) -> _Config:
    known = {field.name: field.default for field in fields(cls)}
    if unknown := sorted(set(values) - set(known)):
        raise InvalidInputError(f"No such size: {', '.join(unknown)}. There are {', '.join(known)}.")
    for name, value in values.items():
        if not _fits(value, known[name]):
            raise InvalidInputError(f"{name} is such as {known[name]!r}; got {value!r}.")
    given: dict[str, Any] = dict(values)
    return cls(**given)


def _fits(value: object, like: object) -> bool:
    if isinstance(like, tuple):
        return isinstance(value, list | tuple) and all(_fits(item, 1) for item in value)
    if isinstance(like, float):
        return isinstance(value, float | int) and not isinstance(value, bool)
    return type(value) is type(like)


def _at_least_one(config: GeneratorConfig | DiscriminatorConfig, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or min(numbers) < 1:
            raise InvalidInputError(f"{name} is at least 1; got {value}.")


TINY = GeneratorConfig(
    blocks=3,
    style=64,
    local=32,
    structure_layers=3,
    radius=2,
    texture=(64, 64, 48),
    mapping_layers=4,
    rise=0.75,
    period=64,
    cells=9,
)
"""A generator that two processor cores train in three quarters of an hour: patches of 37 px."""

TINY_DISCRIMINATOR = DiscriminatorConfig(patch_px=37, channels=(32, 64, 96, 96), linear=128, blur=False)
"""The discriminator of TINY."""
