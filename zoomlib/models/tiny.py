"""Tiny autoencoders: where one is, whether it suits a model, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zoomlib.careful import CarefulCodec, Note, unheard
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Facts
from zoomlib.models.codec import TinyCodec
from zoomlib.models.files import hub, weights
from zoomlib.models.files.digests import revision_of
from zoomlib.models.files.folder import read_json, read_module
from zoomlib.models.files.places import Sources, local_paths
from zoomlib.models.placement import Placement

CONFIG, KIND = "config.json", "AutoencoderTiny"
_WIDTHS = (64, 64, 64, 64)


def find_tiny(
    name: str,
    facts: Facts,
    *,
    sources: Sources | None = None,
    download: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """The folder of a tiny autoencoder for a model: a path, a subfolder of `sources.models`, or ORG/NAME[@REVISION] in
    the hub's cache, and with `download` at the hub.

    Raises InvalidInputError for one that is not there or not whole, for another kind of autoencoder, for one whose
    latents are not the model's, and for a model of pixels, which needs none.
    """
    if facts.factor == 1:
        raise InvalidInputError(
            f"Models of the family {facts.family} make pixels and have no autoencoder, so there is none to be replaced "
            f"by {name!r}. Leave out model.tiny_vae."
        )
    folder = _local(name, sources) or _at_hub(name, facts, sources, download, dtype)
    _check(folder, name, facts)
    if lacks := weights.lacking(folder, dtype):
        raise InvalidInputError(f"The tiny autoencoder {name!r} is not whole: {lacks}. Fetch it again.")
    return folder


def tiny_facts(name: str, folder: Path, dtype: torch.dtype, kept: Path | None = None) -> dict[str, Any]:
    """What a run records of it: `id` and `revision`, SHA-256 over its files."""
    return {"id": name, "revision": revision_of(folder, [CONFIG, *_files(folder, dtype)], kept)}


def load_tiny(folder: Path, placement: Placement, on_note: Note = unheard) -> CarefulCodec:
    """The codec, ready for use."""
    from diffusers import AutoencoderTiny

    vae = read_module(AutoencoderTiny, folder, placement.dtype).to(placement.device)
    return CarefulCodec(TinyCodec(vae), on_note)


def _local(name: str, sources: Sources | None) -> Path | None:
    places = local_paths(name, sources)
    return next((place for place in places if (place / CONFIG).is_file()), None)


def _at_hub(name: str, facts: Facts, sources: Sources | None, download: bool, dtype: torch.dtype) -> Path:
    wanted = hub.hub_id(name)
    if wanted is None:
        raise InvalidInputError(
            f"There is no tiny autoencoder {name!r}. Expected a folder with {CONFIG} and safetensors weights of an "
            f"{KIND}, or ORG/NAME at a hub."
        )
    folder = hub.snapshot(wanted)
    if folder is not None and (folder / CONFIG).is_file() and not weights.lacking(folder, dtype):
        return folder
    if not download:
        raise InvalidInputError(
            f"The tiny autoencoder {name!r} is neither a folder nor in the hub's cache. To get it: {wanted.command()}"
        )

    def plan(listing: Mapping[str, int], place: Path) -> Iterator[Sequence[str]]:
        yield [CONFIG]
        _check(place, name, facts)
        chosen = weights.choose(listing, dtype)
        yield [] if chosen is None else [*chosen.files, *([chosen.index] if chosen.index else [])]

    try:
        return hub.fetch(wanted, plan, None if sources is None else sources.on_progress)[0]
    except hub.NotThereError as reason:
        raise InvalidInputError(f"The tiny autoencoder {name!r} {reason}.") from reason


def _files(folder: Path, dtype: torch.dtype) -> tuple[str, ...]:
    chosen = weights.choose([file.name for file in folder.iterdir()], dtype)
    return () if chosen is None else chosen.files


def _check(folder: Path, name: str, facts: Facts) -> None:
    config = read_json(folder / CONFIG)
    if config.get("_class_name") != KIND:
        raise InvalidInputError(
            f"{name!r} is of the kind {config.get('_class_name')}, not an {KIND}. A model's own autoencoder comes with "
            "the model; leave out model.tiny_vae."
        )
    channels = int(config.get("latent_channels", 4))
    factor = int(2 ** (len(config.get("encoder_block_out_channels", _WIDTHS)) - 1))
    if (channels, factor) != (facts.channels, facts.factor):
        raise InvalidInputError(
            f"The tiny autoencoder {name!r} makes latents of {channels} channels, one for {factor} x {factor} pixels; "
            f"this model's ({facts.family}) have {facts.channels}, one for {facts.factor} x {facts.factor}. It was "
            "distilled from another model's autoencoder."
        )
