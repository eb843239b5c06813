"""From a model's name or folder to a `Denoiser` or an up-scaler, and what is known of it without loading it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from zoomlib import bundled
from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Facts
from zoomlib.models.families import family_of
from zoomlib.models.folder import INDEX, Folder, read_json, read_module
from zoomlib.models.placement import Placement

UPSCALER = "super_resolution"


def find(name_or_folder: str | Path, fallbacks: Sequence[str | Path] = ()) -> tuple[str, Path]:
    """The name and the folder of the first model that is there: the named one, then the fall-backs in order.

    "bundled" is the shipped model; anything else is a folder in diffusers' format. Raises InvalidInputError, which
    lists what was tried.
    """
    candidates = [name_or_folder, *fallbacks]
    for candidate in candidates:
        folder = bundled.folder() if str(candidate) == "bundled" else Path(candidate).expanduser()
        if (folder / INDEX).is_file():
            return str(candidate), folder
    tried = ", ".join(repr(str(c)) for c in candidates)
    raise InvalidInputError(
        f"No model found; tried {tried}. Expected 'bundled', or a local folder in the format of diffusers, which has a "
        f"{INDEX} inside. To get one from a hub: hf download ORG/NAME --local-dir FOLDER."
    )


def describe(
    name_or_folder: str | Path,
    *,
    fallbacks: Sequence[str | Path] = (),
    size: tuple[int, int] | None = None,
    download: bool = False,  # noqa: ARG001
) -> dict[str, Any]:
    """What a run records of a model, read from its files without loading weights.

    size: (height, width) of a level in pixels; the model's own when None. Keys: `id` (the name that was found),
    `folder`, `family`, `shape` of one level, `factor` of its codec, `size_px` (height, width) of a picture, `upscaler`
    (None, or its `id`, `factor` and `revision`), `inpaints`, `distilled`, `guidance`, `rescale`, `clamp`, `steps`,
    `revision` (SHA-256 over the files of the parts that sampling uses). Raises InvalidInputError for no model, one
    without an adapter, and a size that it cannot make.
    """
    name, path = find(name_or_folder, fallbacks)
    folder = Folder(path)
    facts = family_of(folder).facts(folder)
    height, width = level_size(facts, size)
    upscaler = None
    if (path / UPSCALER / "config.json").is_file():
        factor = int(read_json(path / UPSCALER / "config.json")["factor"])
        upscaler = {"id": name, "factor": factor, "revision": revision(path / UPSCALER)}
    return {
        "id": name,
        "folder": str(path.resolve()),
        "family": facts.family,
        "shape": (facts.channels, height, width),
        "factor": facts.factor,
        "size_px": (height * facts.factor, width * facts.factor),
        "inpaints": facts.inpaints,
        "distilled": facts.distilled,
        "guidance": facts.guidance,
        "rescale": facts.rescale,
        "clamp": facts.clamp,
        "steps": facts.steps,
        "upscaler": upscaler,
        "revision": revision(path, facts.parts),
    }


def level_size(facts: Facts, size_px: tuple[int, int] | None) -> tuple[int, int]:
    """(H, W) of a level of z for a picture of that height and width. Raises InvalidInputError where the model cannot
    make it."""
    if size_px is None:
        return facts.size
    unit = facts.factor * facts.multiple
    if any(side % unit or side < unit for side in size_px):
        nearest = " x ".join(str(max(round(side / unit), 1) * unit) for side in reversed(size_px))
        raise InvalidInputError(
            f"Both sides of a level must be multiples of {unit} pixels for this model ({facts.family}), but "
            f"{size_px[1]} x {size_px[0]} was asked for. The nearest is {nearest}."
        )
    return size_px[0] // facts.factor, size_px[1] // facts.factor


def load_denoiser(
    name_or_folder: str | Path = "bundled",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    fallbacks: Sequence[str | Path] = (),
    size: tuple[int, int] | None = None,
) -> Denoiser:
    """A model as `Denoiser`, without guidance (give it to `zoomlib.guidance.guided`).

    size: (height, width) of a level in pixels; the model's own when None. Weights are read from safetensors only.
    Raises InvalidInputError for a folder that is no model, for an architecture without an adapter, for a size that it
    cannot make, and for missing or damaged weights.
    """
    from zoomlib.models.denoiser import ModelDenoiser

    folder = Folder(find(name_or_folder, fallbacks)[1])
    family = family_of(folder)
    facts = family.facts(folder)
    level = level_size(facts, size)
    placement = Placement(torch.device(device), dtype)
    parts = family.load(folder, dtype)
    placement.place(parts.modules)
    return ModelDenoiser(parts, facts, level, placement.device, placement.dtype)


def load_upscaler(
    name_or_folder: str | Path = "bundled", *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Any:
    """The super-resolution net of a model folder, a callable on (L, 3, H, W) with a `factor`."""
    from zoomlib.models.super_resolution import SuperResolution, Upscaler

    folder = find(name_or_folder)[1]
    if not (folder / UPSCALER / "config.json").is_file():
        raise InvalidInputError(
            f"The model {str(name_or_folder)!r} has no folder {UPSCALER}. Use one that has, or no up-scaler."
        )
    return Upscaler(read_module(SuperResolution, folder / UPSCALER, dtype).to(device))


def revision(folder: Path, parts: Sequence[str] = ()) -> str:
    """SHA-256 over names and contents of a model's files: of all, or of the named subfolders and the index."""
    places = [folder] if not parts else [folder / INDEX, *(folder / part for part in parts)]
    found = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    files = sorted(file for file in found if file.suffix in {".json", ".safetensors", ".txt"})
    stamps = tuple((str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files)
    return _digest(folder, stamps)


@lru_cache(maxsize=32)
def _digest(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, _, _ in stamps:
        with (folder / name).open("rb") as file:
            digest.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
