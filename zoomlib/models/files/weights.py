"""The files that hold a part's weights: which of several variants, whether all of them are there, how many numbers.

The names are those of diffusers and transformers: `model.safetensors`, a variant `model.fp16.safetensors`, shards
`model-00001-of-00002.safetensors` with an index that says which tensor is in which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from zoomlib.errors import InvalidInputError

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")
_FILE = re.compile(
    r"(?P<stem>diffusion_pytorch_model|model)(\.(?P<variant>\w+))?(-(?P<number>\d{5})-of-(?P<count>\d{5}))?\.safetensors"
)
_ORDER: dict[torch.dtype, tuple[str | None, ...]] = {
    torch.float32: (None, "fp32", "bf16", "fp16"),
    torch.bfloat16: ("bf16", "fp16", None, "fp32"),
    torch.float16: ("fp16", None, "fp32", "bf16"),
}
"""Variants by how well they suit a type. Half of the bytes are enough where half of them are used; float16 made of
bfloat16 may overflow, so that it comes last."""


@dataclass(frozen=True)
class Weights:
    """One variant of a part's weights. files: their names, all shards. index: of the shards, or None for one file."""

    variant: str | None
    files: tuple[str, ...]
    index: str | None = None


def choose(names: Collection[str], dtype: torch.dtype) -> Weights | None:
    """The variant in a folder of these file names that suits a type best, of those that are whole; None without one."""
    found = _variants(names)
    order = _ORDER.get(dtype, _ORDER[torch.float32])
    return next((found[variant] for variant in order if variant in found), None)


def _variants(names: Collection[str]) -> dict[str | None, Weights]:
    groups: dict[tuple[str, str | None, int], list[str]] = {}
    for name in sorted(names):
        match = _FILE.fullmatch(name)
        if match is not None:
            key = (match["stem"], match["variant"], int(match["count"] or 0))
            groups.setdefault(key, []).append(name)
    found: dict[str | None, Weights] = {}
    for (stem, variant, count), files in sorted(groups.items(), key=lambda item: item[0][2], reverse=True):
        index = None if count == 0 else index_name(stem, variant)
        if count in (0, len(files)) and (index is None or index in names):
            found[variant] = Weights(variant, tuple(files), index)
    return found


def index_name(stem: str, variant: str | None) -> str:
    """The file that says which shard holds which tensor."""
    return f"{stem}.safetensors.index{'' if variant is None else '.' + variant}.json"


def lacking(part: Path, dtype: torch.dtype) -> str | None:
    """Why the weights in a part's folder cannot be read, as a clause; None where they are whole.

    Raises InvalidInputError where they are there and can never be read: other formats than safetensors, shards that lie
    elsewhere, files that are cut off.
    """
    names = [path.name for path in part.iterdir() if path.exists()] if part.is_dir() else []
    weights = choose(names, dtype)
    if weights is None:
        others = sorted(name for name in names if name.endswith(PICKLES))
        if others and not any(name.endswith((".safetensors", ".index.json")) for name in names):
            raise no_safetensors(part)
        begun = [name for name in names if _FILE.fullmatch(name) or ".safetensors.index" in name]
        return f"{part.name} has only some of its weights" if begun else f"{part.name} has no safetensors"
    for name in shards(part, weights):
        check(part / name)
    return None


def shards(part: Path, weights: Weights) -> tuple[str, ...]:
    """The files that hold tensors. Raises InvalidInputError where the index names others than those beside it."""
    if weights.index is None:
        return weights.files
    try:
        named = set(json.loads((part / weights.index).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"The index {weights.index} in {part.parent.name!r}/{part.name} cannot be read: {error!r}. "
            "Fetch the model again."
        ) from error
    foreign = sorted(str(name) for name in named - set(weights.files))
    if foreign:
        raise InvalidInputError(
            f"The index {weights.index} in {part.parent.name!r}/{part.name} names {foreign[0]!r}, which is none of the "
            "weights beside it. Fetch the model again, from a source that you trust."
        )
    return weights.files


def no_safetensors(part: Path) -> InvalidInputError:
    """What is said of weights in a format that can run code."""
    return InvalidInputError(
        f"No safetensors weights in {part.parent.name!r}/{part.name}. Other formats can run code when they are "
        "read and are refused; fetch the safetensors variant of the model, or convert it."
    )


def check(file: Path) -> None:
    """Raise InvalidInputError where a safetensors file is not as long as its header says, or none at all."""
    header(file)


def header(file: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of every tensor in a safetensors file, by its name; reads no weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as tensors:
            parts = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118 - it is no mapping
            return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
    except (OSError, SafetensorError) as error:
        raise InvalidInputError(
            f"The weights in {file} are damaged and could not be read: {_reason(file, error)}."
        ) from error


def _reason(file: Path, error: Exception) -> str:
    with file.open("rb") as content:
        start = content.read(32)
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS stands in their place. Run `git lfs pull` in the model's folder"
    return f"{error}. Half a download, perhaps: fetch the model again"


@dataclass(frozen=True)
class Size:
    """How large a part is. parameters: numbers in it; largest: in its largest block, which layers offloaded one by one
    need at once; stored: bytes of its files."""

    parameters: int
    largest: int
    stored: int


def size(part: Path, dtype: torch.dtype) -> Size:
    """The size of a part's weights, from the headers of its files."""
    weights = choose([path.name for path in part.iterdir()], dtype)
    if weights is None:
        raise no_safetensors(part)
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name in weights.files:
        tensors |= header(part / name)
    stored = sum((part / name).stat().st_size for name in weights.files)
    return Size(sum(_counts(tensors).values()), max(_counts(tensors).values(), default=0), stored)


def _counts(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, int]:
    blocks: dict[str, int] = {}
    for name, (_, shape) in tensors.items():
        block = _block(name.split("."))
        blocks[block] = blocks.get(block, 0) + prod(shape)
    return blocks


def _block(words: Iterable[str]) -> str:
    """The layer that a tensor belongs to: its name up to the first number, as `transformer_blocks.7`."""
    found: list[str] = []
    for word in words:
        found.append(word)
        if word.isdigit():
            break
    return ".".join(found)
