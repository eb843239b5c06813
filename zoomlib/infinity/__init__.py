"""Pictures without bounds: InfinityGAN (arXiv 2104.03963), any window of an endless plane at constant memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from zoomlib.infinity.generator import Generator

BUNDLED = "bundled"


def load_generator(
    name_or_folder: str | Path = BUNDLED, *, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Generator:
    """A trained generator: one that this package ships, by its name, or that of a folder.

    dtype: precision of its networks where they paint, float32 if none is named; pixels are float32 always. Raises
    InvalidInputError for a folder that holds no generator, or weights of other sizes than it says.
    """
    from zoomlib.infinity.generator import Generator  # networks and numbers are loaded with the first generator

    return Generator.load(name_or_folder, device=device, dtype=dtype)


def shipped() -> dict[str, Path]:
    """The folders of the generators that this package ships, by their names."""
    weights = Path(__file__).parent / "weights"
    inner = sorted(path.parent for path in weights.glob("*/config.json"))
    own = {BUNDLED: weights} if (weights / "config.json").is_file() else {}
    return {**own, **{f"{BUNDLED}-{path.name}": path for path in inner}}
