"""Where models lie: the shipped one, a local folder, the folder of all models, a hub's cache, and at last the hub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from errno import ENAMETOOLONG
from pathlib import Path
from typing import NamedTuple

import torch

from zoomlib import bundled
from zoomlib.errors import InvalidInputError
from zoomlib.models.files import hub, weights
from zoomlib.models.files.folder import INDEX, SMALL, Folder, read_json
from zoomlib.models.files.hub import HubId, NotThereError, Progress

BUNDLED = "bundled"
UPSCALER = "super_resolution"
"""A net for larger pictures that a model may bring, beside the parts that its index names."""
SMALL_BYTES = 2**27
CHECKPOINTS = (".safetensors", ".gguf", *weights.PICKLES)


@dataclass(frozen=True)
class Sources:
    """Where models are looked for beside the usual places, and who is told of downloads.

    models: a folder whose subfolders are models. digests: the file that keeps digests of large local files.
    """

    models: Path | None = None
    digests: Path | None = None
    on_progress: Progress | None = None


class Place(NamedTuple):
    """A model that is here. name: the one of several names that was found. commit: of the hub's history, or None."""

    name: str
    folder: Path
    commit: str | None = None


Parts = Callable[[Path], Collection[str]]
"""Which parts of a model are used, from its small files; raises InvalidInputError for a model that is not wanted."""


def used_parts(folder: Path) -> Collection[str]:
    """The parts that sampling, or enlarging, uses. Raises InvalidInputError for a family without an adapter, and for a
    model with code of its own."""
    from zoomlib.models.families import family_of
    from zoomlib.models.upscaling import describe_upscaler, is_upscaler

    found = Folder(folder)
    enlarges = is_upscaler(found)
    parts: Collection[str] = describe_upscaler(found)["parts"] if enlarges else family_of(found).facts(found).parts
    found.check_code(parts)
    return parts


def find(
    name_or_folder: str | Path,
    fallbacks: Sequence[str | Path] = (),
    *,
    sources: Sources | None = None,
    download: bool = False,
    dtype: torch.dtype = torch.float32,
    parts: Parts = used_parts,
) -> Place:
    """The first model that is there: the named one, then the fall-backs in order.

    Each is looked for as the word "bundled", as a folder in diffusers' format, as a subfolder of `sources.models`, as
    ORG/NAME or ORG/NAME@REVISION in the hub's cache, and with `download` at the hub. Nothing is asked of a network
    where a model is here. dtype: which variant of the weights is got. parts: which parts are needed; it is asked before
    weights are got. Raises InvalidInputError, which says of each what is wrong and how to get it, where none is there,
    and for one that is there and cannot be used.
    """
    sources = sources or Sources()
    reasons: list[str] = []
    for candidate in [name_or_folder, *fallbacks]:
        try:
            return _found(str(candidate), sources, download, dtype, parts)
        except NotThereError as reason:
            reasons.append(f"{str(candidate)!r} {reason}")
    raise InvalidInputError(f"No model found: {'; '.join(reasons)}.")


def _found(name: str, sources: Sources, download: bool, dtype: torch.dtype, parts: Parts) -> Place:
    folder = local_folder(name, sources)
    if folder is not None:
        missing = _lacking(folder, parts, dtype)
        if missing:
            raise InvalidInputError(f"The model {name!r} is not whole: {'; '.join(missing)}. Fetch it again.")
        return Place(name, folder)
    wanted = hub.hub_id(name)
    if wanted is None:
        raise NotThereError(_no_name(name))
    return _at_hub(name, wanted, sources, download, dtype, parts)


def _lacking(folder: Path, parts: Parts, dtype: torch.dtype) -> list[str]:
    """What of the used parts is not there, or of a net for larger pictures that is."""
    net = [UPSCALER] if (folder / UPSCALER / "config.json").is_file() else []
    return Folder(folder).lacking([*parts(folder), *net], dtype)


def as_path(name: str) -> Path | None:
    """A name as a path, "~" for a person's home; None where no file can have it: too long, or nobody's home."""
    try:
        path = Path(name).expanduser()
        path.exists()
    except (RuntimeError, ValueError):
        return None
    except OSError as error:
        if error.errno == ENAMETOOLONG:
            return None
        raise
    return path


def local_paths(name: str, sources: Sources | None) -> list[Path]:
    """Where something of that name may lie on this machine: at the path itself, and in the folder of all models."""
    path = as_path(name)
    if path is None:
        return []
    below = [] if sources is None or sources.models is None or ".." in path.parts else [sources.models / path]
    return [path, *below]


