"""A model's folder in the format of diffusers: what its files say, and its parts read from disk.

Weights are read from safetensors only; nothing here reaches for a network, and nothing runs a model's own code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoomlib.errors import InvalidInputError

INDEX = "model_index.json"


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
        """The configuration of a part."""
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        return read_json(self.path / part / name)

    def module(self, part: str, kind: Any, dtype: torch.dtype) -> nn.Module:
        """One network, of the class `kind` of diffusers, transformers or ours, ready for use, on the CPU."""
        return read_module(kind, self.path / part, dtype)

    def pipeline(self, kind: Any, dtype: torch.dtype, **given: Any) -> Any:
        """The parts in a pipeline of the class `kind` of diffusers, which knows how to turn words into numbers; `given`
        replaces parts, as safety_checker=None. Networks are ready for use, on the CPU."""
        self._check_safetensors()
        try:
            with quiet():
                pipeline = kind.from_pretrained(
                    self.path,
                    dtype=dtype,
                    use_safetensors=True,
                    local_files_only=True,
                    **given,
                )
        except Exception as error:
            raise InvalidInputError(
                f"The model in {self.path.name!r} could not be read: {error}. Fetch the model again."
            ) from error
        for module in networks(pipeline).values():
            module.eval().requires_grad_(False)
        return pipeline

    def _check_safetensors(self) -> None:
        for part in self.parts:
            config = self.path / part / "config.json"
            if config.is_file() and not list((self.path / part).glob("*.safetensors")):
                raise _no_safetensors(self.path / part)


def networks(pipeline: Any) -> dict[str, nn.Module]:
    """The networks of a pipeline of diffusers, by their part's name."""
    return {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}


def read_module(kind: Any, folder: Path, dtype: torch.dtype) -> nn.Module:
    """A component from its folder: safetensors only, nothing from a network, ready for use."""
    if not list(folder.glob("*.safetensors")):
        raise _no_safetensors(folder)
    ours = {"dtype": dtype} if _is_transformers(kind) else {"torch_dtype": dtype, "low_cpu_mem_usage": False}
    try:
        with quiet():
            module = kind.from_pretrained(folder, use_safetensors=True, local_files_only=True, **ours)
    except Exception as error:
        raise InvalidInputError(
            f"The weights in {folder.parent.name!r}/{folder.name} could not be read: {error}. Fetch the model again."
        ) from error
    ready: nn.Module = module.eval().requires_grad_(False)
    return ready


def _no_safetensors(part: Path) -> InvalidInputError:
    return InvalidInputError(
        f"No safetensors weights in {part.parent.name!r}/{part.name}. Other formats can run code when they are "
        "read and are refused; fetch the safetensors variant of the model, or convert it."
    )


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
