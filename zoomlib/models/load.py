"""From a model's name or folder to a `Denoiser` or an up-scaler, and what is known of it without loading it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoomlib.building import alone
from zoomlib.careful import CarefulCodec, Note, unheard
from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Facts
from zoomlib.models.families import family_of
from zoomlib.models.files.digests import KINDS, revision_of
from zoomlib.models.files.extra_files import Extras, Lora, find_extras
from zoomlib.models.files.folder import Folder
from zoomlib.models.files.places import Sources, find, used_parts
from zoomlib.models.limits import reads_of
from zoomlib.models.placement import Placement
from zoomlib.models.tiny import find_tiny, load_tiny, tiny_facts
from zoomlib.models.upscaling import (
    NET,
    DiffusionUpscaler,
    describe_upscaler,
    is_upscaler,
    load_upscaler_from,
    net_factor,
)

if TYPE_CHECKING:
    from zoomlib.models.upscaling.net import Upscaler

Changes = Callable[[Folder, Facts], tuple[Extras, Path | None]]


def describe(
    name_or_folder: str | Path,
    *,
    fallbacks: Sequence[str | Path] = (),
    size: tuple[int, int] | None = None,
    dtype: torch.dtype = torch.float32,
    download: bool = False,
    sources: Sources | None = None,
    loras: Sequence[Lora] = (),
    embeddings: Sequence[str] = (),
    tiny_vae: str | None = None,
) -> dict[str, Any]:
    """What a run records of a model, read from its files without loading weights.

    name_or_folder, fallbacks, dtype, download, sources: as `find` has them (`zoomlib.models.files.places`); nothing
    large is got for a model or a size that is refused. size: (height, width) of a level in pixels; the model's own when
    None. loras, embeddings: changes of the model (`zoomlib.models.files.extra_files`). tiny_vae: a tiny autoencoder for
    estimates on the way (`zoomlib.models.tiny`).

    Keys: `kind` ("model", or "upscaler" for one that can only enlarge: `zoomlib.models.upscaling.describe_upscaler`
    names its keys), `id` (the name that was found), `folder`, `commit` (of the hub's history, else None), `bytes`
    of its weights, `family`, `shape` of one level, `factor` of its codec, `size_px` (height, width) of a picture,
    `upscaler` (None, or its `id`, `factor` and `revision`), `inpaints`, `distilled`, `guidance`, `rescale`,
    `clamp`, `steps`, `most_steps`, `reads` (how many tokens of a text each tokenizer's encoder is given), `loras`
    and `embeddings` (their names, weights, words and digests), `tiny_vae` (None, or its `id` and `revision`),
    `revision` (SHA-256 over the files of the parts that sampling uses, and of those changes). Raises
    InvalidInputError for no model, one that is not whole, one without an adapter, a size that it cannot make, and
    changes that are not there or not for this model.
    """
    options: dict[str, Any] = {"sources": sources, "download": download, "dtype": dtype}
    places: dict[str, Any] = {"sources": sources, "download": download}
    changed: Changes = partial(_changes, loras=loras, embeddings=embeddings, tiny_vae=tiny_vae, dtype=dtype, **places)
    place = find(name_or_folder, fallbacks, parts=partial(_accepted, size=size, changed=changed), **options)
    folder, kept = Folder(place.folder), None if sources is None else sources.digests
    told = {"id": place.name, "folder": str(place.folder.resolve()), "commit": place.commit}
    if is_upscaler(folder):
        larger = describe_upscaler(folder)
        return {"kind": "upscaler", **told, **larger, **_weights(folder, larger["parts"], dtype, kept)}
    facts = family_of(folder).facts(folder)
    height, width = level_size(facts, size)
    (extras, tiny), weights = changed(folder, facts), _weights(folder, facts.parts, dtype, kept)
    factor = net_factor(folder)
    upscaler = None if factor is None else {"id": place.name, "factor": factor, "revision": revision(folder.path / NET)}
    return {
        "kind": "model",
        **told,
        "family": facts.family,
        "shape": (facts.channels, height, width),
        "factor": facts.factor,
        "multiple": facts.multiple,
        "size_px": (height * facts.factor, width * facts.factor),
        "inpaints": facts.inpaints,
        "distilled": facts.distilled,
        "guidance": facts.guidance,
        "rescale": facts.rescale,
        "clamp": facts.clamp,
        "steps": facts.steps,
        "most_steps": facts.most_steps,
        "reads": reads_of(folder, facts),
        "upscaler": upscaler,
        **extras.facts(kept),
        "tiny_vae": None if tiny is None else tiny_facts(str(tiny_vae), tiny, dtype, kept),
        **weights,
        "revision": _with_tiny(extras.revision(weights["revision"], kept), tiny, dtype, kept),
    }


def _changes(
    folder: Folder,
    facts: Facts,
    loras: Sequence[Lora],
    embeddings: Sequence[str],
    tiny_vae: str | None,
    dtype: torch.dtype,
    **places: Any,
) -> tuple[Extras, Path | None]:
    """What a run adds to a model, found and checked: changes of its weights and words, and a tiny autoencoder."""
    extras = find_extras(folder, facts, loras, embeddings, **places)
    return extras, None if tiny_vae is None else find_tiny(tiny_vae, facts, dtype=dtype, **places)


def _with_tiny(base: str, tiny: Path | None, dtype: torch.dtype, kept: Path | None) -> str:
    """The revision of a model whose levels also depend on a tiny autoencoder."""
    if tiny is None:
        return base
    return hashlib.sha256(f"{base}\n{tiny_facts('', tiny, dtype, kept)['revision']}".encode()).hexdigest()


def _accepted(
    folder: Path, size: tuple[int, int] | None, changed: Callable[[Folder, Facts], object] | None = None
) -> Collection[str]:
    """The parts that are used of a model, which can make that size and take those changes."""
    found = Folder(folder)
    if not is_upscaler(found):
        facts = family_of(found).facts(found)
        level_size(facts, size)
        if changed is not None:
            changed(found, facts)
    return used_parts(folder)


def _weights(folder: Folder, parts: Sequence[str], dtype: torch.dtype, kept: Path | None) -> dict[str, Any]:
    stored = sum(folder.size(part, dtype).stored for part in parts if folder.has_weights(part))
    return {"bytes": stored, "revision": revision(folder.path, parts, dtype, kept)}


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
    if facts.largest and max(size_px) > facts.largest * facts.factor:
        raise InvalidInputError(
            f"This model ({facts.family}) knows no places beyond {facts.largest * facts.factor} pixels, but "
            f"{size_px[1]} x {size_px[0]} was asked for. Sample smaller levels, and enlarge them."
        )
    return size_px[0] // facts.factor, size_px[1] // facts.factor


@alone
def load_denoiser(
    name_or_folder: str | Path = "bundled",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    fallbacks: Sequence[str | Path] = (),
    size: tuple[int, int] | None = None,
    sources: Sources | None = None,
    placement: Placement | None = None,
    on_note: Note = unheard,
    loras: Sequence[Lora] = (),
    embeddings: Sequence[str] = (),
    tiny_vae: str | None = None,
) -> Denoiser:
    """A model as `Denoiser`, without guidance (give it to `zoomlib.guidance.guided`).

    size: (height, width) of a level in pixels; the model's own when None. sources: as `find` has them. Nothing is got
    from a network: `describe` does that. Weights are read from safetensors only. placement: where and how it runs,
    instead of device and dtype. on_note: told what is done otherwise than asked (`zoomlib.careful`).
    loras, embeddings: changes of its weights, merged into them, and words that it is taught (`zoomlib.models.extras`).
    tiny_vae: a tiny autoencoder for estimates on the way, the denoiser's `draft`.
    Raises InvalidInputError for a folder that is no model, for an architecture without an adapter, for a size that it
    cannot make, for missing or damaged weights, and for changes that are not for this model.
    """
    from zoomlib.models.denoiser import ModelDenoiser
    from zoomlib.models.extras import put_on

    placement = placement or Placement(torch.device(device), dtype)
    added: dict[str, Any] = {"loras": loras, "embeddings": embeddings, "tiny_vae": tiny_vae}
    changed: Changes = partial(_changes, **added, dtype=placement.dtype, sources=sources)
    accepted = partial(_accepted, size=size, changed=changed)
    folder = Folder(find(name_or_folder, fallbacks, sources=sources, dtype=placement.dtype, parts=accepted).folder)
    if is_upscaler(folder):
        raise InvalidInputError(
            f"The model {str(name_or_folder)!r} enlarges pictures and makes none. Name it in enlarge.stages, and a "
            "model that makes pictures as model.name."
        )
    family = family_of(folder)
    facts = family.facts(folder)
    level, (extras, tiny) = level_size(facts, size), changed(folder, facts)
    parts = family.load(folder, placement.dtype)
    if extras.loras or extras.embeddings:
        put_on(parts.backbone.pipeline, extras, on_note)
    placement.place(parts.modules, parts.backbone.network)
    if facts.factor > 1:
        parts = replace(parts, codec=CarefulCodec(parts.codec, on_note))
    draft = None if tiny is None else load_tiny(tiny, placement, on_note)
    return ModelDenoiser(parts, facts, level, placement.device, placement.dtype, draft)


@alone
def load_upscaler(
    name_or_folder: str | Path = "bundled",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    size: tuple[int, int] | None = None,
    text_of: str | Path | None = None,
    sources: Sources | None = None,
    placement: Placement | None = None,
    on_note: Note = unheard,
) -> Upscaler | DiffusionUpscaler:
    """An up-scaler: a `DiffusionUpscaler`, or the net in a model's folder, a callable on (L, 3, H, W) with a `factor`.

    size: (height, width) in pixels of what is to be enlarged, checked before weights are loaded. text_of: a model whose
    text encoder the second stage of DeepFloyd IF shares where it has none. sources, placement, on_note: as
    `load_denoiser` has them. Raises InvalidInputError for a folder without an up-scaler, for a size that it cannot
    take, and for missing or damaged weights.
    """
    placement = placement or Placement(torch.device(device), dtype)
    options: dict[str, Any] = {"sources": sources, "dtype": placement.dtype}
    folder = Folder(find(name_or_folder, **options).folder)
    text = None if text_of is None else Folder(find(text_of, **options).folder)
    return load_upscaler_from(folder, placement, size=size, text=text, on_note=on_note)


def revision(
    folder: Path, parts: Sequence[str] = (), dtype: torch.dtype = torch.float32, kept: Path | None = None
) -> str:
    """SHA-256 over names and contents of a model's files: of all, or of the index and those that the named parts are
    read from. kept: a file that keeps digests of large files (`zoomlib.models.files.digests`)."""
    if parts:
        return revision_of(folder, Folder(folder).files(parts, dtype), kept)
    found = [file for file in folder.rglob("*") if file.suffix in KINDS and file.is_file()]
    return revision_of(folder, [file.relative_to(folder).as_posix() for file in found], kept)
