"""From a model's name or folder to a `Denoiser` or an up-scaler, and what is known of it without loading it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoomlib import bundled
from zoomlib.denoiser import Codec, Denoiser, IdentityCodec
from zoomlib.errors import InvalidInputError

INDEX = "model_index.json"
UPSCALER = "super_resolution"
PARTS = {"unet": "UNet2DConditionModel", "text_encoder": "CLIPTextModel", "vae": "AutoencoderKL"}
REQUIRED = ("unet", "text_encoder", "tokenizer", "scheduler")


def find(name_or_folder: str | Path, fallbacks: Sequence[str | Path] = ()) -> Path:
    """The folder of the first model that is there: the named one, then the fall-backs in order.

    "bundled" is the shipped model; anything else is a folder in diffusers' format. Raises InvalidInputError, which
    lists what was tried.
    """
    candidates = [name_or_folder, *fallbacks]
    for candidate in candidates:
        folder = bundled.folder() if str(candidate) == "bundled" else Path(candidate).expanduser()
        if (folder / INDEX).is_file():
            return folder
    tried = ", ".join(repr(str(c)) for c in candidates)
    raise InvalidInputError(
        f"No model found; tried {tried}. Expected 'bundled', or a local folder in the format of diffusers, which has a "
        f"{INDEX} inside. To get one from a hub: hf download ORG/NAME --local-dir FOLDER."
    )


def describe(name_or_folder: str | Path, fallbacks: Sequence[str | Path] = ()) -> dict[str, Any]:
    """What a run records of a model, read from its files without loading weights.

    Keys: `id` (as it was named), `folder`, `family`, `shape` of one level, `factor` of its codec, `size_px` (height,
    width) of a picture, `upscaler` (None, or its `id`, `factor` and `revision`), `inpaints`, `revision` (SHA-256 over
    the files of the parts that sampling uses).
    """
    folder = find(name_or_folder, fallbacks)
    index = _index(folder)
    unet, factor, patch = _json(folder / "unet" / "config.json"), 1, int(index.get("patch_size", 1))
    if "vae" in index:
        factor = 2 ** (len(_json(folder / "vae" / "config.json")["block_out_channels"]) - 1)
    height, width = _size(unet, patch)
    channels = int(unet["out_channels"]) // patch**2
    upscaler = None
    if (folder / UPSCALER / "config.json").is_file():
        upscaler = {
            "id": str(name_or_folder),
            "factor": int(_json(folder / UPSCALER / "config.json")["factor"]),
            "revision": revision(folder / UPSCALER),
        }
    return {
        "id": str(name_or_folder),
        "folder": str(folder.resolve()),
        "family": "latent UNet" if factor > 1 else "pixel UNet",
        "shape": (channels, height, width),
        "factor": factor,
        "size_px": (height * factor, width * factor),
        "inpaints": int(unet["in_channels"]) > int(unet["out_channels"]),
        "upscaler": upscaler,
        "revision": revision(folder, (*REQUIRED, "vae")),
    }


def load_denoiser(
    name_or_folder: str | Path = "bundled",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    fallbacks: Sequence[str | Path] = (),
) -> Denoiser:
    """A model as `Denoiser`, without guidance (wrap it in `Guided`).

    Weights are read from safetensors only. Raises InvalidInputError for a folder that is no model, for an architecture
    without an adapter, and for missing or damaged weights.
    """
    from zoomlib.models.unet import Schedule, TextTower, UNetDenoiser

    folder = find(name_or_folder, fallbacks)
    index = _index(folder)
    config = _json(folder / "unet" / "config.json")
    patch = int(index.get("patch_size", 1))
    codec: Codec = IdentityCodec()
    if "vae" in index:
        from zoomlib.models.codec import AutoencoderCodec

        codec = AutoencoderCodec(_load(folder, "vae", device, dtype))
    return UNetDenoiser(
        _load(folder, "unet", device, dtype),
        TextTower(_tokenizer(folder), _load(folder, "text_encoder", device, dtype)),
        Schedule(_json(folder / "scheduler" / "scheduler_config.json")),
        codec,
        _size(config, patch),
        patch,
    )


def load_upscaler(
    name_or_folder: str | Path = "bundled", *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Any:
    """The super-resolution net of a model folder, a callable on (L, 3, H, W) with a `factor`."""
    from zoomlib.models.super_resolution import SuperResolution, Upscaler

    folder = find(name_or_folder)
    if not (folder / UPSCALER / "config.json").is_file():
        raise InvalidInputError(
            f"The model {str(name_or_folder)!r} has no folder {UPSCALER}. Use one that has, or no up-scaler."
        )
    return Upscaler(_read(SuperResolution, folder / UPSCALER, device, dtype))


def _index(folder: Path) -> dict[str, Any]:
    """The model's index; refuses what no adapter here can drive, by name."""
    index = _json(folder / INDEX)
    missing = [part for part in REQUIRED if part not in index]
    wrong = [f"{part}: {index[part][1]}" for part, kind in PARTS.items() if part in index and index[part][1] != kind]
    extra = [part for part in ("transformer", "text_encoder_2", "text_encoder_3") if index.get(part, [None])[0]]
    if missing or wrong or extra:
        faults = [f"without {part}" for part in missing] + wrong + [f"with {part}" for part in extra]
        raise InvalidInputError(
            f"The model in {folder.name!r} ({index.get('_class_name', 'unnamed pipeline')}) has no adapter: "
            f"{'; '.join(faults)}. Supported are pipelines of UNet2DConditionModel with one CLIPTextModel, in pixel "
            "space or with an AutoencoderKL, such as Stable Diffusion 1.x and 2.x and their inpainting variants."
        )
    return {key: value for key, value in index.items() if value != [None, None]}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"The model file {path.name} in {path.parent.name!r} is missing or no JSON: {error}."
        ) from error
    if not isinstance(content, dict):
        raise InvalidInputError(f"The model file {path.name} in {path.parent.name!r} holds no JSON object.")
    return content


