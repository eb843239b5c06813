"""Files that change a model: low-rank changes of its weights, and words that it is taught. What they are, before any
weights are loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Facts
from zoomlib.models.files import hub
from zoomlib.models.files.digests import digest_of
from zoomlib.models.files.folder import Folder
from zoomlib.models.files.places import Sources, local_paths
from zoomlib.models.files.weights import PICKLES

WEIGHTS = ".safetensors"
CLIP_KEYS = ("clip_l", "clip_g")
"""Names of vectors for Stable Diffusion XL's two text towers, in their order."""
NAMELESS = ("emb_params", *CLIP_KEYS)
"""Names of vectors that are not words: then the file's own name is the word."""


@dataclass(frozen=True)
class Lora:
    """Low-rank changes of a model's weights (arXiv 2106.09685): a safetensors file, a folder with one, or ORG/NAME,
    ORG/NAME/FILE at a hub, and how much of them."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Extras:
    """The changes' files, and the weights of the first ones."""

    loras: tuple[tuple[Path, Lora], ...] = ()
    embeddings: tuple[tuple[Path, str], ...] = ()

    def facts(self, kept: Path | None = None) -> dict[str, Any]:
        """What a run records: `loras` (name, weight, sha256) and `embeddings` (name, word, vectors, sha256)."""
        return {
            "loras": [
                {"name": lora.name, "weight": lora.weight, "sha256": digest_of(path, kept)} for path, lora in self.loras
            ],
            "embeddings": [
                {"name": name, **_word_facts(path), "sha256": digest_of(path, kept)} for path, name in self.embeddings
            ],
        }

    def revision(self, base: str, kept: Path | None = None) -> str:
        """The revision of a model with these changes: its own where there are none."""
        if not self.loras and not self.embeddings:
            return base
        stamps = [f"{digest_of(path, kept)} {lora.weight!r}" for path, lora in self.loras]
        stamps += [f"{digest_of(path, kept)} {word_of(path)}" for path, _ in self.embeddings]
        return hashlib.sha256("\n".join([base, *stamps]).encode()).hexdigest()


def find_extras(
    folder: Folder,
    facts: Facts,
    loras: Sequence[Lora],
    embeddings: Sequence[str],
    *,
    sources: Sources | None = None,
    download: bool = False,
) -> Extras:
    """The files of these changes to a model. Raises InvalidInputError for one that is not there, is no safetensors
    file, or was made for another kind of model, and where the family takes none."""
    for kind, given in (("loras", loras), ("embeddings", embeddings)):
        if given and kind not in facts.takes:
            raise InvalidInputError(
                f"Models of the family {facts.family} take no {kind} here. Leave out model.{kind}, or use a model that "
                "does; docs/models.md lists them."
            )
    found = Extras(
        tuple((find_file(lora.name, sources, download), lora) for lora in loras),
        tuple((find_file(name, sources, download), name) for name in embeddings),
    )
    for path, _ in found.loras:
        _check_lora(path, folder)
    words = [_check_embedding(path, folder) for path, _ in found.embeddings]
    if len(set(words)) < len(words):
        raise InvalidInputError(f"Two embeddings teach one word: {', '.join(words)}. Rename a file, or leave one out.")
    return found


def find_file(name: str, sources: Sources | None = None, download: bool = False) -> Path:
    """One safetensors file by its path, its folder's, or as ORG/NAME[@REVISION][/FILE] at a hub."""
    for place in local_paths(name, sources):
        if place.is_file():
            return _not_pickled(place)
        if place.is_dir():
            return _only_one(place, name)
    org, _, rest = name.partition("/")
    model, _, file = rest.partition("/")
    wanted = hub.hub_id(f"{org}/{model}")
    if wanted is None or name.endswith(PICKLES) or (file and not _is_weights(file)):
        raise InvalidInputError(
            f"There is no file {name!r}. Expected a {WEIGHTS} file, a folder with one, or ORG/NAME or ORG/NAME/FILE at "
            "a hub."
        )
    return _at_hub(name, wanted, file, sources, download)


def _at_hub(name: str, wanted: hub.HubId, file: str, sources: Sources | None, download: bool) -> Path:
    folder = hub.snapshot(wanted)
    if folder is None or not ((folder / file).is_file() if file else any(folder.glob(f"*{WEIGHTS}"))):
        if not download:
            raise InvalidInputError(
                f"{name!r} is neither a file nor in the hub's cache. To get it: {wanted.command(file)}"
            )

        def plan(listing: Mapping[str, int], _: Path) -> Iterator[Sequence[str]]:
            yield [file or _only_name([one for one in listing if _is_weights(one) and "/" not in one])]

        try:
            folder, _ = hub.fetch(wanted, plan, None if sources is None else sources.on_progress)
        except hub.NotThereError as reason:
            raise InvalidInputError(f"{name!r} {reason}.") from reason
    return folder / file if file else _only_one(folder, name)


