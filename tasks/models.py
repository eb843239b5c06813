"""Which models are here, and what identifies a scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoomlib import bundled, models
from zoomlib.errors import InvalidInputError, ZoomlibError
from zoomlib.models.load import INDEX, revision


def available(folder: Path) -> list[dict[str, str]]:
    """The bundled model and every model in a subfolder of `folder`: name, family, revision, note."""
    local = sorted(path for path in folder.iterdir() if (path / INDEX).is_file()) if folder.is_dir() else []
    return [_row(name) for name in ("bundled", *map(str, local))]


def describe_scorer(name: str) -> dict[str, Any]:
    """`id` and `revision` of a scorer without loading it. Raises InvalidInputError where there is none of that name."""
    folder = bundled.folder() / "scorer" if name == "bundled" else Path(name)
    if folder.is_dir():
        return {"id": name, "revision": revision(folder)}
    if ":" in name:  # open_clip's NAME:TAG, weights that never change under their name
        return {"id": name, "revision": name}
    raise InvalidInputError(
        f"There is no scorer {name!r}. Use bundled, none, a folder in open_clip's format, or NAME:TAG."
    )


def _row(name: str) -> dict[str, str]:
    try:
        described = models.describe(name)
    except (ZoomlibError, OSError, KeyError) as error:
        return {"name": name, "family": "", "revision": "", "note": f"cannot be used: {error}"}
    height, width = described["size_px"]
    net = described["upscaler"]
    larger = f", {net['factor']} times larger by super-resolution" if net else ""
    note = f"{width} x {height} px{larger}"
    return {"name": name, "family": described["family"], "revision": described["revision"], "note": note}