def local_folder(name: str, sources: Sources) -> Path | None:
    """The folder of a model on this machine, outside of the hub's cache; None where there is none of that name.

    Raises InvalidInputError for a checkpoint in one file, which is no folder.
    """
    if name == BUNDLED:
        return bundled.folder()
    path = as_path(name)
    if path is None:
        return None
    if (path / INDEX).is_file():
        return path
    if path.suffix in CHECKPOINTS and (path.is_file() or "/" not in name):
        raise InvalidInputError(_single_file(path))
    words = Path(name).parts
    if sources.models is None or not words or path.is_absolute() or ".." in words or "~" in name:
        return None
    below = sources.models.joinpath(*words)
    return below if (below / INDEX).is_file() else None


def here(name: str, sources: Sources) -> Path | None:
    """The folder of a model on this machine, the hub's cache included, whole or not; None where there is none."""
    folder, wanted = local_folder(name, sources), hub.hub_id(name)
    if folder is not None or wanted is None:
        return folder
    found = hub.cached(wanted, INDEX)
    return None if found is None else found[0]


def _no_name(name: str) -> str:
    folder = as_path(name)
    if folder is not None and folder.is_dir():
        inside = sorted(path.name for path in folder.iterdir() if path.suffix in CHECKPOINTS)
        if inside:
            return f"is a folder with {inside[0]} and no {INDEX}: expected diffusers' format, a folder for every part"
        return f"is a folder without a {INDEX}: expected a model in diffusers' format"
    return (
        "is neither the word 'bundled', nor a folder in the format of diffusers, nor ORG/NAME or ORG/NAME@REVISION at "
        "a hub (`hf download ORG/NAME --local-dir FOLDER` makes a folder)"
    )


def _single_file(file: Path) -> str:
    if file.suffix in weights.PICKLES:
        return (
            f"{file.name} is a pickle, which can run code when it is read, and is refused. Use the model in diffusers' "
            "format with safetensors: ORG/NAME at a hub, or a folder."
        )
    return (
        f"{file.name} is a checkpoint in one file. Expected a folder in diffusers' format. To make one of safetensors: "
        "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER), with the class of its family, in "
        "Python with diffusers."
    )


def _at_hub(name: str, wanted: HubId, sources: Sources, download: bool, dtype: torch.dtype, parts: Parts) -> Place:
    found = hub.cached(wanted, INDEX)
    missing = [] if found is None else _lacking(found[0], parts, dtype)
    if found is not None and not missing:
        return Place(name, *found)
    if not download:
        state = "is neither a folder nor in the hub's cache" if found is None else f"is not whole: {'; '.join(missing)}"
        raise NotThereError(f"{state}; to get it: tenfold models get {wanted}, or: {wanted.command()}")
    return fetched(name, wanted, sources, dtype, parts)


def fetched(
    name: str, wanted: HubId, sources: Sources, dtype: torch.dtype = torch.float32, parts: Parts = used_parts
) -> Place:
    """A model got from the hub, or what of it is missing here. Raises NotThereError where it cannot be had."""

    def plan(listing: Mapping[str, int], folder: Path) -> Iterator[Sequence[str]]:
        return model_files(listing, folder, dtype, parts)

    folder, commit = hub.fetch(wanted, plan, sources.on_progress)
    missing = _lacking(folder, parts, dtype)
    if missing:
        raise NotThereError(f"is not whole at the hub: {'; '.join(missing)}")
    return Place(name, folder, commit)


def model_files(
    listing: Mapping[str, int], folder: Path, dtype: torch.dtype, parts: Parts = used_parts
) -> Iterator[Sequence[str]]:
    """The files of a model that are got from a hub: the index, the small files of its parts, then weights of the parts
    that are used, one variant, safetensors only. Nothing else, and no code, is ever got."""
    if INDEX not in listing:
        raise NotThereError(_other_format(listing))
    yield [INDEX]
    named = [part for part, kind in read_json(folder / INDEX).items() if isinstance(kind, list) and len(kind) == 2]
    yield [name for name in listing if _is_small(name, [*named, UPSCALER]) and listing[name] <= SMALL_BYTES]
    for part in [*parts(folder), UPSCALER]:
        inside = [name.removeprefix(f"{part}/") for name in listing if name.startswith(f"{part}/")]
        chosen = weights.choose(inside, dtype)
        if chosen is not None:
            yield [f"{part}/{name}" for name in chosen.files]
        elif any(name.endswith(weights.PICKLES) for name in inside):
            raise NotThereError(f"has no safetensors for {part}; other formats can run code and are refused")


def _is_small(name: str, parts: Collection[str]) -> bool:
    part, _, file = name.partition("/")
    return part in parts and file.endswith(SMALL)


def _other_format(listing: Mapping[str, int]) -> str:
    single = sorted(name for name in listing if name.endswith(CHECKPOINTS))
    what = f"it holds {single[0]}" if single else "it holds no model"
    return f"is not in diffusers' format: it has no {INDEX}, {what}"
