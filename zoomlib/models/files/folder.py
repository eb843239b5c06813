"""A model's folder in the format of diffusers: what its files say, and its parts read from disk.

Weights are read from safetensors only; nothing here reaches for a network, and nothing runs a model's own code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoomlib.building import alone
from zoomlib.errors import InvalidInputError
from zoomlib.models.files import weights

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers")
SMALL = (".json", ".txt", ".model", ".jinja")
"""What a model has beside its weights: configurations, words, sentence pieces, and the form of what its language model
is told, a template that transformers fills in a sandbox."""
NO_CODE = {"trust_remote_code": False}
"""What transformers is told: where it is not, it asks the user whether code that comes with a model may run."""
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",), ("tokenizer.model",))
"""Files of which a tokenizer needs one set."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises InvalidInputError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"The model file {path.name} in {path.parent.name!r} is missing or no JSON: {error}."
        ) from error
    if not isinstance(content, dict):
        raise InvalidInputError(f"The model file {path.name} in {path.parent.name!r} holds no JSON object.")
    return content


@dataclass(frozen=True)
class Folder:
    """A model on disk. parts: the class of every component that is there, by the part's name, as `unet`."""

    path: Path

    @cached_property
    def index(self) -> dict[str, Any]:
        """The model's index."""
        return read_json(self.path / INDEX)

    @cached_property
    def parts(self) -> dict[str, str]:
        """The class of every part that the index names, without its library."""
        named = {part: kind for part, kind in self.index.items() if isinstance(kind, list) and len(kind) == 2}
        return {part: str(kind[1]) for part, kind in named.items() if all(kind)}

    def config(self, part: str) -> dict[str, Any]:
        """The configuration of a part. Raises InvalidInputError for weights that are quantized."""
        name = "scheduler_config.json" if part.endswith("scheduler") else "config.json"
        content = read_json(self.path / part / name)
        if how := content.get("quantization_config"):
            method = how.get("quant_method", "unnamed") if isinstance(how, dict) else how
            raise InvalidInputError(
                f"The weights of {part} in {self.path.name!r} are quantized ({method}), which is not read here. Use "
                "the model with plain weights; where memory is short, in bfloat16 with --set model.offload=model."
            )
        return content

    def module(self, part: str, kind: Any, dtype: torch.dtype) -> nn.Module:
        """One network, of the class `kind` of diffusers, transformers or ours, ready for use, on the CPU."""
        self.config(part)
        return read_module(kind, self.path / part, dtype)

    def pipeline(self, kind: Any, dtype: torch.dtype, **given: Any) -> Any:
        """The parts in a pipeline of the class `kind` of diffusers, which knows how to turn words into numbers; `given`
        replaces parts, as safety_checker=None. Networks are ready for use, on the CPU."""
        read = {part: self.module(part, self._kind(part), dtype) for part in self.parts if self._wants(part, given)}
        try:
            with quiet():
                pipeline = kind.from_pretrained(self.path, local_files_only=True, **read, **given)
        except Exception as error:
            raise InvalidInputError(
                f"The model in {self.path.name!r} could not be read: {error}. Fetch the model again."
            ) from error
        for module in networks(pipeline).values():
            module.eval().requires_grad_(False)
        return pipeline

    def has_weights(self, part: str) -> bool:
        """Whether a part is a network."""
        return not part.startswith("tokenizer") and (self.path / part / "config.json").is_file()

    def size(self, part: str, dtype: torch.dtype) -> weights.Size:
        """How large a network is."""
        return weights.size(self.path / part, dtype)

    def _wants(self, part: str, given: Mapping[str, Any]) -> bool:
        return part not in given and self.has_weights(part)

    def _kind(self, part: str) -> Any:
        """The class of a part, of diffusers or transformers: a model's own code is never run."""
        library, kind = self.index[part]
        found = getattr(import_module(library), str(kind), None) if library in LIBRARIES else None
        if not isinstance(found, type):
            raise self._foreign(part)
        return found

    def check_code(self, parts: Iterable[str]) -> None:
        """Raise InvalidInputError where the model, or one of these parts, names code of its own; none is imported."""
        if isinstance(self.index.get("_class_name"), list):
            raise InvalidInputError(
                f"The model {self.path.name!r} names a pipeline with code of its own, which is not run. Use another."
            )
        for part in parts:
            if part in self.parts and self.index[part][0] not in LIBRARIES:
                raise self._foreign(part)

    def _foreign(self, part: str) -> InvalidInputError:
        library, kind = self.index[part]
        return InvalidInputError(
            f"The part {part} of the model {self.path.name!r} is {library}.{kind}, which neither diffusers nor "
            "transformers has. Code that comes with a model is not run; use a model without."
        )

    def lacking(self, parts: Iterable[str], dtype: torch.dtype = torch.float32) -> list[str]:
        """What of these parts is not there, a clause each; empty for a model that is whole.

        Raises InvalidInputError for weights that can never be read (`zoomlib.models.files.weights.lacking`).
        """
        found = (self._lacking(part, dtype) for part in parts)
        return [clause for clause in found if clause is not None]

    def _lacking(self, part: str, dtype: torch.dtype) -> str | None:
        place = self.path / part
        if not place.is_dir():
            return f"{part} is missing"
        if part.startswith("tokenizer"):
            whole = any(all((place / name).is_file() for name in names) for names in TOKENIZERS)
            return None if whole else f"{part} has no vocabulary"
        if part.endswith("scheduler"):
            return None if (place / "scheduler_config.json").is_file() else f"{part} has no configuration"
        if not (place / "config.json").is_file():
            return f"{part} has no configuration"
        return weights.lacking(place, dtype)

    def files(self, parts: Iterable[str], dtype: torch.dtype = torch.float32) -> list[str]:
        """The files that these parts are read from, and the index, as paths in the folder."""
        found = [INDEX]
        for part in parts:
            names = [path.name for path in sorted((self.path / part).iterdir())]
            found += [f"{part}/{name}" for name in names if name.endswith(SMALL) and ".safetensors." not in name]
            chosen = weights.choose(names, dtype)
            if chosen is not None:
                found += [f"{part}/{name}" for name in (*chosen.files, *filter(None, [chosen.index]))]
        return found


