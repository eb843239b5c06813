"""Families of models, one file each. A family is a module with

- `fits(parts) -> bool`: whether it can drive a model whose index names these classes, by part;
- `facts(folder) -> Facts`: what is known without loading weights; raises InvalidInputError for what it cannot drive;
- `load(folder, dtype) -> Parts`: the model, on the CPU, ready for use.

`folder` is a `zoomlib.models.files.folder.Folder`. The first that fits is taken: the particular before the general.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from zoomlib.errors import InvalidInputError
from zoomlib.models.files.folder import Folder

FAMILIES = ("tenfold", "deepfloyd", "sdxl", "stable_diffusion", "sd3", "flux", "z_image", "qwen_image", "sana")


def family_of(folder: Folder) -> ModuleType:
    """The family of a model. Raises InvalidInputError, which names its parts, where none can drive it."""
    if not folder.parts:
        raise InvalidInputError(
            f"The configuration of the model in {folder.path.name!r} names no parts. Fetch the model again."
        )
    for name in FAMILIES:
        family = import_module(f"{__name__}.{name}")
        if family.fits(folder.parts):
            return family
    has = ", ".join(f"{part}: {kind}" for part, kind in folder.parts.items())
    raise InvalidInputError(
        f"The model in {folder.path.name!r} ({folder.index.get('_class_name', 'unnamed pipeline')}) has no adapter "
        f"here: {has}. docs/models.md lists the families that have."
    )
