"""Weights of small judging networks from files: safetensors only, checked before anything is computed with them."""

import hashlib
import shlex
from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zoomlib.errors import InvalidInputError


def conversion(file: Path) -> str:
    """The command that turns a pickled state dict into safetensors, without running what a pickle may hold."""
    code = (
        "import torch; from safetensors.torch import save_file; "
        f"w = torch.load({str(file)!r}, map_location='cpu', weights_only=True); "
        f"save_file({{k: v.clone() for k, v in w.items()}}, {str(file.with_suffix('.safetensors'))!r})"
    )
    return f"python -c {shlex.quote(code)}"


def check_file(file: Path, what: str) -> None:
    """Refuse, by name and with the remedy, a file that is missing or of another format. what: for the error."""
    if not file.is_file():
        raise InvalidInputError(
            f"There is no file {file} with the weights of {what}. docs/scores.md says how to get it."
        )
    if file.suffix != ".safetensors":
        raise InvalidInputError(
            f"The weights of {what} are read from safetensors only, as other files can run code; got {file.name}. "
            f"Convert it once: {conversion(file)}"
        )


def read_weights(file: Path, what: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises InvalidInputError for a missing, damaged, foreign or non-finite file."""
    check_file(file, what)
    try:
        weights: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise InvalidInputError(
            f"{file} is damaged or no safetensors file: {error}. Fetch or save it again."
        ) from error
    bad = [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise InvalidInputError(f"{file} holds values that are not finite, in {bad[0]}. Fetch or save it again.")
    return weights


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over the contents of files, in the order given, each with its name unless it is the only one."""
    files = tuple(files)
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            one = hashlib.file_digest(opened, "sha256").hexdigest()
        if len(files) == 1:
            return one
        total.update(f"{file.name} {one}\n".encode())
    return total.hexdigest()
