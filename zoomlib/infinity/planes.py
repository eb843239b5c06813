"""What zoom methods draw from that need no denoiser: one plane for every seed, at a level's size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from zoomlib.denoiser import Codec, IdentityCodec
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.painting.plane import Plane, usual_cells
from zoomlib.infinity.painting.tiles import Grid
from zoomlib.infinity.sizes import macs_per_pixel
from zoomlib.infinity.zoom import Tiled

if TYPE_CHECKING:
    from zoomlib.infinity.generator import Generator

FAMILY = "infinity"
USUAL_PX = 64
"""Side of a level where none is asked for: with eight levels and p = 2 the widest shows 8192 x 8192 pixels."""
SMALLEST_PX = 16


@runtime_checkable
class Planes(Protocol):
    """Planes in the toolkit: to what handles levels alone they look like a denoiser of pixels, which draws nothing."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(3, H, W) of one level."""

    @property
    def device(self) -> torch.device:
        """Where tiles are painted."""

    @property
    def codec(self) -> Codec:
        """Levels are pixels already."""

    @property
    def axes(self) -> str:
        """`horizon`, where rows know their height above or below one, or `periodic`."""

    @property
    def tile_px(self) -> int:
        """Side of a tile."""

    @property
    def workers(self) -> int:
        """Processes that paint."""

    def plane(self, seed: int, *, stretch: float = 1.0) -> Tiled:
        """The plane of a seed. stretch: how many cells take the place of one in the vertical coordinate."""

    def close(self) -> None:
        """Let go what painting has opened."""


class GeneratorPlanes:
    """The planes of a generator, with levels of `size` (height, width) pixels.

    workers: processes that paint long runs, on a CPU; on several devices they are as many as these. The last plane is
    kept open until `close`, or another one is asked for. Raises InvalidInputError as `level_size`.
    """

    def __init__(self, generator: Generator, size: tuple[int, int] | None = None, *, workers: int = 1) -> None:
        self.generator, self.shape = generator, (3, *level_size(size))
        self.codec: Codec = IdentityCodec()
        self.device, self.dtype, self.inpaints = torch.device(generator.device), generator.dtype, False
        several = len(generator.devices)
        self.workers = several if several > 1 else workers if self.device.type == "cpu" else 1
        self.axes, self.tile_px = generator.config.axes, tile_px(generator.config)
        self._open: tuple[tuple[int, float], Plane] | None = None

    def plane(self, seed: int, *, stretch: float = 1.0) -> Plane:
        """As `Planes.plane`."""
        if self._open is None or self._open[0] != (seed, stretch):
            self.close()
            self._open = (seed, stretch), self.generator.plane(seed, stretch=stretch)
        return self._open[1]

    def close(self) -> None:
        """As `Planes.close`."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def load_planes(
    name_or_folder: str | Path = "bundled",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    size: tuple[int, int] | None = None,
    models: Path | None = None,
    workers: int = 1,
) -> GeneratorPlanes:
    """Planes of a shipped generator, of a folder, or of a subfolder of `models`. device: one, or several as
    "cuda:0,cuda:1". Raises InvalidInputError as `describe_planes`, and for devices of different kinds."""
    from zoomlib.infinity import load_generator

    generator = load_generator(folder_of_planes(name_or_folder, models), device=device, dtype=dtype)
    return GeneratorPlanes(generator, size, workers=workers)


def describe_planes(
    name_or_folder: str | Path = "bundled", *, size: tuple[int, int] | None = None, models: Path | None = None
) -> dict[str, Any]:
    """What a run records of a generator of planes, as `zoomlib.models.describe` tells it of a denoiser, without loading
    its weights. size, models: as `load_planes`.

    Keys: `kind` ("planes"), `id`, `folder`, `commit` (None), `bytes`, `family` ("infinity"), `shape`, `size_px`,
    `factor`, `multiple`, `upscaler` (None), `inpaints`, `distilled` (no guidance), `guidance`, `rescale`, `steps`,
    `most_steps`, `loras`, `embeddings`, `tiny_vae`, `axes`, `tile_px`, `macs` (of a pixel), `flat_px` (rows from the
    horizon beyond which all are alike, or None) and `revision`, the SHA-256 of the weights. Raises InvalidInputError
    for what is no generator, and as `level_size`.
    """
    from zoomlib.infinity.generator import described

    found = described(folder_of_planes(name_or_folder, models))
    config, (height, width) = found.config, level_size(size)
    return {
        "kind": "planes",
        "id": str(name_or_folder),
        "folder": str(found.folder.resolve()),
        "commit": None,
        "bytes": found.size_bytes,
        "family": FAMILY,
        "shape": (3, height, width),
        "size_px": (height, width),
        "factor": 1,
        "multiple": 1,
        "upscaler": None,
        "inpaints": False,
        "distilled": True,
        "guidance": 1.0,
        "rescale": 0.0,
        "steps": None,
        "most_steps": None,
        "loras": (),
        "embeddings": (),
        "tiny_vae": None,
        "axes": config.axes,
        "tile_px": tile_px(config),
        "macs": macs_per_pixel(config, usual_cells(config.blocks)),
        "flat_px": flat_px(config),
        "revision": found.revision,
    }


def folder_of_planes(name_or_folder: str | Path, models: Path | None = None) -> Path:
    """Where a generator lies. Raises InvalidInputError where there is none."""
    from zoomlib.infinity.generator import folder_of

    inner = None if models is None else models / name_or_folder
    if inner is not None and is_generator(inner) and not is_generator(Path(name_or_folder)):
        return inner
    return folder_of(name_or_folder)


def is_generator(folder: Path) -> bool:
    """Whether a folder says that it holds a generator of planes; other models have a `config.json`, too."""
    from zoomlib.infinity.networks.files import FORMAT, read_about

    try:
        return bool(read_about(folder).get("format") == FORMAT)
    except InvalidInputError:
        return False


def tile_px(config: GeneratorConfig) -> int:
    """Side of a tile of its planes."""
    return Grid(config.blocks, usual_cells(config.blocks)).step


def flat_px(config: GeneratorConfig) -> int | None:
    """Rows from the horizon beyond which the vertical coordinate says nothing more: 0.995 and above. None where rows
    are told apart everywhere."""
    return math.ceil(3 / config.rise) * 2**config.blocks if config.axes == "horizon" else None  # tanh 3 = 0.995


def level_size(size: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of a level. Raises InvalidInputError for a side of fewer than 16 pixels."""
    if size is None:
        return USUAL_PX, USUAL_PX
    if min(size) < SMALLEST_PX:
        raise InvalidInputError(
            f"A level has sides of at least {SMALLEST_PX} pixels, but {size[1]} x {size[0]} was asked for."
        )
    return size


def checked_planes(source: Any) -> Planes:
    """The source itself. Raises InvalidInputError for what draws no planes, such as a denoiser."""
    if not hasattr(source, "axes") or not hasattr(source, "tile_px"):
        raise InvalidInputError(
            f"This method draws from a generator of planes, and {type(source).__name__} is none. Pass "
            "zoomlib.infinity.planes.load_planes(), or use a method that takes a denoiser."
        )
    planes: Planes = source
    return planes
