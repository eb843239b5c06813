"""Low-rank changes merged into a loaded model's weights, and words that it is taught, by diffusers' own loaders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zoomlib.careful import Note, unheard
from zoomlib.errors import InvalidInputError
from zoomlib.models.files.extra_files import CLIP_KEYS, Extras, Lora, is_pair, word_of
from zoomlib.models.files.folder import networks, quiet

ADAPTER = "tenfold"
"""What a LoRA is called while it is merged."""


def put_on(pipeline: Any, extras: Extras, on_note: Note = unheard) -> None:
    """Change the networks and tokenizers of a pipeline of diffusers, in place, as the files say.

    LoRAs are added to the weights, each times its own weight, so that sampling costs what it did. Raises
    InvalidInputError for a file that this model cannot take; `on_note` is told of parts of a file that fit no layer.
    """
    for path, _ in extras.embeddings:
        _teach(pipeline, path)
    for path, lora in extras.loras:
        _merge(pipeline, path, lora, on_note)
    for module in networks(pipeline).values():
        module.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)  # type: ignore[no-any-return]


def _merge(pipeline: Any, path: Path, lora: Lora, on_note: Note) -> None:
    """One after the other, so that diffusers never holds two: sums are the same."""
    tensors = _tensors(path)
    try:
        with quiet(), _silent():
            pipeline.load_lora_weights(tensors, adapter_name=ADAPTER)
    except Exception as error:
        raise InvalidInputError(
            f"The LoRA {lora.name!r} does not fit this model: {_first_line(error)}. Use one that was made for it."
        ) from error
    _check_fits(pipeline, lora, tensors, on_note)
    pipeline.set_adapters([ADAPTER], [lora.weight])
    pipeline.fuse_lora(adapter_names=[ADAPTER])
    pipeline.unload_lora_weights()


def _check_fits(pipeline: Any, lora: Lora, tensors: dict[str, Tensor], on_note: Note) -> None:
    asked = sum(map(is_pair, tensors))
    layers = [module for part in networks(pipeline).values() for module in part.modules() if _is_changed(module)]
    if not layers:
        raise InvalidInputError(
            f"The LoRA {lora.name!r} changes no layer of this model: it was made for another kind. Leave it out."
        )
    if any("dora_scale" in key for key in tensors):
        on_note(
            f"The LoRA {lora.name!r} has magnitudes, too (DoRA), which are left out: pictures may differ from its own."
        )
    if len(layers) < asked:
        on_note(f"Of the LoRA {lora.name!r}, {asked - len(layers)} of {asked} layers are not this model's: left out.")


def _is_changed(module: nn.Module) -> bool:
    changes = getattr(module, "lora_A", None)
    return isinstance(changes, nn.ModuleDict) and ADAPTER in changes


def _teach(pipeline: Any, path: Path) -> None:
    word, tensors = word_of(path), _tensors(path)
    for key, vectors in tensors.items():
        tower = "_2" if len(tensors) > 1 and key == CLIP_KEYS[1] else ""
        parts = {name: getattr(pipeline, name + tower) for name in ("tokenizer", "text_encoder")}
        try:
            with _silent():
                pipeline.load_textual_inversion({word: vectors}, token=word, **parts)
        except ValueError as error:
            raise InvalidInputError(
                f"The word {word!r} of {path.name} cannot be taught: {_first_line(error)}. Give it another name."
            ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Hold back what the libraries log: failures are raised, and said by us."""
    from diffusers.utils import logging as pictures
    from transformers.utils import logging as texts

    before = [(log, log.get_verbosity()) for log in (pictures, texts)]
    try:
        for log, _ in before:
            log.set_verbosity(CRITICAL)
        yield
    finally:
        for log, level in before:
            log.set_verbosity(level)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