def networks(pipeline: Any) -> dict[str, nn.Module]:
    """The networks of a pipeline of diffusers, by their part's name."""
    return {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}


@alone
def read_module(kind: Any, folder: Path, dtype: torch.dtype) -> nn.Module:
    """A component from its folder: safetensors only, nothing from a network, ready for use."""
    chosen = weights.choose([path.name for path in folder.iterdir()] if folder.is_dir() else [], dtype)
    if chosen is None:
        raise InvalidInputError(str(_why_not(folder, dtype)))
    weights.shards(folder, chosen)
    ours = {"dtype": dtype, **NO_CODE} if _is_transformers(kind) else {"torch_dtype": dtype}
    try:
        with quiet():
            module, told = kind.from_pretrained(
                folder,
                variant=chosen.variant,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **ours,
            )
    except Exception as error:
        raise InvalidInputError(
            f"The weights in {folder.parent.name!r}/{folder.name} could not be read: {error}. Fetch the model again."
        ) from error
    if told["missing_keys"]:
        raise InvalidInputError(
            f"The weights in {folder.parent.name!r}/{folder.name} lack {len(told['missing_keys'])} tensors, as "
            f"{min(told['missing_keys'])}: they are not of a {kind.__name__}. Fetch the model again."
        )
    ready: nn.Module = module.eval().requires_grad_(False)
    return ready


def read_tokenizer(folder: Path) -> Any:
    """A tokenizer from its folder. Raises InvalidInputError for one that cannot be read without code of its own."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, **NO_CODE)
    except Exception as error:
        reason = "it needs code of its own, which is not run here" if "trust_remote_code" in str(error) else str(error)
        raise InvalidInputError(
            f"The tokenizer in {folder.parent.name!r}/{folder.name} could not be read: {reason}. Fetch the model again."
        ) from error


def _why_not(folder: Path, dtype: torch.dtype) -> str:
    reason = weights.lacking(folder, dtype)
    return f"In {folder.parent.name!r}, {reason}. Fetch the model again."


def _is_transformers(kind: Any) -> bool:
    return str(kind.__module__).startswith("transformers")


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the libraries' progress bars; the caller shows its own."""
    from diffusers.utils import logging as pictures
    from transformers.utils import logging as texts

    shown = texts.is_progress_bar_enabled()
    drawn = pictures.is_progress_bar_enabled()
    texts.disable_progress_bar()
    pictures.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            texts.enable_progress_bar()
        if drawn:
            pictures.enable_progress_bar()


def size_of(config: Mapping[str, Any], otherwise: int = 64) -> tuple[int, int]:
    """(H, W) of what a network was trained for, in its own places."""
    size = config.get("sample_size") or otherwise
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)
