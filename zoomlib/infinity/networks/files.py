"""Folders of trained generators: `config.json` beside `generator.safetensors` and `discriminator.safetensors`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import DiscriminatorConfig, GeneratorConfig
from zoomlib.infinity.networks.discriminator import Discriminator
from zoomlib.infinity.networks.pair import Networks

FORMAT = "tenfold-infinity-1"
CONFIG, GENERATOR, DISCRIMINATOR = "config.json", "generator.safetensors", "discriminator.safetensors"


def write_generator(
    folder: Path,
    config: GeneratorConfig,
    networks: Networks,
    *,
    discriminator: Discriminator | None = None,
    facts: Mapping[str, Any],
) -> None:
    """Write weights in float32, their sizes, and `facts` (any JSON: how it was trained, what it shows).

    Each file appears under its name only when it is whole, `config.json` last; it holds the checksums of the weights,
    by which readers notice a folder that was written in part over another. Other files of the folder stay.
    """
    modules: dict[str, nn.Module] = {GENERATOR: networks}
    sizes: dict[str, Any] = {"generator": config.as_json()}
    if discriminator is not None:
        modules[DISCRIMINATOR] = discriminator
        sizes["discriminator"] = discriminator.config.as_json()
    contents = {name: _packed(module) for name, module in modules.items()}
    sums = {name: _checksum(content) for name, content in contents.items()}
    about = {"format": FORMAT, **sizes, "sha256": sums, "facts": dict(facts)}
    contents[CONFIG] = (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode()
    _write_all(Path(folder), contents)


def read_generator(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[GeneratorConfig, Networks, dict[str, Any]]:
    """Sizes, networks (without gradients) and facts of a folder that `write_generator` made.

    Raises:
        InvalidInputError: no such folder, another format, damaged or non-finite weights, or weights of other sizes.
    """
    folder = Path(folder)
    about = read_about(folder)
    config = GeneratorConfig.from_json(about["generator"])
    networks = Networks(config)
    _fill(networks, folder, GENERATOR, about)
    return config, networks.to(device=device, dtype=dtype).requires_grad_(False), dict(about.get("facts", {}))


def read_discriminator(folder: Path, device: torch.device | str = "cpu") -> Discriminator:
    """The discriminator of a folder, in float32, without gradients; raises as `read_generator`."""
    folder = Path(folder)
    about = read_about(folder)
    if "discriminator" not in about:
        raise InvalidInputError(f"{folder} holds no discriminator. Name a folder that training wrote.")
    discriminator = Discriminator(DiscriminatorConfig.from_json(about["discriminator"]))
    _fill(discriminator, folder, DISCRIMINATOR, about)
    return discriminator.to(device=device).requires_grad_(False)


def read_about(folder: Path) -> dict[str, Any]:
    """What `config.json` of a folder says."""
    path = Path(folder) / CONFIG
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"Expected the folder of a generator, with {CONFIG} and {GENERATOR}; cannot read {path}: {error}. "
            "Name a folder that `tenfold train-infinity` wrote."
        ) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT or "generator" not in about:
        found = about.get("format") if isinstance(about, dict) else about
        raise InvalidInputError(
            f"{path} is of the format {found!r}, not {FORMAT}. Train again, or name another folder."
        )
    return about


def load_weights(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Fill a module with tensors of exactly its names and shapes.

    Raises:
        InvalidInputError: naming the first tensor that is missing, unknown, of another shape or not finite, with both
            shapes and the remedy. The module is then unchanged.
    """
    own = module.state_dict()
    for name in sorted(set(own) ^ set(state)):
        word = "lacks" if name in own else "has an unknown"
        raise InvalidInputError(f"{source} {word} tensor {name}. It is of other sizes; use its own config.")
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise InvalidInputError(
                f"{source} holds {name} of shape {tuple(state[name].shape)}; its sizes ask for {tuple(tensor.shape)}. "
                "Use the config that it was trained with."
            )
        if not state[name].isfinite().all():
            raise InvalidInputError(f"{source} holds {name} with numbers that are not finite. Use another checkpoint.")
    module.load_state_dict(dict(state))


def _fill(module: nn.Module, folder: Path, name: str, about: Mapping[str, Any]) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = (folder / name).read_bytes()
        state = load(content)
    except (OSError, SafetensorError) as error:
        raise InvalidInputError(f"Cannot read the weights {folder / name}: {error}. Copy the folder again.") from None
    # Sizes first: their message says more than that a checksum differs.
    load_weights(module, state, str(folder / name))
    if _checksum(content) != about.get("sha256", {}).get(name):
        raise InvalidInputError(f"{folder / name} is not the file that {CONFIG} tells of. Copy the folder again.")


def _packed(module: nn.Module) -> bytes:
    from safetensors.torch import save

    state = {name: tensor.detach().float().cpu().contiguous() for name, tensor in module.state_dict().items()}
    packed: bytes = save(state)
    return packed


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = {folder / f".{name}.{os.getpid()}": (folder / name, content) for name, content in contents.items()}
    try:
        for temporary, (_, content) in made.items():
            temporary.write_bytes(content)
        for temporary, (path, _) in made.items():
            temporary.replace(path)
    finally:
        for temporary in made:
            temporary.unlink(missing_ok=True)