def _is_weights(name: str) -> bool:
    return name.endswith(WEIGHTS) and hub.is_inside(name)


def _only_name(names: Sequence[str]) -> str:
    """The one file of a repository, before it is got. Raises NotThereError where it holds several, or none."""
    if len(names) != 1:
        held = ", ".join(sorted(names)[:8]) or "none"
        raise hub.NotThereError(f"must hold one {WEIGHTS} file, but holds {held}: name the file, as ORG/NAME/FILE")
    return names[0]


def _only_one(folder: Path, name: str) -> Path:
    files = sorted(folder.glob(f"*{WEIGHTS}"))
    if len(files) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise InvalidInputError(
            f"{name!r} must hold one {WEIGHTS} file, but holds {names}. Name the file itself. Other formats can run "
            "code when they are read, and are refused."
        )
    return files[0]


def _not_pickled(file: Path) -> Path:
    if file.suffix != WEIGHTS:
        raise InvalidInputError(
            f"{file.name} is no {WEIGHTS} file. Other formats can run code when they are read, and are refused; get "
            "the safetensors variant, or convert it."
        )
    return file


def shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a file, read from its header. Raises InvalidInputError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as content:
            return {name: tuple(content.get_slice(name).get_shape()) for name in content.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InvalidInputError(f"{file.name} is damaged: {error}. Fetch it again.") from error


def is_pair(name: str) -> bool:
    """Whether a tensor is the first of the two that change a layer, by its name in diffusers' or others' format."""
    return any(mark in name for mark in ("lora_A", "lora_down", "lora.down"))


def _check_lora(file: Path, folder: Folder) -> None:
    found = shapes(file)
    if not any("lora" in name for name in found):
        raise InvalidInputError(
            f"{file.name} holds no LoRA: none of its {len(found)} tensors is named so. Name such a file, or give this "
            "one where it belongs (a word's vectors: model.embeddings)."
        )
    if "unet" not in folder.parts:
        return
    reads = folder.config("unet")["cross_attention_dim"]
    made_for = {
        shape[1]
        for name, shape in found.items()
        if len(shape) > 1 and is_pair(name) and "attn2" in name and "to_k" in name
    }
    if isinstance(reads, int) and made_for - {reads}:
        raise InvalidInputError(
            f"{file.name} was made for another model: for words {min(made_for)} wide, where this one reads {reads} "
            "(Stable Diffusion 1.x 768, 2.x 1024, XL 2048)."
        )


def word_of(file: Path) -> str:
    """The word that a file of vectors teaches: the name of its tensor, or where that says nothing the file's."""
    names = list(shapes(file))
    return names[0] if len(names) == 1 and names[0] not in NAMELESS else file.stem


def _word_facts(file: Path) -> dict[str, Any]:
    shape = next(iter(shapes(file).values()))
    return {"word": word_of(file), "vectors": shape[0] if len(shape) > 1 else 1}


def _check_embedding(file: Path, folder: Folder) -> str:
    found = shapes(file)
    towers = [part for part in ("text_encoder", "text_encoder_2") if part in folder.parts]
    reads = [int(folder.config(part)["hidden_size"]) for part in towers]
    names = CLIP_KEYS if len(towers) == 2 else tuple(found)
    if len(found) != len(towers) or set(names) != found.keys() or not all(found.values()):
        wanted = f"{len(towers)}, named {' and '.join(CLIP_KEYS)}" if len(towers) == 2 else "1, named by their word"
        raise InvalidInputError(
            f"{file.name} is no textual inversion for this model: it holds {len(found)} tensors"
            f"{f', as {min(found)}' if found else ''}. Expected vectors for each text tower: {wanted}."
        )
    widths = [found[name][-1] for name in names]
    if widths != reads:
        raise InvalidInputError(
            f"The vectors of {file.name} are {widths} wide, and this model's text towers read {reads}: it was made for "
            "another kind of model."
        )
    word = word_of(file)
    if not word.strip() or any(letter.isspace() for letter in word):
        raise InvalidInputError(f"{file.name} teaches {word!r}, which is not one word. Rename the file.")
    return word
