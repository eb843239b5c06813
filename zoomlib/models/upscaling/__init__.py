"""Up-scalers: nets that enlarge at once, and diffusion models that sample the large picture.

A family of the latter is a module with `fits(folder)`, `facts(folder) -> UpscalerFacts` and `load(folder, dtype, text)
-> (Parts, Noising)`, much as families of models have them. Importing this loads no model library.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoomlib.building import alone
from zoomlib.careful import CarefulCodec, Note, unheard
from zoomlib.errors import InvalidInputError
from zoomlib.models.files.folder import INDEX, Folder, read_json, read_module
from zoomlib.models.placement import Placement
from zoomlib.models.upscaling.diffusion import DiffusionUpscaler, UpscalerFacts, check_small

if TYPE_CHECKING:
    from zoomlib.models.upscaling.net import Upscaler

__all__ = ["NET", "DiffusionUpscaler", "UpscalerFacts", "describe_upscaler", "is_upscaler", "load_upscaler_from"]

NET = "super_resolution"
"""The folder of a net inside a model's folder."""

_FAMILIES = ("stable_diffusion", "latent", "deepfloyd")
_NAMED = {"LDMSuperResolutionPipeline"}
"""Up-scalers of diffusers that have no adapter, to be refused as such."""


def is_upscaler(folder: Folder) -> bool:
    """Whether a model enlarges pictures and cannot make any."""
    return _family(folder) is not None or str(folder.index.get("_class_name")) in _NAMED


def describe_upscaler(folder: Folder) -> dict[str, Any]:
    """What is known of a diffusion up-scaler without its weights, as `zoomlib.models.describe` tells it.

    `size_px` is the enlarged picture that it was trained for; `parts` what its revision is taken over. Raises
    InvalidInputError for one without an adapter.
    """
    facts: UpscalerFacts = _adapter(folder).facts(folder)
    model = facts.model
    return {
        "family": model.family,
        "factor": facts.factor,
        "size_px": (model.size[0] * model.factor, model.size[1] * model.factor),
        "multiple_px": model.multiple * model.factor,
        "noise_level": facts.noise_level,
        "most_noise": facts.most_noise,
        "words_of": facts.words_of,
        "guidance": model.guidance,
        "rescale": model.rescale,
        "clamp": model.clamp,
        "steps": model.steps,
        "parts": model.parts,
    }


@alone
def load_upscaler_from(
    folder: Folder,
    placement: Placement,
    *,
    size: tuple[int, int] | None = None,
    text: Folder | None = None,
    on_note: Note = unheard,
) -> Upscaler | DiffusionUpscaler:
    """The up-scaler of a folder: a diffusion up-scaler, or the net in a model's folder.

    size: (height, width) in pixels of what is to be enlarged, checked before weights are loaded. text: a model whose
    text encoder a stage of DeepFloyd IF may share. on_note: told of what its codec does otherwise than asked. Raises
    InvalidInputError for a folder without an up-scaler, for a size that it cannot take, and for missing or damaged
    weights.
    """
    if not is_upscaler(folder):
        return _net(folder, placement)
    family = _adapter(folder)
    facts = family.facts(folder)
    if size is not None:
        check_small(facts, size)
    parts, noising = family.load(folder, placement.dtype, text)
    placement.place(parts.modules, parts.backbone.network)
    if facts.model.factor > 1:
        parts = replace(parts, codec=CarefulCodec(parts.codec, on_note))
    return DiffusionUpscaler(parts, noising, facts, placement.device, placement.dtype)


def _net(folder: Folder, placement: Placement) -> Upscaler:
    from zoomlib.models.upscaling.net import SuperResolution, Upscaler

    if not (folder.path / NET / "config.json").is_file():
        raise InvalidInputError(
            f"The model {folder.path.name!r} has no folder {NET} and is no up-scaler. Use one that is, or none."
        )
    return Upscaler(read_module(SuperResolution, folder.path / NET, placement.dtype).to(placement.device))


def net_factor(folder: Folder) -> int | None:
    """By how much the net in a model's folder enlarges; None where there is none."""
    config = folder.path / NET / "config.json"
    return int(read_json(config)["factor"]) if config.is_file() else None


def _family(folder: Folder) -> ModuleType | None:
    if not (folder.path / INDEX).is_file():
        return None
    for name in _FAMILIES:
        family = import_module(f"{__name__}.{name}")
        if family.fits(folder):
            return family
    return None


def _adapter(folder: Folder) -> ModuleType:
    family = _family(folder)
    if family is None:
        raise InvalidInputError(
            f"The up-scaler in {folder.path.name!r} ({folder.index.get('_class_name', 'unnamed pipeline')}) has no "
            "adapter here. Those of Stable Diffusion (x4, and x2 for latents) and DeepFloyd IF (stage II) have."
        )
    return family