def _size(config: dict[str, Any], patch: int) -> tuple[int, int]:
    size = config.get("sample_size") or 64
    height, width = (size, size) if isinstance(size, int) else size
    return height * patch, width * patch


def _load(folder: Path, part: str, device: str | torch.device, dtype: torch.dtype) -> nn.Module:
    import diffusers
    import transformers

    library: Any = transformers if part == "text_encoder" else diffusers
    return _read(getattr(library, PARTS[part]), folder / part, device, dtype)


def _read(kind: Any, folder: Path, device: str | torch.device, dtype: torch.dtype) -> nn.Module:
    """A component from its folder: safetensors only, nothing from a network, ready for use."""
    if not list(folder.glob("*.safetensors")):
        raise InvalidInputError(
            f"No safetensors weights in {folder.parent.name!r}/{folder.name}. Other formats can run code when they are "
            "read and are refused; fetch the safetensors variant of the model, or convert it."
        )
    ours = {"dtype": dtype} if _is_transformers(kind) else {"torch_dtype": dtype, "low_cpu_mem_usage": False}
    try:
        with _quiet():
            module = kind.from_pretrained(folder, use_safetensors=True, local_files_only=True, **ours)
    except Exception as error:
        raise InvalidInputError(
            f"The weights in {folder.parent.name!r}/{folder.name} could not be read: {error}. Fetch the model again."
        ) from error
    ready: nn.Module = module.to(device).eval().requires_grad_(False)
    return ready


def _is_transformers(kind: Any) -> bool:
    return str(kind.__module__).startswith("transformers")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the libraries' progress bars; the caller shows its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    except Exception as error:
        raise InvalidInputError(f"The tokenizer in {folder.name!r} could not be read: {error}.") from error


def revision(folder: Path, parts: Sequence[str] = ()) -> str:
    """SHA-256 over names and contents of a model's files: of all, or of the named subfolders and the index."""
    places = [folder] if not parts else [folder / INDEX, *(folder / part for part in parts)]
    found = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    files = sorted(file for file in found if file.suffix in {".json", ".safetensors", ".txt"})
    stamps = tuple((str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files)
    return _digest(folder, stamps)


@lru_cache(maxsize=32)
def _digest(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, _, _ in stamps:
        with (folder / name).open("rb") as file:
            digest.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
